/** Which runs to merge next, so that their number stays small while each id is rewritten only a few times. Pure. */

const RUNS_MIN = 4
/** A run joins a merge when it is at most this many times as large as all newer ones in it: rewriting it must be worth it. */
const RATIO_MAX = 2

/**
 * `runs` are newest first; the result is a stretch of the newest of them, newest first, or empty. What is left alone is a few small runs,
 * and older ones of which each is more than twice as large as all newer ones together.
 */
export function runsToMerge<R extends { readonly facts: { readonly count: number } }>(
  runs: readonly R[],
): readonly R[] {
  let ids = 0
  let end = 0
  for (const { facts } of runs) {
    if (end > 0 && facts.count > RATIO_MAX * ids) break
    ids += facts.count
    end++
  }
  return end >= RUNS_MIN ? runs.slice(0, end) : []
}
