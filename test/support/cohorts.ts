/** What every run of an activation must say of itself. */

import { expect } from 'vitest'
import type { Run, RunState } from '../../src/audiences/run.ts'

export const ENDED: ReadonlySet<RunState> = new Set(['succeeded', 'partial', 'failed', 'cancelled', 'held'])

/** The numbers of a run that is over close. */
export function expectClosed({ report, retryOf, state }: Run): void {
  const { added, removed, affirmed, accepted, rejected, unsent, distinct, unchanged } = report
  expect(added + removed + affirmed).toBe(accepted + rejected + unsent)
  expect(state === 'succeeded' ? [rejected, unsent] : [0, 0]).toEqual([0, 0])
  if (retryOf !== null) return
  const invalid = Object.values(report.invalid).reduce((sum, { count }) => sum + count, 0)
  expect(report.rows).toBeLessThanOrEqual(report.identifiers + invalid)
  expect(distinct).toBeLessThanOrEqual(report.identifiers)
  expect([unchanged + added, unchanged + removed]).toContain(distinct)
}
