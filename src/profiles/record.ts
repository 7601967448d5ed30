/** A record of a stream as its mapping made it: identifiers and values, ready to be put into a profile. */

import type { Value } from './values.ts'

export interface MappedRecord {
  readonly stream: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Its place in the log: the cause of what follows from it. */
  readonly offset: number
  /** Whether it may join two profiles. */
  readonly joins: boolean
  /** As the mapping gave them; a field may stand there several times. */
  readonly identifiers: readonly { readonly field: string; readonly value: string }[]
  /** Values of fields that are no identifiers, and of those that are: of each field one. */
  readonly values: Iterable<readonly [field: string, value: Value]>
}
