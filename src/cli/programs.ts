/**
 * What runs in this process instead of over the API. The composition root gives them; the terminal only names
 * them.
 */

import type { Overrides } from '../core/settings.ts'

export interface Programs {
  /** The hub, until a signal. */
  serve(overrides: Overrides): Promise<void>
  /** Hub, doubles and simulated traffic, until a signal. */
  demo(overrides: Overrides, options: Traffic): Promise<void>
  /** The doubles alone, until a signal. */
  sandboxOnly(overrides: Overrides): Promise<void>
  simulate(options: SimulateOptions): Promise<void>
  /** Hub and surroundings in one process, in a time of their own. Throws INPUT_INVALID. */
  simulateDays(options: SimulateDaysOptions): Promise<SimulatedDays>
  /** Files as a storage connector leaves them. */
  simulateFiles(options: SimulateFilesOptions): Promise<void>
  /** Puts a backup into an empty data folder. */
  restore(folder: string, dataDir: string): Promise<RestoreReport>
  /** No names: all benchmarks. Gives the exit code. */
  bench(names: readonly string[]): Promise<number>
}

export interface RestoreReport {
  readonly files: number
  readonly bytes: number
  /** Offset behind the last record of its log. */
  readonly head: number
  readonly startedAt: number
  readonly withKey: boolean
  readonly dialect: 'sqlite' | 'postgres'
}

export interface Traffic {
  readonly seed: number
  readonly eventsPerSecond: number
}

export interface SimulateFilesOptions {
  readonly folder: string
  readonly seed: number
  readonly events: number
}

export interface SimulateDaysOptions {
  readonly seed: number
  readonly days: number
  readonly perHour: number
  readonly faults: string
  /** Unset: the one seed. */
  readonly soakMs?: number | undefined
  readonly onProgress: (progress: DaysProgress) => void
}

export interface DaysProgress {
  readonly seed: number
  readonly day: number
  readonly days: number
  readonly events: number
  readonly faults: number
  /** Looks for a smaller run that breaks a promise, too. */
  readonly shrinking: boolean
}

export interface SimulatedDays {
  readonly seed: number
  readonly days: number
  readonly rate: number
  readonly sent: number
  readonly acknowledged: number
  readonly currents: readonly {
    readonly name: string
    readonly state: string
    readonly accepted: number
    readonly delivered: number
    readonly filtered: number
    readonly dead: number
    readonly pending: number
    readonly repeats: number
  }[]
  readonly faults: readonly {
    readonly name: string
    readonly day: number
    readonly hour: number
    readonly what: string
  }[]
  readonly lives: number
  readonly looks: number
  /** Numbers of the promises that were judged at each look. */
  readonly judged: readonly string[]
  /** Hex; '' when a promise was broken. */
  readonly digest: string
  readonly breach:
    | { readonly invariant: string; readonly what: string; readonly day: number; readonly atMs: number }
    | undefined
  /** Seeds that were run. */
  readonly worlds: number
  /** Arguments of the smallest run that breaks a promise. */
  readonly again: readonly string[] | undefined
}

export interface SimulateOptions extends Traffic {
  /** Address of a Currents door. */
  readonly url: string
  readonly token: string
  /** Unset: until a signal. */
  readonly seconds?: number
}
