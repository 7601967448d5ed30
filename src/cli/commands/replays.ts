/** replays: send a window again, after a look at what that would do. */

import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import type { ReplayAnswer, ReplayPreviewAnswer } from '../../api/routes/replays.ts'
import { path } from '../../core/api-path.ts'
import type { Client } from '../client.ts'
import type { Session } from '../session.ts'
import { clean, collected, grouped, moment, momentFrom } from '../words.ts'

interface WindowOptions {
  readonly from: string
  readonly to: string
  readonly type?: readonly string[]
}

const POLL_MS = 500

export function replayCommands(program: Command, session: Session): void {
  const group = program.command('replays').alias('replay').description('windows of the log sent again')

  windowed(group.command('preview'))
    .description('what a replay would send')
    .action(async (which: string, options: WindowOptions) => {
      const client = await session.client()
      const preview = await previewOf(client, which, windowOf(options, session))
      session.out.show(preview, () => showPreview(session, preview))
    })

  windowed(group.command('start'))
    .description('send a window again, beside the live flow')
    .option('--yes', 'do not ask')
    .option('--detach', 'do not wait for its end')
    .action(async (which: string, options: WindowOptions & { yes?: boolean; detach?: boolean }) => {
      const { out } = session
      const client = await session.client()
      const window = windowOf(options, session)
      if (!options.yes) {
        const preview = await previewOf(client, which, window)
        if (!out.forPrograms) showPreview(session, preview)
        if (!(await session.agreed(false, `Send ${grouped(preview.selected)} events?`)))
          return out.aside('Nothing was sent.')
      }
      const started = await client.send<ReplayAnswer>('POST', path`/currents/${which}/replays`, window)
      const replay = options.detach ? started : await follow(session, client, started)
      if (replay.state === 'failed') session.exitCode = 1
      out.show(replay, () => showReplay(session, replay))
    })

  group
    .command('list')
    .description('replays of a current, newest first')
    .argument('<current>', 'name or number')
    .action(async (which: string) => {
      const { out } = session
      const answer = await (await session.client()).get<{ replays: ReplayAnswer[] }>(
        path`/currents/${which}/replays`,
      )
      out.show(answer, () =>
        out.table(
          [
            { title: 'ID' },
            { title: 'STATE' },
            { title: 'STARTED' },
            { title: 'DONE', right: true },
            { title: 'SELECTED', right: true },
            { title: 'DELIVERED', right: true },
            { title: 'DEAD', right: true },
          ],
          answer.replays.map((replay) => [
            replay.id,
            replay.state,
            moment(replay.createdAt),
            `${Math.round(partOf(replay) * 100)} %`,
            grouped(replay.selected),
            grouped(replay.delivered),
            grouped(replay.dead),
          ]),
          'There are no replays of this current.',
        ),
      )
    })

  group
    .command('show')
    .description('one replay')
    .argument('<id>', 'id')
    .action(async (id: string) => {
      const replay = await (await session.client()).get<ReplayAnswer>(path`/replays/${id}`)
      session.out.show(replay, () => showReplay(session, replay))
    })

  const actions = [
    ['pause', 'stop sending; it can be resumed'],
    ['resume', 'go on where it stopped'],
    ['cancel', 'end it for good'],
  ] as const
  for (const [word, about] of actions) {
    group
      .command(word)
      .description(about)
      .argument('<id>', 'id')
      .action(async (id: string) => {
        const client = await session.client()
        const replay = await client.send<ReplayAnswer>('POST', `${path`/replays/${id}`}/${word}`)
        session.out.show(replay, () => showReplay(session, replay))
      })
  }
}

function windowed(command: Command): Command {
  return command
    .argument('<current>', 'name or number')
    .requiredOption('--from <when>', 'accepted at or after: 2026-11-23T10:00:00Z, or 90m, 2h, 3d ago')
    .option('--to <when>', 'accepted before', 'now')
    .option('--type <pattern>', 'only these event types; may be repeated', collected)
}

function windowOf({ from, to, type = [] }: WindowOptions, { io }: Session) {
  const now = io.now()
  return { fromMs: momentFrom(from, now), toMs: momentFrom(to, now), types: type }
}

function previewOf(client: Client, which: string, window: object): Promise<ReplayPreviewAnswer> {
  return client.send<ReplayPreviewAnswer>('POST', path`/currents/${which}/replays/preview`, window)
}

/** Waits for the end of a replay, with a bar for people. Ctrl-C ends the waiting, not the replay. */
async function follow(session: Session, client: Client, started: ReplayAnswer): Promise<ReplayAnswer> {
  const { out, io } = session
  const bar = out.live
    ? new SingleBar({ format: '{bar} {percentage} % | {eta_formatted}', hideCursor: true })
    : undefined
  bar?.start(started.toOffset - started.fromOffset, 0)
  let replay = started
  try {
    while (replay.state === 'running') {
      if (!(await io.pause(POLL_MS))) break
      replay = await client.get<ReplayAnswer>(path`/replays/${started.id}`)
      bar?.update(replay.position - replay.fromOffset)
    }
  } finally {
    bar?.stop()
  }
  return replay
}

function partOf({ state, position, fromOffset, toOffset }: ReplayAnswer): number {
  return state === 'finished' ? 1 : (position - fromOffset) / Math.max(1, toOffset - fromOffset)
}

function showPreview({ out }: Session, preview: ReplayPreviewAnswer): void {
  out.facts([
    ['in the window', grouped(preview.records)],
    ['would be sent', grouped(preview.selected)],
    ['already settled', `${grouped(preview.alreadySettled)} (the destination may get them twice)`],
    ['still pending', `${grouped(preview.pending)} (the live flow will send them too)`],
    ['before launch', `${grouped(preview.beforeLaunch)} (new to the destination)`],
    ['order', preview.outOfOrder ? 'they arrive after newer events' : 'kept'],
  ])
  for (const { type, count } of preview.byType.slice(0, 20)) out.line(`  ${grouped(count)}  ${clean(type)}`)
}

function showReplay({ out }: Session, replay: ReplayAnswer): void {
  out.facts([
    ['id', replay.id],
    ['current', clean(replay.current ?? `number ${replay.currentNumber}`)],
    ['state', `${replay.state}${replay.reason === '' ? '' : `: ${clean(replay.reason, 1_000)}`}`],
    ['done', `${Math.round(partOf(replay) * 100)} %`],
    [
      'sent',
      `${grouped(replay.delivered)} delivered, ${grouped(replay.dead)} dead, ${grouped(replay.skipped)} skipped`,
    ],
  ])
}
