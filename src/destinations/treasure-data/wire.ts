/** How requests to Treasure Data look, and what its status codes mean, in all three forms. */

import { faultFrom, faultOfStatus, type WireReply, type WireRequest } from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import { spellings } from '../credential.ts'

export type Draft = Omit<WireRequest, 'body'>

export const RECORDS_TYPE = 'application/vnd.treasuredata.v1+json'

export function postbackDraft(url: string, key: string, keyIn: 'header' | 'query'): Draft {
  const headers = { 'content-type': 'application/json' }
  const secrets = spellings(key)
  if (keyIn === 'query') {
    return { method: 'POST', url: `${url}?td_write_key=${encodeURIComponent(key)}`, headers, secrets }
  }
  return { method: 'POST', url, headers: { ...headers, 'x-td-write-key': key }, secrets }
}

export function recordsDraft(url: string, key: string): Draft {
  const headers = { 'content-type': RECORDS_TYPE, accept: RECORDS_TYPE, authorization: `TD1 ${key}` }
  return { method: 'POST', url, headers, secrets: spellings(key) }
}

const HINTS: Readonly<Record<number, string>> = {
  400: 'Treasure Data could not read the request',
  401: 'Treasure Data does not accept the write key; a key of another site counts as wrong too',
  403: 'Treasure Data does not accept the write key; a key of another site counts as wrong too',
  404: 'Treasure Data does not know the address; check site, database and table',
  413: 'The request is larger than Treasure Data takes',
}

/**
 * undefined for 2xx. A 400 concerns the data: halving the batch finds the record that Treasure Data cannot
 * read.
 */
export function faultOf(reply: WireReply): Fault | undefined {
  const fault = faultOfStatus(reply)
  const hint = HINTS[reply.status]
  return fault === undefined || hint === undefined ? fault : faultFrom(fault.kind, hint, reply)
}
