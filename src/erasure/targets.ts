/** Vendors that delete a person for us: Braze, by the authorizations that the request names. Through the ordinary transport. */

import { ThalwegError } from '../core/errors.ts'
import type { Exchange } from '../core/exchange.ts'
import type { SubjectIdentifier } from '../core/traces.ts'
import type { Currents } from '../currents/registry.ts'
import type { Transport } from '../delivery/transport.ts'
import { type Deletion, deleteUsers } from '../destinations/braze/deletion.ts'
import type { Endpoint } from '../destinations/braze/endpoint.ts'
import type { Authorizations } from '../store/authorizations.ts'
import type { TargetOutcome } from './receipt.ts'

export interface TargetParts {
  readonly authorizations: Authorizations
  readonly currents: Currents
  readonly transport: Transport
}

/** A REST key of Braze is known by this member of its credentials. */
const REST_KEY = 'restKey'
const REQUEST_MS_MAX = 30_000
/** Better later than never: the step is tried again. */
const TRANSIENT: ReadonlySet<string> = new Set(['unreachable', 'unavailable', 'throttled', 'unclear'])

/** Throws AUTHORIZATION_UNKNOWN; INPUT_INVALID when it holds no REST key of Braze, or nothing says which instance it is for. */
export async function targetOf(
  id: string,
  { authorizations, currents }: TargetParts,
): Promise<{ readonly label: string; readonly endpoints: readonly Endpoint[] }> {
  const { label, fields } = await authorizations.get(id)
  if (!fields.includes(REST_KEY))
    throw new ThalwegError('INPUT_INVALID', `The authorization ${id} holds no REST key of Braze`)
  const endpoints = new Map<string, Endpoint>()
  for (const { definition } of await currents.list()) {
    const { authorization, settings } = definition.destination
    const { instance, host } = settings as Partial<Endpoint>
    if (authorization !== id || instance === undefined) continue
    endpoints.set(`${instance} ${host ?? ''}`, { instance, host })
  }
  if (endpoints.size === 0)
    throw new ThalwegError(
      'INPUT_INVALID',
      `No current uses the authorization ${id}, so nothing says which instance of Braze it is for`,
    )
  return { label, endpoints: [...endpoints.values()] }
}

/** Throws when the vendor may do it later. */
export async function deleteAtTarget(
  id: string,
  identifiers: readonly SubjectIdentifier[],
  parts: TargetParts,
  signal: AbortSignal,
): Promise<TargetOutcome> {
  const found = await targetOf(id, parts).catch((error: unknown) => {
    if (error instanceof ThalwegError) return error
    throw error
  })
  // It was good when it was asked for; waiting would not bring it back.
  if (found instanceof ThalwegError)
    return { authorization: id, vendor: 'Braze', deleted: 0, problem: found.message }
  const { label, endpoints } = found
  const restKey = String((await parts.authorizations.reveal(id))[REST_KEY])
  const outcome = { authorization: label, vendor: 'Braze', deleted: 0, problem: '' }
  for (const endpoint of endpoints) {
    const { deleted, fault } = await driven(
      deleteUsers(endpoint, restKey, identifiers),
      parts.transport,
      signal,
    )
    outcome.deleted += deleted
    if (fault === undefined) continue
    if (TRANSIENT.has(fault.kind)) throw new Error(`Braze did not delete yet: ${fault.message}`)
    outcome.problem = fault.message
  }
  return outcome
}

async function driven(
  exchange: Exchange<Deletion>,
  transport: Transport,
  signal: AbortSignal,
): Promise<Deletion> {
  let step = exchange.next()
  while (!step.done) {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS_MAX)])
    const reply = await transport.send(step.value, patience)
    if ('noAnswer' in reply) return { deleted: 0, fault: reply.noAnswer }
    step = exchange.next(reply)
  }
  return step.value
}
