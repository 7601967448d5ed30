import { expect, test } from 'vitest'
import { FAULT_KINDS, type FaultKind } from '../core/fault.ts'
import { type Decision, decisionFor } from './decisions.ts'

const TABLE: Record<FaultKind, Decision> = {
  unreachable: 'defer',
  unavailable: 'defer',
  throttled: 'defer',
  unauthorized: 'halt',
  misconfigured: 'halt',
  invalid: 'narrow',
  oversized: 'split',
  unmatched: 'narrow',
  unclear: 'doubt',
  defect: 'halt',
}

test.each(FAULT_KINDS)('what %s means', (kind) => {
  expect(decisionFor({ kind, message: '' })).toBe(TABLE[kind])
})
