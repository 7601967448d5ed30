/** For tests of warehouses as destinations: drives exchanges over what really sends them, as the courier does. */

import type { EventBatch } from '../core/batch.ts'
import type { Exchange, WireReply, WireRequest } from '../core/exchange.ts'
import type { Fault } from '../core/fault.ts'
import type { Receipt } from '../core/receipt.ts'
import { batchOf } from '../destinations/rehearsal.fixture.ts'

export interface Sender {
  send(request: WireRequest, signal: AbortSignal): Promise<WireReply | { readonly noAnswer: Fault }>
}

export const NEVER = new AbortController().signal

/** What the exchange came to; the fault when there was no answer. */
export async function converse<Result>(
  exchange: Exchange<Result>,
  sender: Sender,
  signal = NEVER,
): Promise<Result | Fault> {
  let step = exchange.next()
  while (step.done !== true) {
    const reply = await sender.send(step.value, signal)
    if ('noAnswer' in reply) return reply.noAnswer
    step = exchange.next(reply)
  }
  return step.value
}

/** 'delivered', 'skipped', or the kind of the fault, once per run of equal ones. */
export function kindsOf(result: readonly Receipt[] | Receipt | Fault): string {
  if ('kind' in result) return result.kind
  const receipts = 'outcome' in result ? [result] : result
  const kinds = receipts.map((receipt) =>
    receipt.outcome === 'failed' ? receipt.fault.kind : receipt.outcome,
  )
  return [...new Set(kinds)].join(' ')
}

/** Events as a batch whose records lie at these offsets of the log. */
export function batchAt(
  offsets: readonly number[],
  eventOf: (offset: number) => object | string,
  connection?: string,
): EventBatch {
  return { ...batchOf(offsets.map(eventOf), connection), offsets: Float64Array.from(offsets) }
}

/** from, from + 1, … to. */
export function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
