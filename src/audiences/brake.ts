/** The brake of an activation: a run that would take more people out than the operator allows waits for a person. */

import * as z from 'zod'

export const Brake = z
  .strictObject({
    removedShareMax: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('Largest part of the present members that one run may remove, 0 to 1.'),
    removedMax: z
      .int()
      .min(0)
      .optional()
      .describe('Largest number of members that one run may remove. Unset: the share alone decides.'),
  })
  .prefault({})
export type Brake = z.infer<typeof Brake>

export interface Removal {
  /** Rows of the query that name somebody. */
  readonly usable: number
  /** Members who would leave. */
  readonly removed: number
  /** Members before the run. */
  readonly members: number
}

export type HoldKind = 'empty' | 'removals'

export interface Hold {
  readonly kind: HoldKind
  /** In words: what would happen, what the limit is. */
  readonly reason: string
}

/** Up to this many removals are never a matter of share: of three members one may go. */
const SMALL = 3

/** undefined: the run may go on. */
export function holdFor({ usable, removed, members }: Removal, brake: Brake): Hold | undefined {
  if (removed === 0) return undefined
  if (usable === 0)
    return {
      kind: 'empty',
      reason: `The query gave no row that names somebody: all ${members} members would be removed. That is more often a fault than the truth.`,
    }
  const share = removed / Math.max(members, 1)
  if (brake.removedMax !== undefined && removed > brake.removedMax)
    return {
      kind: 'removals',
      reason: `${removed} members would be removed; at most ${brake.removedMax} are allowed.`,
    }
  if (removed > SMALL && share > brake.removedShareMax)
    return {
      kind: 'removals',
      reason: `${removed} of ${members} members (${percent(share)}) would be removed; at most ${percent(brake.removedShareMax)} are allowed.`,
    }
  return undefined
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
