/**
 * What the engine of profiles asks of audiences: who is in which, given the folded fields and the moment. Pure, so that
 * judging every profile again gives what judging the changed ones gave.
 */

import type { Fields } from './values.ts'

export interface Verdict {
  /** Numbers of the audiences that the profile is in, ascending. */
  readonly members: readonly number[]
  /** The earliest later moment at which this may be otherwise with the same fields; null: never. */
  readonly flipAt: number | null
}

export interface Judge {
  judge(fields: Fields, nowMs: number): Verdict
}

/** Somebody entered or left an audience. */
export interface Move {
  readonly audience: number
  readonly profile: number
  readonly at: number
  readonly entered: boolean
  /** `record`, `clock`, `definition`, `merge`, `split`, `erasure`. */
  readonly cause: MoveCause
  /** Of the record; null otherwise. */
  readonly offset: number | null
}

export const MOVE_CAUSES = ['record', 'clock', 'definition', 'merge', 'split', 'erasure'] as const
export type MoveCause = (typeof MOVE_CAUSES)[number]
