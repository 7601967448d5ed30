/** Which Braze instance is meant, and what its general answers mean. */

import * as z from 'zod'
import { brazeInstances } from '../../catalog/instances.ts'
import { faultFrom, faultOfStatus, type WireReply } from '../../core/exchange.ts'
import type { Fault, FaultKind } from '../../core/fault.ts'
import { BaseAddress, under } from '../address.ts'

export const instance = z
  .enum([...brazeInstances.map(({ name }) => name), 'custom'])
  .describe(
    'Braze instance of the workspace, as its dashboard shows it, for example US-01 or EU-01. A key of one instance is refused by the others. custom: another host.',
  )

export const host = BaseAddress.optional().describe(
  'REST endpoint for instance custom, for example https://rest.iad-01.braze.com or http://127.0.0.1:7080.',
)

export interface Endpoint {
  readonly instance: string
  readonly host?: string | undefined
}

/** What keeps the two from naming one endpoint, for `superRefine`. */
export function checkEndpoint(endpoint: Endpoint, context: z.RefinementCtx): void {
  if ((endpoint.instance === 'custom') === (endpoint.host !== undefined)) return
  const message =
    endpoint.host === undefined ? 'Instance custom needs a host' : 'A host needs instance custom'
  context.addIssue({ code: 'custom', path: ['host'], message })
}

export function restUrl({ instance: name, host: custom }: Endpoint, path: string): string {
  const base = custom ?? brazeInstances.find((one) => one.name === name)?.rest
  return under(base ?? '', path)
}

/** Braze, "API errors". Everything else means what it usually means. */
const MEANINGS: Readonly<Record<number, readonly [FaultKind, string]>> = {
  401: ['unauthorized', 'Braze does not accept the key: wrong, revoked, or of another instance'],
  403: ['unauthorized', 'The key lacks the permission for this call, or the plan is not active'],
  404: ['misconfigured', 'Braze has no such address'],
  413: ['oversized', 'The request is larger than Braze takes'],
  423: ['throttled', 'Braze is busy with another change of the same cohort'],
  429: ['throttled', 'Braze asks for a slower pace'],
}

/** undefined for 2xx. */
export function faultOf(reply: WireReply): Fault | undefined {
  const meaning = MEANINGS[reply.status]
  return meaning === undefined ? faultOfStatus(reply) : faultFrom(meaning[0], meaning[1], reply)
}
