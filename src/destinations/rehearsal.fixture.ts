/** For tests of destinations: makes batches out of values or texts, and plays the vendor by hand. */

import type { EventBatch } from '../core/batch.ts'
import type { Exchange, WireReply, WireRequest } from '../core/exchange.ts'
import { createJavaScriptKernel, createKernel } from '../core/kernel/create.ts'
import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FLAGS,
  ITEM_START,
  ITEM_WORDS,
  type Kernel,
  type KernelOptions,
  type Vocabulary,
} from '../core/kernel/kernel.ts'
import type { Receipt } from '../core/receipt.ts'

/** When every event of a batch of this file was accepted. */
export const RECEIVED_AT = Date.UTC(2026, 0, 2, 3, 4, 5)

const OPTIONS: KernelOptions = { bodyBytesMax: 20_000_000, itemsMax: 20_000, key: new Uint8Array(16) }

/** A new kernel: what a destination keeps in it does not reach another test. */
export function kernelForTests(name: Kernel['name'] = 'wasm'): Kernel {
  return name === 'wasm' ? createKernel(OPTIONS) : createJavaScriptKernel(OPTIONS)
}

/** A batch of events, each a value or its JSON text, with the flags and types that a scan finds. */
export function batchOf(
  events: readonly (object | string)[],
  connection = 'c0ffee',
  vocabulary: Vocabulary = 'currents',
): EventBatch {
  const texts = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)))
  const body = Buffer.from(`[${texts.join(',')}]`)
  const scanner = createJavaScriptKernel(OPTIONS)
  const { items, count } = scanner.scan(body, vocabulary)
  if (count !== events.length) throw new Error(`${events.length} events make ${count} items`)
  const column = (word: number) => Array.from({ length: count }, (_, i) => items[i * ITEM_WORDS + word] ?? 0)
  if (column(ITEM_FAULT).some((fault) => fault !== 0)) throw new Error('An event is broken')
  const values = texts.map((text) => JSON.parse(text) as Record<string, unknown>)
  return {
    id: 'batch-1',
    connection,
    count,
    joined: body.subarray(1, -1),
    starts: Uint32Array.from(column(ITEM_START), (at) => at - 1),
    ends: Uint32Array.from(column(ITEM_END), (at) => at - 1),
    types: values.map(({ event_type, type }) =>
      vocabulary === 'segment' ? `segment.${type}` : typeof event_type === 'string' ? event_type : '',
    ),
    flags: Uint8Array.from(column(ITEM_FLAGS)),
    offsets: Float64Array.from(values, (_, i) => 1000 + i),
    requests: new Float64Array(count).fill(1000),
    sources: new Uint32Array(count).fill(1),
    receivedAt: new Float64Array(count).fill(RECEIVED_AT),
  }
}

export function reply(status: number, body: unknown = '', headers: Record<string, string> = {}): WireReply {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { status, headers, body: Buffer.from(text) }
}

/** A request as the vendor would see it, its body a copy taken when it was sent. */
export interface Seen extends Omit<WireRequest, 'body'> {
  readonly body: string
}

export interface Rehearsed<Result> {
  readonly requests: readonly Seen[]
  readonly result: Result
}

/**
 * Drives an exchange to its end. The vendor is a list of answers, the last of which repeats, or a function.
 */
export function rehearse<Result>(
  exchange: Exchange<Result>,
  vendor: readonly WireReply[] | ((request: Seen, n: number) => WireReply),
): Rehearsed<Result> {
  const requests: Seen[] = []
  let step = exchange.next()
  while (step.done !== true) {
    const seen = { ...step.value, body: bodyText(step.value) }
    requests.push(seen)
    const answer =
      typeof vendor === 'function'
        ? vendor(seen, requests.length - 1)
        : (vendor[requests.length - 1] ?? vendor.at(-1))
    if (answer === undefined) throw new Error('The vendor has no answer')
    step = exchange.next(answer)
  }
  return { requests, result: step.value }
}

function bodyText(request: WireRequest): string {
  const { body } = request
  if (body === undefined) return ''
  return Buffer.concat(body instanceof Uint8Array ? [body] : body).toString()
}

/** 'delivered', 'skipped:<reason>' or 'failed:<kind>' per receipt. */
export function outcomes(receipts: readonly Receipt[]): string[] {
  return receipts.map((receipt) => {
    if (receipt.outcome === 'delivered') return 'delivered'
    return receipt.outcome === 'skipped' ? `skipped:${receipt.reason}` : `failed:${receipt.fault.kind}`
  })
}

/** The event of the partner documentation. */
export const OPEN_EVENT = {
  event_type: 'users.messages.email.Open',
  id: 'a1234567-89ab-cdef-0123-456789abcdef',
  time: 1477502783,
  user: {
    user_id: '0123456789abcdef01234567',
    external_user_id: 'u1',
    device_id: 'fe1b0d2c-1111-4222-8333-444455556666',
    timezone: 'America/Chicago',
  },
  properties: {
    campaign_id: '11234567-89ab-cdef-0123-456789abcdef',
    campaign_name: 'Test Campaign',
    dispatch_id: '12345qwert',
    email_address: 'test@example.com',
    send_id: 'f123456789abcdef01234567',
    user_agent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_5)',
  },
}
