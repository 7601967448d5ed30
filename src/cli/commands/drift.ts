/** drift: event types, fields and kinds of values that nobody told us of. */

import type { Command } from 'commander'
import type { DriftFindingAnswer, DriftFindingsAnswer, DriftTypeAnswer } from '../../api/routes/drift.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment, momentFrom, wholeFrom } from '../words.ts'

interface FilterOptions {
  readonly source?: string
  readonly type?: string
  readonly finding?: string
}

interface ListOptions extends FilterOptions {
  readonly since?: number
  readonly all?: boolean
  readonly limit: number
  readonly cursor?: string
}

interface AcknowledgeOptions extends FilterOptions {
  readonly all?: boolean
  readonly note: string
}

const SHARE_DIGITS = 1

export function driftCommands(program: Command, session: Session): void {
  const group = program
    .command('drift')
    .description('event types and fields that nobody told us of: what is new in what the sources send')

  filtered(group.command('list'))
    .description('what was found, newest first')
    .option('--since <time>', 'first seen since: ISO time, or 90m, 2h, 3d', (text) =>
      momentFrom(text, session.io.now()),
    )
    .option('--all', 'also what was acknowledged')
    .option('--limit <n>', 'at most so many', wholeFrom(1, 500), 50)
    .option('--cursor <cursor>', 'where the page before ended')
    .action(async ({ type, all, ...options }: ListOptions) => {
      const { out } = session
      const query = { ...options, eventType: type, ...(all ? {} : { acknowledged: 'false' }) }
      const page = await (await session.client()).get<DriftFindingsAnswer>('/drift', query)
      out.show(page, () => {
        out.table(
          [{ title: 'ID' }, { title: 'FINDING' }],
          page.findings.map((finding) => [finding.id, inWords(finding)]),
          'Nothing new was found.',
        )
        if (page.next !== null) out.line(`More: --cursor ${page.next}`)
        if (page.position < page.head)
          out.aside(`${grouped(page.head - page.position)} events are not counted yet.`)
      })
    })

  group
    .command('show')
    .description('the fields of an event type as they came')
    .argument('<type>', 'event type')
    .option('--source <source>', 'of this source only')
    .action(async (type: string, { source }: { source?: string }) => {
      const client = await session.client()
      const seen = await client.get<DriftTypeAnswer>(path`/drift/types/${type}`, { source })
      session.out.show(seen, () => showType(session, seen))
    })

  filtered(group.command('acknowledge'))
    .description('say that findings are known: those named, or all that match')
    .argument('[ids...]', 'ids of findings')
    .option('--all', 'all there are')
    .requiredOption('--note <text>', 'why, for those who come later')
    .action(async (ids: readonly string[], options: AcknowledgeOptions, command: Command) => {
      const { source, type, finding, all, note } = options
      const filter = { source, eventType: type, finding }
      const byFilter = all === true || Object.values(filter).some((value) => value !== undefined)
      if (ids.length > 0 === byFilter)
        command.error('error: name findings, or choose them with --source, --type, --finding or --all', {
          exitCode: 2,
        })
      const body = { ...(byFilter ? { filter } : { ids }), note }
      const client = await session.client()
      const answer = await client.send<{ acknowledged: number }>('POST', '/drift/acknowledge', body)
      session.out.show(answer, () =>
        session.out.line(`${grouped(answer.acknowledged)} findings are acknowledged.`),
      )
    })
}

function filtered(command: Command): Command {
  return command
    .option('--source <source>', 'of this source')
    .option('--type <type>', 'of this event type')
    .option('--finding <finding>', 'new_type, new_field, kind_change or missing_required')
}

/** One finding as a sentence. */
export function inWords(finding: DriftFindingAnswer): string {
  const { count, sample, acknowledgedAt, note } = finding
  const facts = [
    `first seen ${moment(finding.firstSeenAt)}`,
    `${grouped(count)} event${count === 1 ? '' : 's'}`,
    ...(sample === '' ? [] : [`for example ${clean(sample, 60)}`]),
    ...(acknowledgedAt === null ? [] : [`acknowledged${note === '' ? '' : `: ${clean(note, 60)}`}`]),
  ]
  const source = finding.source === null ? 'a deleted source' : `source ${clean(finding.source)}`
  return `${subjectOf(finding)} from ${source}: ${facts.join(', ')}`
}

function subjectOf({ finding, eventType, path: field, kind, expected }: DriftFindingAnswer): string {
  const type = clean(eventType, 80) || '(no type)'
  const name = clean(field, 80)
  switch (finding) {
    case 'new_type':
      return `New event type ${type}`
    case 'new_field':
      return `New field ${name} (${kind}) on ${type}`
    case 'kind_change':
      return `Field ${name} on ${type} came as ${kind} instead of ${expected}`
    case 'missing_required':
      return `Field ${name} (${expected}), which every event should have, is missing on ${type}`
  }
}

function showType({ out }: Session, seen: DriftTypeAnswer): void {
  for (const source of seen.sources) {
    out.facts([
      ['type', `${clean(seen.eventType) || '(no type)'}${seen.inCatalog ? '' : ', not in the catalog'}`],
      ['source', clean(source.source ?? '–')],
      ['events', grouped(source.count)],
      ['first seen', `${moment(source.firstSeenAt)} at offset ${source.firstOffset}`],
      ['last seen', moment(source.lastSeenAt)],
    ])
    if (source.unexamined > 0)
      out.line(`${grouped(source.unexamined)} of them were counted without a look inside.`)
    if (source.unlisted > 0) out.line(`${grouped(source.unlisted)} of them have more fields than are listed.`)
    out.line()
    out.table(
      [
        { title: 'FIELD' },
        { title: 'KIND' },
        { title: 'EVENTS', right: true },
        { title: 'SHARE', right: true },
        { title: 'CATALOG' },
        { title: 'FINDING' },
        { title: 'FIRST SEEN' },
        { title: 'EXAMPLE' },
      ],
      source.fields.map((field) => [
        clean(field.path, 60),
        field.kind,
        grouped(field.count),
        `${(field.share * 100).toFixed(SHARE_DIGITS)} %`,
        field.inCatalog ? 'yes' : 'no',
        field.finding === '' ? '–' : out.colour('yellow', field.finding.replace('_', ' ')),
        moment(field.firstSeenAt),
        clean(field.sample, 40),
      ]),
      'None of its events was looked into.',
    )
    out.line()
  }
}
