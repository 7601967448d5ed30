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

export interface SimulateOptions extends Traffic {
  /** Address of a Currents door. */
  readonly url: string
  readonly token: string
  /** Unset: until a signal. */
  readonly seconds?: number
}
