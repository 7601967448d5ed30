/** What a rehearsed write told, for people, and what it says about the credentials. */

import * as z from 'zod'
import { FAULT_KINDS, type FaultKind } from '../core/fault.ts'
import type { Receipt } from '../core/receipt.ts'
import type { Authorizations } from '../store/authorizations.ts'

export const CheckAnswer = z
  .object({
    ok: z.boolean(),
    message: z.string(),
    fault: z.enum(FAULT_KINDS).nullable(),
    status: z.int().nullable().describe('HTTP status of the answer.'),
    answer: z.string().nullable().describe('The beginning of the answer.'),
  })
  .meta({ id: 'Check' })

export type CheckAnswer = z.output<typeof CheckAnswer>

export function checkAnswer(receipt: Receipt): CheckAnswer {
  if (receipt.outcome !== 'failed') {
    return { ok: true, message: 'The destination accepts a write', fault: null, status: null, answer: null }
  }
  const { kind, message, status, answer } = receipt.fault
  return { ok: false, message, fault: kind, status: status ?? null, answer: answer ?? null }
}

/** Faults that say nothing about the credentials: the vendor was not asked, or had no time. */
const SILENT: ReadonlySet<FaultKind> = new Set(['unreachable', 'unavailable', 'throttled', 'defect'])

export async function noteHealth(
  authorizations: Authorizations,
  id: string,
  receipt: Receipt,
): Promise<void> {
  if (receipt.outcome !== 'failed') await authorizations.setHealth(id, 'good', '')
  else if (!SILENT.has(receipt.fault.kind)) await authorizations.setHealth(id, 'bad', receipt.fault.message)
}
