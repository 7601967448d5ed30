/** status: what every current is doing, once or renewed each second. */

import type { Command } from 'commander'
import type { CurrentAnswer } from '../../api/routes/currents.ts'
import type { DriftFindingsAnswer } from '../../api/routes/drift.ts'
import type { Client } from '../client.ts'
import type { Column, Printer } from '../printer.ts'
import type { Session } from '../session.ts'
import { clean, grouped, span, wholeFrom } from '../words.ts'

const COLUMNS: readonly Column[] = [
  { title: 'CURRENT' },
  { title: 'STATE' },
  { title: 'EV/S', right: true },
  { title: 'DELIVERED', right: true },
  { title: 'FILTERED', right: true },
  { title: 'DEAD', right: true },
  { title: 'PENDING', right: true },
  { title: 'LAG', right: true },
  { title: 'GATE' },
]
const STATE_COLOURS = {
  running: 'green',
  halted: 'red',
  paused: 'yellow',
  draft: 'dim',
  deleted: 'dim',
} as const
const EVERY_MS = 1_000
const TIMES_MAX = 1_000_000

interface Sample {
  readonly at: number
  readonly currents: readonly CurrentAnswer[]
  /** Findings of the drift radar that nobody has acknowledged. */
  readonly unacknowledgedFindings: number
}

export function statusCommand(program: Command, session: Session): void {
  program
    .command('status')
    .description('what every current is doing; counts since the start of the hub')
    .option('--watch', 'renew each second until Ctrl-C; with --json one line each time')
    .option('--times <n>', 'with --watch: stop after so many', wholeFrom(1, TIMES_MAX), TIMES_MAX)
    .action(async (options: { watch?: boolean; times: number }) => {
      const client = await session.client()
      if (options.watch) return watch(session, client, options.times)
      const sample = await take(session, client)
      session.out.show(sample, () => session.out.line(text(session.out, sample, undefined)))
    })
}

async function watch(session: Session, client: Client, times: number): Promise<void> {
  const { out } = session
  let before: Sample | undefined
  let linesUp = 0
  for (let turn = 1; turn <= times; turn++) {
    const sample = await take(session, client)
    if (out.forPrograms) out.jsonLine(sample)
    else {
      const shown = text(out, sample, before)
      out.line(linesUp > 0 && out.live ? `\x1b[${linesUp}A\x1b[0J${shown}` : shown)
      linesUp = shown.split('\n').length
    }
    before = sample
    if (turn < times && !(await session.io.pause(EVERY_MS))) return
  }
}

async function take({ io }: Session, client: Client): Promise<Sample> {
  const { currents } = await client.get<{ currents: CurrentAnswer[] }>('/currents')
  const { unacknowledged } = await client.get<DriftFindingsAnswer>('/drift', { limit: 1 })
  return { at: io.now(), currents, unacknowledgedFindings: unacknowledged }
}

function text(out: Printer, sample: Sample, before: Sample | undefined): string {
  const drift =
    sample.unacknowledgedFindings === 0
      ? []
      : [
          out.colour(
            'yellow',
            `${grouped(sample.unacknowledgedFindings)} new in what the sources send: thalweg drift list`,
          ),
        ]
  if (sample.currents.length === 0)
    return ['There are no currents yet. Make one: thalweg currents create --help', ...drift].join('\n')
  const rows = sample.currents.map((current) => {
    const { status, state } = current
    return [
      clean(current.name),
      out.colour(STATE_COLOURS[state], state),
      rateOf(current, sample.at, before),
      grouped(status.sinceStart.delivered),
      grouped(status.sinceStart.filtered),
      status.sinceStart.dead > 0 ? out.colour('red', grouped(status.sinceStart.dead)) : '0',
      grouped(status.pending),
      status.lagMs === 0 ? '–' : span(status.lagMs),
      status.gate,
    ]
  })
  const halted = sample.currents
    .filter((current) => current.state === 'halted')
    .map((current) => out.colour('red', `${clean(current.name)} is halted: ${clean(current.stateReason)}`))
  return [out.tableText(COLUMNS, rows), ...halted, ...drift].join('\n')
}

function rateOf(current: CurrentAnswer, at: number, before: Sample | undefined): string {
  const earlier = before?.currents.find((one) => one.number === current.number)
  if (before === undefined || earlier === undefined) return '–'
  const delivered = current.status.sinceStart.delivered - earlier.status.sinceStart.delivered
  return grouped(Math.max(0, Math.round((delivered * 1000) / Math.max(1, at - before.at))))
}
