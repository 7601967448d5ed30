/** import, imports: files read as a source, watched to their end, and what they filled. */

import { resolve } from 'node:path'
import { SingleBar } from 'cli-progress'
import { type Command, Option } from 'commander'
import type { ImportAnswer, ImportReportAnswer } from '../../api/routes/imports.ts'
import { path } from '../../core/api-path.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment, wholeFrom } from '../words.ts'

const POLL_MS = 500
const WATCH_SECONDS = 60
const HOURS_SHOWN = 48
const MB = 1_000_000

interface PlaceOptions {
  readonly source?: string
  readonly watch?: number | true
  readonly format?: string
  readonly authorization?: string
  readonly endpoint?: string
  readonly region?: string
  readonly pathStyle?: boolean
  readonly detach?: boolean
}

interface EventOptions extends PlaceOptions {
  readonly copiesOf?: string
}

interface RowOptions extends PlaceOptions {
  readonly stream: string
  readonly timestampField?: string
  readonly delimiter?: string
  readonly onlyChanged?: string[]
}

export function importCommands(program: Command, session: Session): void {
  const group = program.command('import').description('read files of events, or of people')

  start(
    group
      .command('currents')
      .description(
        'read Currents files (Avro, NDJSON, JSON; gzip and zstd) from a folder of the hub or a bucket',
      )
      .option('--copies-of <source>', 'the files hold copies of what this source sends: fill what it lacks'),
    ['auto', 'avro', 'ndjson', 'json'],
  ).action(async (place: string, options: EventOptions) => {
    await run(session, options, { ...requestOf(place, options), copiesOf: options.copiesOf })
  })

  start(
    group
      .command('rows')
      .description('read rows of people (CSV, NDJSON, JSON; zip, gzip and zstd) into a stream')
      .requiredOption('--stream <name>', 'stream that the rows are of, for example braze_users')
      .option('--timestamp-field <column>', 'column that holds the time of a row')
      .option('--delimiter <character>', 'between the cells of a CSV; t for a tab')
      .option('--only-changed <columns...>', 'take only rows that changed; told apart by these columns'),
    ['auto', 'csv', 'ndjson', 'json'],
  ).action(async (place: string, options: RowOptions) => {
    const { stream, timestampField, delimiter, onlyChanged } = options
    const rows = { stream, timestampField, delimiter, onlyChanged }
    await run(session, options, { ...requestOf(place, options), rows })
  })

  const imports = program.command('imports').description('imports of sources of files')

  imports
    .command('list')
    .description('all imports')
    .action(async () => {
      const answer = await (await session.client()).get<{ imports: ImportAnswer[] }>('/imports')
      session.out.show(answer, () => showList(session, answer.imports))
    })

  imports
    .command('show')
    .description('one import, and what its last run filled')
    .argument('<source>', 'name of the source')
    .action(async (which: string) => {
      const report = await (await session.client()).get<ImportReportAnswer>(path`/imports/${which}/report`)
      session.out.show(report, () => showReport(session, report))
    })

  for (const [word, about] of [
    ['pause', 'stop reading; it goes on where it stopped'],
    ['resume', 'go on, or look for new files once more'],
  ] as const) {
    imports
      .command(word)
      .description(about)
      .argument('<source>', 'name of the source')
      .action(async (which: string) => {
        const client = await session.client()
        const answer = await client.send<ImportAnswer>('POST', `${path`/imports/${which}`}/${word}`)
        session.out.show(answer, () => showList(session, [answer]))
      })
  }
}

/** What every import is told. */
function start(command: Command, formats: readonly string[]): Command {
  return command
    .argument('<place>', 'a path, or s3://bucket/prefix')
    .option('--source <name>', 'source that the files belong to; made when there is none')
    .option('--watch [seconds]', 'go on looking for new files', wholeFrom(5, 86_400))
    .addOption(new Option('--format <format>', 'what the files hold').choices(formats))
    .option('--authorization <id>', 'credentials of the bucket, by the provider s3')
    .option('--endpoint <url>', 'address of a store that is not Amazon S3')
    .option('--region <region>', 'region of the bucket')
    .option('--path-style', 'name the bucket in the path, as most compatible stores need')
    .option('--detach', 'do not wait for its end')
}

async function run(session: Session, options: PlaceOptions, request: object): Promise<void> {
  const client = await session.client()
  const started = await client.send<ImportAnswer>('POST', '/imports', request)
  const waits = options.detach !== true && options.watch === undefined
  const last = waits ? await follow(session, client, started) : started
  await showEnd(session, client, last)
}

function requestOf(place: string, options: PlaceOptions): object {
  const { source, format, authorization, watch } = options
  const pollSeconds = watch === true ? WATCH_SECONDS : watch
  return { location: locationOf(place, options), source, format, authorization, pollSeconds }
}

function locationOf(place: string, { endpoint, region, pathStyle }: PlaceOptions): string | object {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(place) ?? []
  if (bucket === undefined) return place.startsWith('s3:') ? place : resolve(place.replace(/^file:\/\//, ''))
  return { kind: 's3', bucket, prefix, endpoint, region, pathStyle }
}

/** Waits for the end of a run, with a bar for people. Ctrl-C ends the waiting, not the import. */
async function follow(session: Session, client: Client, started: ImportAnswer): Promise<ImportAnswer> {
  const { out, io } = session
  const bar = out.live ? new SingleBar({ format: BAR, hideCursor: true, etaBuffer: 20 }) : undefined
  bar?.start(1, 0, wordsOf(started, started, 1))
  let view = started
  let before = started
  try {
    while (view.state === 'running') {
      const askedAt = io.now()
      if (!(await io.pause(POLL_MS))) break
      before = view
      view = await client.get<ImportAnswer>(path`/imports/${started.source}`)
      bar?.setTotal(Math.max(1, view.bytes))
      bar?.update(view.bytesDone, wordsOf(view, before, io.now() - askedAt))
    }
  } finally {
    bar?.stop()
  }
  return view
}

const BAR = '{bar} {percentage} % | {files} files | {size} MB | {events} events | {rate}/s | {eta_formatted}'

function wordsOf(view: ImportAnswer, before: ImportAnswer, ms: number) {
  const { files } = view
  return {
    files: `${grouped(files.done + files.failed)}/${grouped(files.done + files.failed + files.waiting + files.reading)}`,
    size: grouped(Math.round(view.bytesDone / MB)),
    events: grouped(view.read),
    rate: grouped(Math.round(((view.read - before.read) * 1000) / Math.max(1, ms))),
  }
}

async function showEnd(session: Session, client: Client, view: ImportAnswer): Promise<void> {
  if (view.state === 'failed' || view.files.failed > 0) session.exitCode = 1
  const report = await client.get<ImportReportAnswer>(path`/imports/${view.source}/report`)
  session.out.show(report, () => showReport(session, report))
}

function showList({ out }: Session, imports: readonly ImportAnswer[]): void {
  out.table(
    [
      { title: 'SOURCE' },
      { title: 'STATE' },
      { title: 'PLACE' },
      { title: 'FILES', right: true },
      { title: 'DONE', right: true },
      { title: 'NEW', right: true },
      { title: 'DUPLICATES', right: true },
      { title: 'QUARANTINED', right: true },
    ],
    imports.map((view) => [
      clean(view.source),
      view.state,
      clean(view.location),
      grouped(view.files.listed),
      `${Math.floor(partOf(view) * 100)} %`,
      grouped(view.accepted),
      grouped(view.duplicates),
      grouped(view.quarantined),
    ]),
    'There are no sources of files.',
  )
}

function ofWhat({ copiesOf, stream }: ImportAnswer): string {
  if (stream !== null) return `, rows of ${stream}`
  return copiesOf === null ? '' : `, copies of ${copiesOf}`
}

function partOf({ bytes, bytesDone }: ImportAnswer): number {
  return bytes === 0 ? 1 : bytesDone / bytes
}

function showReport({ out }: Session, { import: view, types, hours }: ImportReportAnswer): void {
  const { files } = view
  out.facts([
    ['source', clean(`${view.source}${ofWhat(view)}`)],
    ['place', clean(view.location)],
    ['state', `${view.state}${view.reason === '' ? '' : `: ${clean(view.reason, 1_000)}`}`],
    [
      'files',
      `${grouped(files.listed)} in the place; read in this run: ${grouped(files.done)}, failed: ${grouped(files.failed)}`,
    ],
    ['events', `${grouped(view.accepted)} new, ${grouped(view.duplicates)} already there`],
    ['quarantined', `${grouped(view.quarantined)}${view.quarantined === 0 ? '' : ' (thalweg inbox)'}`],
  ])
  if (hours.length === 0) return
  out.line()
  out.line('New events by the hour in which they happened (UTC):')
  out.table(
    [{ title: 'HOUR' }, { title: 'NEW', right: true }, { title: 'TYPES' }],
    hours
      .slice(-HOURS_SHOWN)
      .map(({ hour, count, types: inHour }) => [
        hour === null ? 'without a time' : moment(hour),
        grouped(count),
        clean(inHour.map((type) => `${type.eventType} ${grouped(type.count)}`).join(', '), 120),
      ]),
    '',
  )
  if (hours.length > HOURS_SHOWN)
    out.line(`… the last ${HOURS_SHOWN} of ${grouped(hours.length)} hours; all with --json`)
  out.line()
  out.table(
    [{ title: 'TYPE' }, { title: 'NEW', right: true }],
    types.map(({ eventType, count }) => [clean(eventType), grouped(count)]),
    '',
  )
}
