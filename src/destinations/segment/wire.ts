/** How requests to Segment look, and what its status codes mean. */

import { faultFrom, faultOfStatus, type WireReply, type WireRequest } from '../../core/exchange.ts'
import type { Fault, FaultKind } from '../../core/fault.ts'
import { spellings } from '../credential.ts'
import type { Target } from '../destination.ts'
import { batchUrl, type SegmentCredentials, type SegmentSettings } from './settings.ts'

/** Basic authentication: the write key as user name, an empty password, and the colon between them. */
export function batchDraft({
  settings,
  credentials,
}: Target<SegmentSettings, SegmentCredentials>): Omit<WireRequest, 'body'> {
  const basic = Buffer.from(`${credentials.writeKey}:`).toString('base64')
  return {
    method: 'POST',
    url: batchUrl(settings),
    headers: { 'content-type': 'application/json', authorization: `Basic ${basic}` },
    secrets: spellings(credentials.writeKey, basic),
  }
}

/**
 * Where Segment's own SDK (Node 3.1) and we differ: it drops a batch after 401, 403, 404, 413, 501, 505, 511
 * and any other 4xx. We drop nothing: what the settings may cause halts the connection, the rest waits or is
 * split.
 */
const MEANINGS: Readonly<Record<number, readonly [FaultKind, string]>> = {
  400: ['invalid', 'Segment could not read the request: an event in it is malformed or too large'],
  401: ['unauthorized', 'Segment does not accept the write key'],
  403: ['unauthorized', 'Segment does not accept the write key'],
  404: ['misconfigured', 'There is no Segment tracking API at this address; a host needs its /v1'],
  // The SDK retries these three like a failing server.
  408: ['unavailable', 'Segment gave up waiting for the request'],
  410: ['unavailable', 'Segment answered 410, which its SDKs retry'],
  460: ['unavailable', 'The connection was closed before Segment had answered'],
  413: ['oversized', 'The request is larger than Segment takes'],
  429: ['throttled', 'Segment asks for a slower pace'],
  501: ['misconfigured', 'The server at this address does not know the batch call'],
  505: ['misconfigured', 'The server at this address does not speak our version of HTTP'],
  511: ['misconfigured', 'A network between here and Segment wants a login'],
}

/** undefined for 2xx. */
export function faultOf(reply: WireReply): Fault | undefined {
  const meaning = MEANINGS[reply.status]
  return meaning === undefined ? faultOfStatus(reply) : faultFrom(meaning[0], meaning[1], reply)
}
