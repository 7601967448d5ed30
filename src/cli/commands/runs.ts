/** activations run, runs, release, cancel, retry, requests: syncs, watched with a bar and told in numbers that close. */

import { SingleBar } from 'cli-progress'
import { type Command, Option } from 'commander'
import type { PeopleAnswer } from '../../api/routes/activations.ts'
import type { RefusalsAnswer, RequestsAnswer } from '../../api/routes/run-lists.ts'
import type { ListedRunAnswer, RunAnswer } from '../../api/routes/run-views.ts'
import type { RunsAnswer } from '../../api/routes/runs.ts'
import { path } from '../../core/api-path.ts'
import type { Client } from '../client.ts'
import type { Colour } from '../printer.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment, span } from '../words.ts'
import { identifierText, showPeople } from './activations.ts'

const POLL_MS = 500
const OPEN: ReadonlySet<string> = new Set(['queued', 'running'])
const COLOURS: Partial<Record<RunAnswer['state'], Colour>> = {
  succeeded: 'green',
  partial: 'yellow',
  held: 'yellow',
  failed: 'red',
}

interface RunOptions {
  readonly dryRun?: boolean
  readonly detach?: boolean
}

export function runCommands(group: Command, session: Session): void {
  starting(group, session)
  deciding(group, session)
  reading(group, session)
  requests(group, session)
  exporting(group, session)
}

function starting(group: Command, session: Session): void {
  group
    .command('run')
    .description('ask the query, compare, and send what changed')
    .argument('<activation>', 'name or number')
    .option('--dry-run', 'ask and compare; send nothing')
    .option('--detach', 'do not wait for its end')
    .action((name: string, options: RunOptions) =>
      start(session, name, { dry: options.dryRun ?? false }, options.detach),
    )

  group
    .command('retry')
    .description('send again what a partial run was refused')
    .argument('<activation>', 'name or number')
    .argument('<run>', 'number of the run', Number)
    .option('--detach', 'do not wait for its end')
    .action((name: string, run: number, { detach }: RunOptions) =>
      start(session, name, { retryOf: run }, detach),
    )
}

function deciding(group: Command, session: Session): void {
  group
    .command('release')
    .description('let a held run go on')
    .argument('<activation>', 'name or number')
    .argument('<run>', 'number of the run', Number)
    .option('--yes', 'do not ask')
    .option('--confirm-empty', 'the query gave no rows, and the cohort is really to be emptied')
    .option('--detach', 'do not wait for its end')
    .action(
      async (
        name: string,
        number: number,
        options: RunOptions & { yes?: boolean; confirmEmpty?: boolean },
      ) => {
        const client = await session.client()
        const held = await client.get<RunAnswer>(pathOf(name, number))
        const question = `${held.report.hold?.reason ?? 'The run is held.'} Go on?`
        if (!(await session.agreed(options.yes, question))) return session.out.aside('Nothing was sent.')
        const body = { confirmEmpty: options.confirmEmpty ?? false }
        const released = await client.send<RunAnswer>('POST', `${pathOf(name, number)}/release`, body)
        await told(session, client, name, released, options.detach)
      },
    )

  group
    .command('cancel')
    .description('send nothing more; what is in the log is delivered first')
    .argument('<activation>', 'name or number')
    .argument('<run>', 'number of the run', Number)
    .action(async (name: string, number: number) => {
      const client = await session.client()
      const run = await client.send<RunAnswer>('POST', `${pathOf(name, number)}/cancel`)
      session.out.show(run, () => showRun(session, run))
    })
}

function reading(group: Command, session: Session): void {
  group
    .command('runs')
    .description('runs of an activation, newest first')
    .argument('<activation>', 'name or number')
    .action(async (name: string) => {
      const answer = await (await session.client()).get<RunsAnswer>(`${path`/activations/${name}`}/runs`)
      session.out.show(answer, () => listRuns(session, answer.runs))
    })

  group
    .command('show-run')
    .description('one run: its phases and its numbers')
    .argument('<activation>', 'name or number')
    .argument('<run>', 'number of the run', Number)
    .action(async (name: string, number: number) => {
      const run = await (await session.client()).get<RunAnswer>(pathOf(name, number))
      session.out.show(run, () => showRun(session, run))
    })

  group
    .command('changes')
    .description('whom a run brought in, or would')
    .argument('<activation>', 'name or number')
    .argument('<run>', 'number of the run', Number)
    .option('--removed', 'whom it took out')
    .option('--search <text>', 'only those with this in their identifier', '')
    .option('--after <text>', 'from the page before', '')
    .action(
      async (name: string, number: number, given: { removed?: boolean; search: string; after: string }) => {
        const { removed, search, after } = given
        const query = new URLSearchParams({ kind: removed ? 'removed' : 'added', search, after })
        const answer = await (await session.client()).get<PeopleAnswer>(
          `${pathOf(name, number)}/changes?${query}`,
        )
        session.out.show(answer, () => showPeople(session, answer))
      },
    )

  group
    .command('refused')
    .description('what the vendor refused of a run')
    .argument('<activation>', 'name or number')
    .argument('<run>', 'number of the run', Number)
    .action(async (name: string, number: number) => {
      const answer = await (await session.client()).get<RefusalsAnswer>(`${pathOf(name, number)}/refused`)
      session.out.show(answer, () => {
        session.out.table(
          [
            { title: 'WHO' },
            { title: 'WHAT' },
            { title: 'RECORD' },
            { title: 'ATTEMPTS', right: true },
            { title: 'REASON' },
          ],
          answer.refused.map(({ who, entered, record, attempts, reason }) => [
            identifierText(who),
            entered ? 'enters' : 'leaves',
            record,
            String(attempts),
            clean(reason, 80),
          ]),
          'Nothing was refused.',
        )
        if (answer.refused.length > 0)
          session.out.aside(
            `The answer: thalweg event show <record>. Again: thalweg activations retry ${name} ${number}`,
          )
      })
    })
}

function requests(group: Command, session: Session): void {
  group
    .command('requests')
    .description('what was sent to the vendor for a run')
    .argument('<activation>', 'name or number')
    .argument('<run>', 'number of the run', Number)
    .option('--after <number>', 'from the page before', '-1')
    .action(async (name: string, number: number, { after }: { after: string }) => {
      const query = new URLSearchParams({ after })
      const client = await session.client()
      const answer = await client.get<RequestsAnswer>(`${pathOf(name, number)}/requests?${query}`)
      session.out.show(answer, () => {
        session.out.table(
          [
            { title: 'BATCH' },
            { title: 'FIRST SENT' },
            { title: 'SETTLED AFTER', right: true },
            { title: 'CHANGES', right: true },
            { title: 'ACCEPTED', right: true },
            { title: 'REFUSED', right: true },
            { title: 'ATTEMPTS', right: true },
            { title: 'STATUS', right: true },
          ],
          answer.requests.map((sent) => [
            sent.id,
            moment(sent.firstSentAt),
            span(sent.settledAt - sent.firstSentAt),
            // The name of the cohort is no change.
            ...(sent.naming
              ? ['the name', '–', '–']
              : [grouped(sent.records), grouped(sent.accepted), grouped(sent.refused)]),
            grouped(sent.attempts),
            sent.status === 0 ? '–' : String(sent.status),
          ]),
          'Nothing was sent.',
        )
        if (answer.next !== null) session.out.aside(`For the next page: --after ${answer.next}`)
      })
    })
}

function exporting(group: Command, session: Session): void {
  group
    .command('export')
    .description('all whom a finished run brought in or out, or was refused, as a file')
    .argument('<activation>', 'name or number')
    .argument('<run>', 'number of the run', Number)
    .addOption(
      new Option('--kind <kind>', 'which list').choices(['added', 'removed', 'refused']).default('added'),
    )
    .addOption(new Option('--format <format>', 'of the file').choices(['csv', 'ndjson']).default('csv'))
    .action(async (name: string, number: number, given: { kind: string; format: string }) => {
      const query = new URLSearchParams({ kind: given.kind, format: given.format })
      await session.copied(`${pathOf(name, number)}/file?${query}`)
    })
}

function pathOf(name: string, run: number): string {
  return `${path`/activations/${name}`}/runs/${run}`
}

async function start(session: Session, name: string, wanted: object, detach = false): Promise<void> {
  const client = await session.client()
  const run = await client.send<RunAnswer>('POST', `${path`/activations/${name}`}/runs`, wanted)
  await told(session, client, name, run, detach)
}

async function told(
  session: Session,
  client: Client,
  name: string,
  started: RunAnswer,
  detach = false,
): Promise<void> {
  const run = detach ? started : await follow(session, client, name, started)
  if (run.state === 'failed' || run.state === 'partial') session.exitCode = 1
  session.out.show(run, () => showRun(session, run))
  if (run.state === 'held')
    session.out.aside(`Release it: thalweg activations release ${name} ${run.run} · or cancel it`)
}

/** Waits for the end of a run, with a bar for people. Ctrl-C ends the waiting, not the run. */
async function follow(
  session: Session,
  client: Client,
  name: string,
  started: RunAnswer,
): Promise<RunAnswer> {
  const { out, io } = session
  const bar = out.live
    ? new SingleBar({ format: '{phase} {bar} {value}/{total} {note}', hideCursor: true })
    : undefined
  let run = started
  bar?.start(1, 0, { phase: run.phase.padEnd(6), note: '' })
  try {
    while (OPEN.has(run.state)) {
      if (!(await io.pause(POLL_MS))) break
      run = await client.get<RunAnswer>(pathOf(name, started.run))
      const { added, removed, affirmed, appended, rows, waiting } = run.report
      const total = Math.max(run.phase === 'query' ? rows : added + removed + affirmed, 1)
      bar?.setTotal(total)
      bar?.update(run.phase === 'query' ? rows : appended, {
        phase: run.phase.padEnd(6),
        note: waiting === null ? '' : `waiting: ${clean(waiting)}`,
      })
    }
  } finally {
    bar?.stop()
  }
  return run
}

function listRuns({ out }: Session, runs: readonly ListedRunAnswer[]): void {
  out.table(
    [
      { title: 'RUN', right: true },
      { title: 'STATE' },
      { title: 'STARTED' },
      { title: 'BY' },
      { title: 'ROWS', right: true },
      { title: 'ADDED', right: true },
      { title: 'REMOVED', right: true },
      { title: 'REJECTED', right: true },
      { title: 'MEMBERS', right: true },
    ],
    runs.map((run) => [
      String(run.run),
      `${stateText(out, run)}${run.dry ? ' (dry)' : ''}`,
      moment(run.createdAt),
      clean(run.by),
      grouped(run.report.rows),
      grouped(run.report.added),
      grouped(run.report.removed),
      grouped(run.report.rejected),
      grouped(run.report.membersAfter ?? run.report.membersBefore),
    ]),
    'There are no runs yet.',
  )
}

function showRun(session: Session, run: RunAnswer): void {
  const { out } = session
  const { report } = run
  if (run.dry) out.line(out.colour('yellow', 'A dry run: nothing was sent.'))
  out.facts([
    ['run', `${run.run} (${run.trigger}, by ${clean(run.by)}), ${stateText(out, run)}`],
    ['started', moment(run.createdAt)],
    ...Object.entries(report.phases).map(([phase, { startedAt, finishedAt }]): [string, string] => [
      phase,
      finishedAt === undefined ? 'under way' : span(finishedAt - startedAt),
    ]),
    ['rows', `${grouped(report.rows)}, of these ${grouped(invalidOf(report))} invalid`],
    [
      'people',
      `${grouped(report.distinct)} different, ${grouped(report.identifiers - report.distinct)} repeats`,
    ],
    ['unchanged', grouped(report.unchanged)],
    ['added', grouped(report.added)],
    ['removed', grouped(report.removed)],
    ...(report.affirmed === 0
      ? []
      : [['sent again', `${grouped(report.affirmed)} unchanged members`] as [string, string]]),
    ['accepted', grouped(report.accepted)],
    ['rejected', grouped(report.rejected)],
    ['unsent', grouped(report.unsent)],
    [
      'members',
      `${grouped(report.membersBefore)} before, ${report.membersAfter === null ? '–' : grouped(report.membersAfter)} after`,
    ],
    ...(report.cost === null ? [] : [['cost', costText(report.cost)] as [string, string]]),
  ])
  for (const [reason, { count, examples }] of Object.entries(report.invalid))
    out.line(`${grouped(count)} rows ${INVALID[reason] ?? reason}, for example ${clean(examples[0] ?? '')}`)
  for (const notice of report.notices) out.line(clean(notice))
  if (run.dry && report.sample !== null) showSample(session, report.sample)
  if (report.hold !== null) out.line(out.colour('yellow', `Held: ${clean(report.hold.reason, 500)}`))
  if (report.waiting !== null) out.line(out.colour('yellow', `Waiting: ${clean(report.waiting, 500)}`))
  if (report.error !== null) out.line(out.colour('red', clean(report.error, 1_000)))
}

function showSample({ out }: Session, sample: NonNullable<RunAnswer['report']['sample']>): void {
  for (const who of sample.added) out.line(`+ ${identifierText(who)}`)
  for (const who of sample.removed) out.line(`- ${identifierText(who)}`)
}

const INVALID: Readonly<Record<string, string>> = {
  blank: 'name nobody',
  not_text: 'have an identifier that is no text (cast it to text)',
  too_long: 'have an identifier that is too long',
}

function invalidOf({ invalid }: RunAnswer['report']): number {
  return Object.values(invalid).reduce((sum, { count }) => sum + count, 0)
}

function costText({
  requests,
  dataPoints,
  secondsAtRateLimit,
}: NonNullable<RunAnswer['report']['cost']>): string {
  return `${requests === 1 ? '1 request' : `${grouped(requests)} requests`}, ${grouped(dataPoints)} data points, at least ${span(secondsAtRateLimit * 1000)} at the rate limit`
}

function stateText(out: Session['out'], { state }: Pick<RunAnswer, 'state'>): string {
  const colour = COLOURS[state]
  return colour === undefined ? state : out.colour(colour, state)
}
