/**
 * World after world until one breaks a promise, and then the smallest like it: as few days as it takes, and only the faults that it takes. A world
 * that is run again with less differs in what it draws later, so every candidate is run, and one counts only when it broke a promise itself.
 */

import { type FaultChoice, nameOf } from './faults.ts'
import type { Outcome } from './world.ts'

export interface Trial {
  readonly seed: number
  readonly days: number
  readonly faults: FaultChoice
}

export type RunTrial = (trial: Trial) => Promise<Outcome>

export interface Bounds {
  readonly runsMax: number
  /** Aborted: what was found so far is good enough. */
  readonly signal: AbortSignal
}

export interface Soaked {
  /** Worlds that were run, the last one included. */
  readonly worlds: number
  /** Of the last world. */
  readonly outcome: Outcome
}

/** Seed after seed, from `first.seed` on, until a promise is broken or the signal says that it is enough. At least one. */
export async function soak(run: RunTrial, first: Trial, signal: AbortSignal): Promise<Soaked> {
  for (let worlds = 1; ; worlds++) {
    const outcome = await run({ ...first, seed: first.seed + worlds - 1 })
    if (outcome.breach !== undefined || signal.aborted) return { worlds, outcome }
  }
}

/** `outcome` broke a promise. Gives one of the same seed with the fewest days and faults that were found to break one. */
export async function shrink(run: RunTrial, outcome: Outcome, { runsMax, signal }: Bounds): Promise<Outcome> {
  let smallest = outcome
  let names = outcome.faults.map(nameOf)
  let runs = 0
  /** Whether these faults alone do it. */
  const does = async (some: readonly string[]): Promise<boolean> => {
    if (runs++ >= runsMax || signal.aborted) return false
    const { seed, days, breach } = smallest
    const faults = { kinds: new Set<never>(), names: new Set(some) }
    const tried = await run({ seed, days: Math.min(days, breach?.day ?? days), faults })
    if (tried.breach === undefined) return false
    smallest = { ...tried, days: tried.breach.day }
    names = tried.faults.map(nameOf)
    return true
  }
  // First what is the same with fewer days.
  await does(names)
  if (names.length > 0 && (await does([]))) return smallest
  for (let size = Math.ceil(names.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < names.length && runs < runsMax && !signal.aborted; ) {
      const rest = [...names.slice(0, at), ...names.slice(at + size)]
      // What was left out makes room for what comes next.
      if (rest.length === 0 || !(await does(rest))) at += size
    }
  }
  return smallest
}
