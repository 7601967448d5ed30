/** activations: queries whose people become a cohort, and what it holds. */

import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ActivationPreviewAnswer } from '../../api/routes/activation-previews.ts'
import type { ActivationAnswer, PeopleAnswer, WhyAnswer } from '../../api/routes/activations.ts'
import type { RecordAnswer } from '../../api/routes/events.ts'
import { path } from '../../core/api-path.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Identifier } from '../../core/membership.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment, momentFrom } from '../words.ts'
import { showRecord } from './event.ts'
import { runCommands } from './runs.ts'

export function activationCommands(program: Command, session: Session): void {
  const group = program
    .command('activations')
    .alias('activation')
    .description('queries whose people become a cohort')
  definitions(group, session)
  states(group, session)
  runCommands(group, session)
  memberships(group, session)
}

function definitions(group: Command, session: Session): void {
  const { out } = session

  group
    .command('list')
    .description('all activations')
    .action(async () => {
      const answer = await (await session.client()).get<{ activations: ActivationAnswer[] }>('/activations')
      session.out.show(answer, () =>
        session.out.table(
          [
            { title: 'NAME' },
            { title: 'STATE' },
            { title: 'OPERATION' },
            { title: 'DESTINATION' },
            { title: 'SCHEDULE' },
            { title: 'NEXT RUN' },
            { title: 'MEMBERS', right: true },
          ],
          answer.activations.map(({ name, state, definition, schedule, nextRunAt, members }) => [
            clean(name),
            state,
            definition.operation,
            clean(definition.destination.kind),
            clean(schedule),
            moment(nextRunAt),
            members === null ? '–' : grouped(members),
          ]),
          'There are no activations. Make one: thalweg activations create <file.json>',
        ),
      )
    })

  group
    .command('show')
    .description('one activation')
    .argument('<activation>', 'name or number')
    .action(async (name: string) => {
      const shown = await (await session.client()).get<ActivationAnswer>(path`/activations/${name}`)
      session.out.show(shown, () => showActivation(session, shown))
    })

  group
    .command('create')
    .description('make an activation from its definition; nothing is sent before its first run')
    .argument('<file>', 'JSON with the definition; - for standard input')
    .action(async (file: string) => {
      const client = await session.client()
      const made = await client.send<ActivationAnswer>('POST', '/activations', await session.readJson(file))
      session.out.show(made, () => {
        showActivation(session, made)
        out.aside(`Look before you send: thalweg activations run ${made.name} --dry-run`)
      })
    })

  group
    .command('preview')
    .description('some rows of the query of a definition, and what its columns mean; nothing is made or sent')
    .argument('<file>', 'JSON with the definition; - for standard input')
    .option('--rows <number>', 'of the sample', '5')
    .action(async (file: string, { rows }: { rows: string }) => {
      const client = await session.client()
      const { query, aliases, priority, identifiers, timeoutMs, destination } = (await session.readJson(
        file,
      )) as Partial<ActivationAnswer['definition']>
      const body = { query, aliases, priority, identifiers, timeoutMs, rows: Number(rows) }
      const kind = destination === undefined ? {} : { destinationKind: destination.kind }
      const found = await client.send<ActivationPreviewAnswer>('POST', '/activations/preview', {
        ...body,
        ...kind,
      })
      session.out.show(found, () => showPreview(session, found))
    })

  group
    .command('revise')
    .description('replace the definition')
    .argument('<activation>', 'name or number')
    .argument('<file>', 'JSON with the definition; - for standard input')
    .option('--note <text>', 'why', '')
    .action(async (name: string, file: string, { note }: { note: string }) => {
      const client = await session.client()
      const body = { definition: await session.readJson(file), note }
      const revised = await client.send<ActivationAnswer>('PUT', path`/activations/${name}`, body)
      session.out.show(revised, () => showActivation(session, revised))
    })

  group
    .command('delete')
    .description('end an activation; the cohort stays as it is at the vendor')
    .argument('<activation>', 'name or number')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      if (!(await session.agreed(yes, `End ${clean(name)}? Its cohort stays as it is.`)))
        return session.out.aside('Nothing was changed.')
      await client.remove(path`/activations/${name}`)
      session.out.show({ deleted: name }, () => session.out.line(`Deleted ${clean(name)}.`))
    })
}

function showPreview({ out }: Session, found: ActivationPreviewAnswer): void {
  const { columns, rows, usable, notices, problem } = found
  out.table(
    columns.map(({ name, kind }) => ({ title: `${clean(name)} (${kind ?? 'ignored'})` })),
    rows.map((row) => row.map((cell) => clean(String(cell ?? '')))),
    'The query gives no row now.',
  )
  if (problem === null) out.line(`${grouped(usable)} of these ${grouped(rows.length)} rows name somebody.`)
  for (const notice of notices) out.line(clean(notice))
  if (problem !== null) out.line(out.colour('red', `A run would fail: ${clean(problem, 1_000)}`))
}

function states(group: Command, session: Session): void {
  const actions = [
    ['pause', 'stop its schedule; runs by hand go on'],
    ['resume', 'take up its schedule again, from now'],
  ] as const
  for (const [word, about] of actions) {
    group
      .command(word)
      .description(about)
      .argument('<activation>', 'name or number')
      .action(async (name: string) => {
        const client = await session.client()
        const changed = await client.send<ActivationAnswer>('POST', `${path`/activations/${name}`}/${word}`)
        session.out.show(changed, () => showActivation(session, changed))
      })
  }

  group
    .command('resync')
    .description('forget what the vendor accepted: the next run sends everything again')
    .argument('<activation>', 'name or number')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      if (!(await session.agreed(yes, `Send everything of ${clean(name)} again with its next run?`)))
        return session.out.aside('Nothing was changed.')
      await client.send('POST', `${path`/activations/${name}`}/resync`)
      session.out.show({ resynced: name }, () => session.out.line('The next run sends everything again.'))
    })
}

interface WhoOptions {
  readonly device?: boolean
  readonly alias?: string
}

function memberships(group: Command, session: Session): void {
  group
    .command('members')
    .description('who is in, or was at a moment')
    .argument('<activation>', 'name or number')
    .option('--at <when>', '2026-11-23T10:00:00Z, or 90m, 2h, 3d ago', 'now')
    .option('--after <text>', 'from the page before', '')
    .addOption(new Option('--format <format>', 'all of them, as a file').choices(['csv', 'ndjson']))
    .action(async (name: string, { at, after, format }: { at: string; after: string; format?: string }) => {
      const atMs = String(momentFrom(at, session.io.now()))
      if (format !== undefined)
        return session.copied(
          `${path`/activations/${name}`}/members/file?${new URLSearchParams({ at: atMs, format })}`,
        )
      const client = await session.client()
      const query = new URLSearchParams({ at: atMs, after })
      const answer = await client.get<PeopleAnswer & { size: number }>(
        `${path`/activations/${name}`}/members?${query}`,
      )
      session.out.show(answer, () => {
        showPeople(session, answer)
        session.out.aside(`${grouped(answer.size)} members`)
      })
    })

  group
    .command('compare')
    .description('who came or went between two moments')
    .argument('<activation>', 'name or number')
    .requiredOption('--from <when>', 'the earlier moment')
    .option('--to <when>', 'the later moment', 'now')
    .option('--left', 'who went, instead of who came')
    .option('--after <text>', 'from the page before', '')
    .action(async (name: string, given: { from: string; to: string; left?: boolean; after: string }) => {
      const client = await session.client()
      const now = session.io.now()
      const query = new URLSearchParams({
        from: String(momentFrom(given.from, now)),
        to: String(momentFrom(given.to, now)),
        kind: given.left ? 'left' : 'entered',
        after: given.after,
      })
      const answer = await client.get<PeopleAnswer>(`${path`/activations/${name}`}/members/compare?${query}`)
      session.out.show(answer, () => showPeople(session, answer))
    })

  group
    .command('why')
    .description('why somebody is in the cohort or not')
    .argument('<activation>', 'name or number')
    .argument('<id>', 'external id; with --device a device id, with --alias the name of an alias')
    .option('--device', 'the id is a device id')
    .option('--alias <label>', 'the id is the name of an alias with this label')
    .action(async (name: string, id: string, options: WhoOptions) => {
      const client = await session.client()
      const query = new URLSearchParams(whoOf(id, options))
      const where = path`/activations/${name}`
      const answer = await client.get<WhyAnswer>(`${where}/why?${query}`)
      const row = await client.get<QueryRow>(`${where}/query-row?${query}`).catch(unanswered)
      const lineage = await lineageOf(client, answer.moves.at(-1)?.record)
      session.out.show({ ...answer, query: row, lineage: lineage ?? null }, () => {
        showWhy(session, answer)
        showRow(session, row)
        if (lineage !== undefined) showRecord(session, concerned(lineage), true)
      })
    })
}

function whoOf(value: string, { device, alias }: WhoOptions): Record<string, string> {
  if (device && alias !== undefined) throw new InvalidArgumentError('Give --device or --alias, not both.')
  if (device) return { kind: 'device_id', value }
  return alias === undefined ? { kind: 'external_id', value } : { kind: 'alias', label: alias, value }
}

export function identifierText({ kind, label, value }: Identifier): string {
  return kind === 'alias' ? `${clean(label)}: ${clean(value)}` : clean(value)
}

/** For people and for pipes alike: one a line. */
export function showPeople({ out }: Session, { people, next }: PeopleAnswer): void {
  for (const who of people) out.line(identifierText(who))
  if (people.length === 0) out.aside('Nobody.')
  else if (next !== null) out.aside(`For the next page: --after '${next}'`)
}

function showWhy({ out }: Session, { sentence, moves }: WhyAnswer): void {
  out.line(sentence)
  out.line()
  if (moves.length === 0) return
  out.table(
    [{ title: 'WHEN' }, { title: 'WHAT' }, { title: 'RUN', right: true }, { title: 'RECORD' }],
    moves.map(({ at, entered, run, record }) => [
      moment(at),
      entered ? 'entered' : 'left',
      String(run),
      record,
    ]),
    '',
  )
}

/** The query may fail, or not be ours to ask: the history is told all the same. */
interface QueryRow {
  readonly row: Readonly<Record<string, unknown>> | null
  readonly refused?: string
}

function unanswered(error: unknown): QueryRow {
  if (!(error instanceof ThalwegError) || error.code === 'HUB_UNREACHABLE') throw error
  return { row: null, refused: error.message }
}

/** undefined: there is no record, or the log does not keep it any more. */
async function lineageOf(client: Client, record: string | undefined): Promise<RecordAnswer | undefined> {
  if (record === undefined) return undefined
  try {
    return (await client.get<{ records: RecordAnswer[] }>(path`/events/${record}`)).records[0]
  } catch (error) {
    if (error instanceof ThalwegError && error.code === 'EVENT_UNKNOWN') return undefined
    throw error
  }
}

/** Other currents do not read from the source of an activation. */
function concerned(record: RecordAnswer): RecordAnswer {
  return { ...record, currents: record.currents.filter(({ fate }) => fate.outcome !== 'out-of-scope') }
}

function showRow({ out }: Session, { row, refused }: QueryRow): void {
  if (refused !== undefined) out.line(`\nWhat the query says now is not known: ${clean(refused, 500)}`)
  else if (row === null) out.line('\nThe query does not name them now.')
  else out.line(`\nThe query names them now: ${clean(JSON.stringify(row), 1_000)}`)
  out.line()
}

function showActivation({ out }: Session, shown: ActivationAnswer): void {
  const { definition } = shown
  out.facts([
    ['name', `${clean(shown.name)} (number ${shown.number}, version ${shown.version})`],
    ['state', shown.state],
    ...queryFacts(definition.query),
    ['operation', definition.operation],
    [
      'destination',
      `${clean(definition.destination.kind)} ${clean(JSON.stringify(definition.destination.settings), 500)}`,
    ],
    ['schedule', clean(shown.schedule)],
    ['next run', moment(shown.nextRunAt)],
    [
      'last run',
      shown.lastRun === null
        ? 'never'
        : `${shown.lastRun.run}, ${shown.lastRun.state}, ${moment(shown.lastRun.createdAt)}`,
    ],
    ['members', shown.members === null ? '–' : grouped(shown.members)],
    [
      'brake',
      `${Math.round(definition.brake.removedShareMax * 1000) / 10} % of the members${definition.brake.removedMax === undefined ? '' : `, at most ${grouped(definition.brake.removedMax)}`}`,
    ],
  ])
}

function queryFacts({ engine, sql, saved, segment, columns = {} }: ActivationAnswer['definition']['query']) {
  const facts = (...rows: [string, string][]): [string, string][] => rows
  if (segment !== undefined) {
    const mapped = Object.entries(columns).map(([output, column]) => `${clean(output)} = ${clean(column)}`)
    return facts(['segment', `${clean(segment)} (${mapped.join(', ')})`])
  }
  if (saved !== undefined) return facts(['saved query', clean(saved)])
  return facts(['query', clean(sql ?? '', 500)], ['engine', clean(engine)])
}
