/** `simulate --days`: what became of days of everything, for people and for programs. */

import type { Programs, SimulatedDays } from '../programs.ts'
import type { Session } from '../session.ts'
import { clean, grouped } from '../words.ts'

export const DAYS_MAX = 366
export const PER_HOUR_DEFAULT = 10
export const PER_HOUR_MAX = 100_000
export const SOAK_MINUTES_MAX = 10_080

export interface DaysOptions {
  readonly seed: number
  readonly days: number
  readonly faults: string
  readonly perHour: number
  /** In minutes. */
  readonly soak?: number
}

/** Runs it, and shows it. Exit code 1 when a promise was broken. */
export async function simulateDays(
  session: Session,
  programs: Programs,
  options: DaysOptions,
): Promise<void> {
  const { seed, days, faults, perHour, soak } = options
  const { out } = session
  const report = await programs.simulateDays({
    seed,
    days,
    faults,
    perHour,
    ...(soak === undefined ? {} : { soakMs: soak * 60_000 }),
    onProgress: (at) =>
      out.aside(
        `${at.shrinking ? 'Looking for a smaller run: ' : ''}seed ${at.seed}, day ${at.day} of ${at.days}: ${grouped(at.events)} events, ${at.faults} faults so far`,
      ),
  })
  out.show(report, () => render(session, report))
  if (report.breach !== undefined) session.exitCode = 1
}

function render({ out }: Session, report: SimulatedDays): void {
  const { seed, days, rate, sent, acknowledged, currents, faults, lives, looks, judged, digest, worlds } =
    report
  out.table(
    [{ title: 'DAY', right: true }, { title: 'HOUR', right: true }, { title: 'FAULT' }, { title: 'WHAT' }],
    faults.map(({ day, hour, name, what }) => [String(day), String(hour), name, what]),
    'No faults.',
  )
  out.line()
  out.table(
    [
      { title: 'CURRENT' },
      { title: 'STATE' },
      { title: 'ACCEPTED', right: true },
      { title: 'DELIVERED', right: true },
      { title: 'FILTERED', right: true },
      { title: 'DEAD', right: true },
      { title: 'PENDING', right: true },
      { title: 'REPEATS', right: true },
    ],
    currents.map((one) => [
      one.name,
      one.state,
      ...[one.accepted, one.delivered, one.filtered, one.dead, one.pending, one.repeats].map(grouped),
    ]),
    'No promise could be judged yet.',
  )
  if (currents.length > 0)
    out.line('Accepted to pending: of the events that the log still keeps, seven days.')
  out.line()
  out.facts([
    ...(worlds > 1 ? [['Seeds', String(worlds)] as const] : []),
    ['Run', `seed ${seed}, virtual days: ${days}, events an hour: ${grouped(rate)}`],
    ['Events', `${grouped(sent)} sent, ${grouped(acknowledged)} acknowledged`],
    ['Lives of the hub', String(lives)],
    ['Judged', `${looks} times each of ${judged.join(', ')}`],
    ...(digest === '' ? [] : [['Digest', digest] as const]),
  ])
  out.line()
  renderVerdict(out, report)
}

function renderVerdict(out: Session['out'], { breach, again }: SimulatedDays): void {
  if (breach === undefined) {
    out.line(out.colour('green', 'Every promise was kept.'))
    return
  }
  const { invariant, what, day, atMs } = breach
  out.line(
    out.colour(
      'red',
      `${invariant} was broken on day ${day} (${new Date(atMs).toISOString()}): ${clean(what, 2_000)}.`,
    ),
  )
  out.line(`Run it again: thalweg simulate ${(again ?? []).join(' ')}`)
}
