/** Answers the destination's requests as a vendor would: 200 when the rows are in, 503 when they are to come again. */

import type { WireReply, WireRequest } from '../../core/exchange.ts'
import type { Host } from './host.ts'

const RETRY_AFTER_SECONDS = '1'

export async function loadReply(host: Host, request: WireRequest): Promise<WireReply> {
  const body =
    request.body === undefined ? [] : request.body instanceof Uint8Array ? [request.body] : request.body
  try {
    const answer =
      request.method === 'POST' ? await host.ask({ op: 'load' }, body) : await host.ask({ op: 'tables' })
    return reply(200, request.method === 'POST' ? answer : {})
  } catch (error) {
    return reply(503, { error: error instanceof Error ? error.message : String(error) })
  }
}

function reply(status: number, value: unknown): WireReply {
  return {
    status,
    headers: status === 200 ? {} : { 'retry-after': RETRY_AFTER_SECONDS },
    body: Buffer.from(JSON.stringify(value)),
  }
}
