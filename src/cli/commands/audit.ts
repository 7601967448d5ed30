/** audit: who changed what. */

import type { Command } from 'commander'
import type { AuditEntryAnswer, AuditPageAnswer, WholeAuditEntryAnswer } from '../../api/routes/audit.ts'
import { path } from '../../core/api-path.ts'
import type { Client, Query } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, cleanLines, moment, momentFrom, wholeFrom } from '../words.ts'

interface Options {
  readonly who?: string
  readonly object?: string
  readonly operation?: string
  readonly outcome?: string
  readonly since?: string
  readonly until?: string
  readonly text?: string
  readonly limit: number
  readonly export?: boolean
}

const LIMIT_MAX = 500

export function auditCommands(program: Command, session: Session): void {
  const group = program.command('audit').description('who changed what, newest first')
  group
    .command('list', { isDefault: true })
    .description('the trail of changes, newest first')
    .option('--who <person>', 'e-mail address or id of a person, or id of a token')
    .option('--object <object>', 'a kind of object, such as current, or one, such as current:3')
    .option('--operation <id>', 'an operation of the API, such as launchCurrent')
    .option('--outcome <outcome>', 'begun, done, refused or failed')
    .option('--since <time>', 'not before: 2026-11-23T10:00:00Z, or 90m, 2h, 3d ago')
    .option('--until <time>', 'before')
    .option('--text <text>', 'part of a name, an id, an operation or a code')
    .option('--limit <n>', 'at most so many', wholeFrom(1, LIMIT_MAX), 50)
    .option('--export', 'all that fit, with what was before and after, as lines of JSON')
    .action(async (options: Options) => {
      const query = queryOf(options, session.io.now())
      if (options.export === true) {
        const given = Object.entries(query).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, String(value)] as const],
        )
        return session.copied(`/audit/export?${new URLSearchParams(Object.fromEntries(given))}`)
      }
      const entries = await found(await session.client(), query, options.limit)
      session.out.show({ entries }, () => showEntries(session, entries))
    })

  group
    .command('show')
    .description('one entry, with what was before and after')
    .argument('<number>', 'of the entry', wholeFrom(1, 2_147_483_647))
    .action(async (number: number) => {
      const entry = await (await session.client()).get<WholeAuditEntryAnswer>(path`/audit/${number}`)
      session.out.show(entry, () => showEntry(session, entry))
    })
}

function queryOf({ who, object, operation, outcome, since, until, text }: Options, now: number): Query {
  return {
    who,
    object,
    operation,
    outcome,
    text,
    from: since === undefined ? undefined : momentFrom(since, now),
    to: until === undefined ? undefined : momentFrom(until, now),
  }
}

/** A page may hold fewer than asked for while there are more. */
async function found(client: Client, query: Query, limit: number): Promise<AuditEntryAnswer[]> {
  const entries: AuditEntryAnswer[] = []
  let before: number | null | undefined
  while (entries.length < limit && before !== null) {
    const rest = { limit: limit - entries.length, ...(before === undefined ? {} : { before }) }
    const page: AuditPageAnswer = await client.get('/audit', { ...query, ...rest })
    entries.push(...page.entries)
    before = page.next
  }
  return entries
}

function showEntries({ out }: Session, entries: readonly AuditEntryAnswer[]): void {
  out.table(
    [
      { title: 'NUMBER', right: true },
      { title: 'WHEN' },
      { title: 'WHO' },
      { title: 'WHAT' },
      { title: 'OBJECT' },
      { title: 'OUTCOME' },
    ],
    entries.map((entry) => [
      String(entry.number),
      moment(entry.at),
      clean(whoOf(entry), 40),
      entry.operation,
      clean(objectOf(entry), 60),
      entry.outcome === 'done' ? 'done' : out.colour('yellow', outcomeOf(entry)),
    ]),
    'Nothing was changed, as far as this asks.',
  )
}

function showEntry({ out }: Session, entry: WholeAuditEntryAnswer): void {
  const { number, at, address, operation, request, before, after } = entry
  out.facts([
    ['number', String(number)],
    ['when', moment(at)],
    ['who', clean(whoOf(entry))],
    ['from', clean(address)],
    ['what', operation],
    ['object', clean(objectOf(entry))],
    ['outcome', outcomeOf(entry)],
    ['request', clean(request)],
  ])
  for (const [title, state] of [
    ['Before', before],
    ['After', after],
  ] as const) {
    if (state === undefined) continue
    out.line()
    out.line(`${title}:`)
    out.line(cleanLines(JSON.stringify(state, null, 2)))
  }
}

function whoOf({ who }: AuditEntryAnswer): string {
  return who === null ? 'nobody known' : `${who.name} (${who.role})`
}

function objectOf({ object: { kind, id, name } }: AuditEntryAnswer): string {
  return id === '' || id === name ? `${kind} ${name}`.trim() : `${kind} ${name} (${id})`
}

function outcomeOf({ outcome, code }: AuditEntryAnswer): string {
  return code === '' ? outcome : `${outcome}: ${code}`
}
