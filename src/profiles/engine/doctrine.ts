/** What the engine goes by: what the records of each stream mean, which identifiers join, and who is in which audience. */

import type { Follower } from '../follower.ts'
import type { Judge } from '../judge.ts'
import type { IdentifierKey } from '../profile.ts'
import type { MappedRecord } from '../record.ts'
import type { WorkingSet } from '../working-set.ts'

/** A record as it lies in the log. */
export interface RawRecord {
  readonly offset: number
  readonly receivedAt: number
  readonly source: number
  readonly type: string
  readonly bytes: Uint8Array
}

/** A mapped record with the identifiers that may find or join a profile, strongest first. */
export interface Identified<Ids = unknown> {
  readonly record: MappedRecord
  readonly ids: Ids
  readonly keys: readonly IdentifierKey[]
}

export interface Doctrine<Ids = unknown> {
  /** What a record gives: one for each stream that reads it; a text says why it gives none. */
  read(record: RawRecord): readonly (Identified<Ids> | string)[]
  resolver(set: WorkingSet): { take(record: MappedRecord, ids: Ids): void }
  readonly judge: Judge
  readonly followers: readonly Follower[]
  /** Changes whenever somebody might be judged otherwise. */
  readonly judgedBy: string
}
