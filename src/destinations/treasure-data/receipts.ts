/**
 * Reads the answer of the records API:
 * {"receipts":[{"success":true},{"success":false,"error":{"name":"…"}}]}, in record order.
 */

import { answerText, type WireReply } from '../../core/exchange.ts'
import { ANSWER_CHARS_MAX, type FaultKind } from '../../core/fault.ts'
import { DELIVERED, failed, type Receipt } from '../../core/receipt.ts'

/**
 * Errors that Treasure Data's own SDKs take as the sender's fault: the record is dropped there, a dead letter
 * here. After any other failed receipt the SDKs keep the record and try again; so do we.
 */
const REFUSALS: ReadonlySet<unknown> = new Set([
  'InvalidCollectionNameError',
  'InvalidPropertyNameError',
  'InvalidPropertyValueError',
])

/**
 * Exactly `count` receipts. A record whose receipt is missing or unreadable is `unclear`: it may have become
 * a row. When there are more receipts than records their order means nothing, and all are unclear.
 */
export function receiptsOf(reply: WireReply, count: number): readonly Receipt[] {
  const list = receiptList(reply)
  if (list === undefined || list.length > count) {
    const why = list === undefined ? 'without receipts' : `with ${list.length} receipts for ${count} records`
    return new Array<Receipt>(count).fill(fault(reply, 'unclear', `Treasure Data answered ${why}`))
  }
  return Array.from({ length: count }, (_, i) => receiptOf(reply, list[i]))
}

function receiptList(reply: WireReply): readonly unknown[] | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(new TextDecoder().decode(reply.body))
  } catch {
    // Not JSON, or cut: then nobody knows what became of the records.
    return undefined
  }
  const receipts = (answer as { receipts?: unknown } | null)?.receipts
  return Array.isArray(receipts) ? receipts : undefined
}

function receiptOf(reply: WireReply, receipt: unknown): Receipt {
  if (typeof receipt !== 'object' || receipt === null) {
    return fault(reply, 'unclear', 'Treasure Data gave no receipt for this record')
  }
  const { success, error } = receipt as { success?: unknown; error?: unknown }
  if (success === true) return DELIVERED
  const told = JSON.stringify(receipt).slice(0, ANSWER_CHARS_MAX)
  if (success !== false)
    return fault(reply, 'unclear', 'Treasure Data gave a receipt that says neither yes nor no', told)
  const name = (error as { name?: unknown } | null | undefined)?.name
  if (REFUSALS.has(name)) return fault(reply, 'invalid', `Treasure Data refuses this record: ${name}`, told)
  return fault(reply, 'unavailable', `Treasure Data did not take this record now: ${named(name)}`, told)
}

function named(name: unknown): string {
  return typeof name === 'string' && name !== '' ? name.slice(0, 200) : 'no reason given'
}

function fault(
  reply: WireReply,
  kind: FaultKind,
  message: string,
  answer: string = answerText(reply),
): Receipt {
  return failed({ kind, message, status: reply.status, answer })
}
