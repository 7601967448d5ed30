/**
 * What Braze does with an answer to a Currents request (Braze docs, "Currents integration", response table):
 *
 *   2XX             done, never sent again
 *   400             split into batches of one; a single that gets 400 again is dropped for good
 *   401, 403, 404   bad credentials or address: everything halts for 2 to 5 minutes; dropped after 48 hours
 *   413             split into smaller batches; a single cannot be split and is dropped (ours: not documented)
 *   429, 5XX        exponential backoff with jitter; dropped after 24 hours
 *   anything else   as 5XX; so is no answer at all
 */
export type Reaction = 'done' | 'split_into_singles' | 'split_in_half' | 'drop' | 'halt' | 'back_off'

/** `status` is undefined when no answer came. */
export function reactionTo(status: number | undefined, events: number): Reaction {
  if (status === undefined) return 'back_off'
  if (status >= 200 && status < 300) return 'done'
  if (status === 400) return events > 1 ? 'split_into_singles' : 'drop'
  if (status === 413) return events > 1 ? 'split_in_half' : 'drop'
  return status === 401 || status === 403 || status === 404 ? 'halt' : 'back_off'
}

export const DROP_REASONS = [
  'refused_400', // answered 400 alone
  'refused_413', // answered 413 alone
  'credentials_expired', // 401, 403, 404 until the horizon
  'outage_expired', // 429, 5XX, no answer until the horizon
  'over_900_kb', // never sent
  'test_cap', // a test connector's day was full
  'queue_full', // the sender's own bound; Braze knows no such thing
] as const
export type DropReason = (typeof DROP_REASONS)[number]
