/**
 * What follows from profiles beyond themselves and is written in the transaction that changes them, so that it is
 * neither forgotten nor done twice, also across a kill. The engine calls every follower once per transaction.
 */

import type { Transaction } from 'kysely'
import type { Schema } from '../store/schema.ts'
import type { Profile } from './profile.ts'

/** What a follower may look at: the folded fields, and the audiences with since when. */
export type Standing = Pick<Profile, 'fields' | 'members'>

export interface ProfileChange {
  readonly profile: number
  /** As the last committed transaction left it; absent: it was not there. */
  readonly before?: Standing | undefined
  /** Absent: it is no more (merged into another one, erased). */
  readonly after?: Standing | undefined
  /** Profiles that became part of this one in this transaction. Each of them may be told as a change of its own, too. */
  readonly mergedFrom: readonly number[]
}

export interface Follower {
  /**
   * Only statements on `tx`: it may run again when transactions met. Each profile stands in `changes` once. `nowMs`: of
   * the clock that waits are measured on, not of the records.
   */
  follow(tx: Transaction<Schema>, changes: readonly ProfileChange[], nowMs: number): Promise<void>
}
