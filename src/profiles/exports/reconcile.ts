/**
 * Compares the book of an export with what the vendor holds, person by person, for whom all that is wanted was accepted.
 * Reads at the vendor; with `repair` the book takes the vendor's word, and the sender sends the difference.
 */

import { type Address, addressKey } from '../../core/audience-change.ts'
import type { Clock } from '../../core/clock.ts'
import type { AudienceWay } from '../../delivery/blueprint.ts'
import { decisionFor } from '../../delivery/decisions.ts'
import type { LookedUp } from '../../destinations/destination.ts'
import type { Deviation, ExportBook, PersonEntry } from './book.ts'
import { type ExportRule, slugsOf } from './rule.ts'

/** People of one look; by Braze id each is a request. */
const LOOK_MAX = 50
const EXAMPLES_MAX = 20
/** Tries of one look, when the vendor is busy or away, before it is given up. */
const TRIES_MAX = 8
const FIRST_WAIT_MS = 1_000

export interface Reconciliation {
  readonly state: 'running' | 'finished' | 'failed'
  readonly repair: boolean
  readonly startedAt: number
  readonly finishedAt: number | null
  /** People compared. */
  readonly checked: number
  /** Left out, because something about them is still to be sent or was refused. */
  readonly unsettled: number
  /** People whom the vendor does not know. */
  readonly unknown: number
  /** People who lack a slug that was accepted. */
  readonly missing: number
  /** People who have a slug of the export that they should not have. */
  readonly stale: number
  /** The first deviations. */
  readonly examples: readonly Deviation[]
  /** Why it failed. */
  readonly error: string
}

export interface ReconcileParts {
  readonly book: ExportBook
  readonly way: AudienceWay
  readonly clock: Clock
  readonly repair: boolean
  readonly onProgress: (report: Reconciliation) => void
}

/** Never rejects: how it ended is in the report. */
export async function reconcile(
  rule: ExportRule,
  { book, way, clock, repair, onProgress }: ReconcileParts,
  signal: AbortSignal,
): Promise<void> {
  let report: Reconciliation = {
    state: 'running',
    repair,
    startedAt: clock.now(),
    finishedAt: null,
    checked: 0,
    unsettled: 0,
    unknown: 0,
    missing: 0,
    stale: 0,
    examples: [],
    error: '',
  }
  try {
    let after: Address | undefined
    do {
      onProgress(report)
      const page = await book.people(rule.export, { after, limit: LOOK_MAX })
      const settled = page.filter(({ state }) => state === 'settled')
      const held =
        settled.length === 0
          ? new Map<string, ReadonlySet<string>>()
          : await patiently(way, settled, clock, signal)
      const deviations = settled.flatMap((entry) => deviationOf(entry, rule, held) ?? [])
      if (repair && deviations.length > 0) await book.repair(rule.export, deviations, clock.now())
      report = counted(report, page, settled, held, deviations)
      after = page.length < LOOK_MAX ? undefined : page.at(-1)?.who
    } while (after !== undefined)
    onProgress({ ...report, state: 'finished', finishedAt: clock.now() })
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    onProgress({ ...report, state: 'failed', finishedAt: clock.now(), error: words })
  }
}

function counted(
  report: Reconciliation,
  page: readonly PersonEntry[],
  settled: readonly PersonEntry[],
  held: LookedUp,
  deviations: readonly Deviation[],
): Reconciliation {
  return {
    ...report,
    checked: report.checked + settled.length,
    unsettled: report.unsettled + page.length - settled.length,
    unknown: report.unknown + settled.filter(({ who }) => !held.has(addressKey(who))).length,
    missing: report.missing + deviations.filter(({ missing }) => missing.length > 0).length,
    stale: report.stale + deviations.filter(({ stale }) => stale.length > 0).length,
    examples: [...report.examples, ...deviations].slice(0, EXAMPLES_MAX),
  }
}

/** undefined: as the book says, or nobody knows. */
function deviationOf({ who, sent }: PersonEntry, rule: ExportRule, held: LookedUp): Deviation | undefined {
  const has = held.get(addressKey(who))
  if (has === undefined) return undefined
  // What is settled is what is wanted. Of the rest of the array, which may be others', only slugs of ours are looked at.
  const missing = sent.filter((slug) => !has.has(slug))
  const stale = [...new Set(slugsOf(rule).values())].filter((slug) => has.has(slug) && !sent.includes(slug))
  return missing.length + stale.length === 0 ? undefined : { who, missing, stale }
}

/** Throws what a person must mend, and an outage that lasts. */
async function patiently(
  { lookUp }: AudienceWay,
  people: readonly PersonEntry[],
  clock: Clock,
  signal: AbortSignal,
): Promise<LookedUp> {
  for (let tries = 1; ; tries++) {
    const told = await lookUp(
      people.map(({ who }) => who),
      signal,
    )
    if (!('kind' in told)) return told
    if (signal.aborted) throw new Error('It was stopped')
    if (decisionFor(told) !== 'defer' || tries >= TRIES_MAX) throw new Error(told.message)
    await clock.sleep(Math.max(told.retryAfterMs ?? 0, FIRST_WAIT_MS * 2 ** (tries - 1)), signal)
  }
}
