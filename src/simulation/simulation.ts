/**
 * Simulation: the whole of Thalweg and its surroundings in one process and in a time of their own. A run is a function of its seed; it must never
 * depend on the machine that it runs on, and it never looks into the hub where somebody outside could not.
 */

import { nameOf, parseFaults, sentenceOf } from './faults.ts'
import type { OpenHub } from './life.ts'
import { shrink, soak, type Trial } from './soak.ts'
import { DAY_MS, HOUR_MS } from './time.ts'
import { type Outcome, type Progress, runWorld, type Sabotage } from './world.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly days: number
  /** Events in a virtual hour. */
  readonly perHour: number
  /** As parseFaults takes it. */
  readonly faults: string
  /** Goes on with the next seeds for so long, in real time. Unset: the one seed. */
  readonly soakMs?: number | undefined
  readonly openHub: OpenHub
  readonly onProgress?: ((progress: SeedProgress) => void) | undefined
  /** For tests: see WorldOptions. */
  readonly sabotage?: (() => Sabotage) | undefined
}

export interface SeedProgress extends Progress {
  readonly seed: number
  /** Looks for a smaller world that breaks a promise, too. */
  readonly shrinking: boolean
}

export interface SimulationReport extends Omit<Outcome, 'faults'> {
  readonly faults: readonly {
    readonly name: string
    /** Virtual day and hour of its beginning. */
    readonly day: number
    readonly hour: number
    readonly what: string
  }[]
  /** Worlds that were run before a promise was broken or the time was over. */
  readonly worlds: number
  /** The smallest world that was found to break a promise: the arguments that run it again. */
  readonly again: readonly string[] | undefined
}

const SHRINKS_MAX = 60
const SHRINK_MS_MAX = 300_000

/** Throws INPUT_INVALID for faults that there are none of. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed, days, perHour, soakMs, openHub, onProgress, sabotage } = options
  const faults = parseFaults(options.faults)
  let shrinking = false
  const run = (trial: Trial): Promise<Outcome> =>
    runWorld({
      ...trial,
      rate: perHour,
      openHub,
      sabotage,
      onDay: (progress) => onProgress?.({ ...progress, seed: trial.seed, shrinking }),
    })
  const enough = soakMs === undefined ? AbortSignal.abort() : AbortSignal.timeout(soakMs)
  const { worlds, outcome } = await soak(run, { seed, days, faults }, enough)
  if (outcome.breach === undefined) return reportOf(outcome, worlds, undefined)
  shrinking = true
  const bounds = { runsMax: SHRINKS_MAX, signal: AbortSignal.timeout(SHRINK_MS_MAX) }
  const smallest = await shrink(run, outcome, bounds)
  return reportOf(smallest, worlds, argumentsOf(smallest))
}

function reportOf(outcome: Outcome, worlds: number, again: readonly string[] | undefined): SimulationReport {
  return {
    ...outcome,
    faults: outcome.faults.map((fault) => ({
      name: nameOf(fault),
      day: fault.day,
      hour: Math.floor((fault.fromMs % DAY_MS) / HOUR_MS),
      what: sentenceOf(fault),
    })),
    worlds,
    again,
  }
}

function argumentsOf({ seed, days, rate, faults }: Outcome): string[] {
  const names = faults.length === 0 ? 'none' : faults.map(nameOf).join(',')
  return ['--days', String(days), '--seed', String(seed), '--per-hour', String(rate), '--faults', names]
}
