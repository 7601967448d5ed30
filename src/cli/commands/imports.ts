/** import, imports: files read as a source, watched to their end, and what they filled. */

import { resolve } from 'node:path'
import { SingleBar } from 'cli-progress'
import { type Command, Option } from 'commander'
import type { ImportAnswer, ImportReportAnswer } from '../../api/routes/imports.ts'
import { type Client, path } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment, wholeFrom } from '../words.ts'

const POLL_MS = 500
const WATCH_SECONDS = 60
const HOURS_SHOWN = 48
const MB = 1_000_000

interface StartOptions {
  readonly source?: string
  readonly copiesOf?: string
  readonly watch?: number | true
  readonly format?: string
  readonly authorization?: string
  readonly endpoint?: string
  readonly region?: string
  readonly pathStyle?: boolean
  readonly detach?: boolean
}

export function importCommands(program: Command, session: Session): void {
  program
    .command('import')
    .description('read files of events')
    .command('currents')
    .description(
      'read Currents files (Avro, NDJSON, JSON; gzip and zstd) from a folder of the hub or a bucket',
    )
    .argument('<place>', 'a path, or s3://bucket/prefix')
    .option('--source <name>', 'source that the files belong to; made when there is none')
    .option('--copies-of <source>', 'the files hold copies of what this source sends: fill what it lacks')
    .option('--watch [seconds]', 'go on looking for new files', wholeFrom(5, 86_400))
    .addOption(
      new Option('--format <format>', 'what the files hold').choices(['auto', 'avro', 'ndjson', 'json']),
    )
    .option('--authorization <id>', 'credentials of the bucket, by the provider s3')
    .option('--endpoint <url>', 'address of a store that is not Amazon S3')
    .option('--region <region>', 'region of the bucket')
    .option('--path-style', 'name the bucket in the path, as most compatible stores need')
    .option('--detach', 'do not wait for its end')
    .action(async (place: string, options: StartOptions) => {
      const client = await session.client()
      const started = await client.send<ImportAnswer>('POST', '/imports', requestOf(place, options))
      const waits = options.detach !== true && options.watch === undefined
      const last = waits ? await follow(session, client, started) : started
      await showEnd(session, client, last)
    })

  const group = program.command('imports').description('imports of sources of files')

  group
    .command('list')
    .description('all imports')
    .action(async () => {
      const answer = await (await session.client()).get<{ imports: ImportAnswer[] }>('/imports')
      session.out.show(answer, () => showList(session, answer.imports))
    })

  group
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
    group
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

function requestOf(place: string, options: StartOptions): object {
  const { source, copiesOf, format, authorization, watch } = options
  const pollSeconds = watch === true ? WATCH_SECONDS : watch
  return { location: locationOf(place, options), source, copiesOf, format, authorization, pollSeconds }
}

function locationOf(place: string, { endpoint, region, pathStyle }: StartOptions): string | object {
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

function partOf({ bytes, bytesDone }: ImportAnswer): number {
  return bytes === 0 ? 1 : bytesDone / bytes
}

function showReport({ out }: Session, { import: view, types, hours }: ImportReportAnswer): void {
  const { files } = view
  out.facts([
    ['source', clean(view.copiesOf === null ? view.source : `${view.source}, copies of ${view.copiesOf}`)],
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
