/** The steps of an erasure. */

/**
 * In order; each may be done again after a crash. Those with a star are done by every node for itself (parts.ts), and over when all that are
 * there have done so.
 *
 *   find         takes in what records and profiles clearly join; counts what is there
 *   suppress *   from here on nothing of theirs comes in
 *   log          records are blanked where they lie
 *   reread *     the log is read as it is now
 *   connections  what was read before is given up and read again
 *   profiles
 *   folders *    the warehouse, Parquet files, rosters, and what doors keep in memory
 *   store        the tables of all rooms
 *   targets      vendors are asked to delete
 *   compact      files of the control-plane database are rewritten
 *   search *     every byte of the data directory is looked at; then the receipt is written, and what was asked for forgotten
 */
export const STEPS = [
  'find',
  'suppress',
  'log',
  'reread',
  'connections',
  'profiles',
  'folders',
  'store',
  'targets',
  'compact',
  'search',
] as const
export type Step = (typeof STEPS)[number]

/** Those with a star. */
export const PART_STEPS = ['suppress', 'reread', 'folders', 'search'] as const satisfies readonly Step[]
export type PartStep = (typeof PART_STEPS)[number]
