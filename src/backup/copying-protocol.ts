/** What the thread that copies is asked, and what it answers. */

import type { Gap } from '../log/log.ts'

export type CopyingJob =
  /** Copies the first `bytes` of a file, all of it when unset, and gives the copy `length` bytes, with a hole behind what was copied. */
  | {
      readonly do: 'copy'
      readonly from: string
      readonly to: string
      readonly bytes?: number
      readonly length?: number
    }
  /** A consistent copy of a database of SQLite that others are writing to. */
  | { readonly do: 'snapshot'; readonly from: string; readonly to: string }
  /** Reads a file again from the disk. */
  | { readonly do: 'sum'; readonly path: string }
  /** Opens a copy of a database and has SQLite check it. */
  | { readonly do: 'check-database'; readonly path: string }
  /** Walks over every frame of a copied segment. */
  | {
      readonly do: 'check-segment'
      readonly path: string
      readonly epoch: number
      readonly base: number
      readonly bytes: number
    }

export interface Summed {
  readonly bytes: number
  readonly crc32: number
}

export interface WalkedSegment {
  readonly end: number
  readonly gaps: readonly Gap[]
}

export interface CopyingAnswers {
  copy: Summed
  snapshot: Summed
  sum: Summed
  'check-database': null
  'check-segment': WalkedSegment
}

export type CopyingAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | undefined } }
