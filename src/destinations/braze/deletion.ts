/**
 * Deletes users in Braze, by /users/delete: by external id, Braze id or alias, 50 in a request. Braze does not say whom it did not know; it
 * has no deletion by address, telephone number or device.
 */

import { answerText, type Exchange, type WireReply } from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import type { SubjectIdentifier, SubjectKind } from '../../core/traces.ts'
import { spellings } from '../credential.ts'
import { type Endpoint, faultOf, restUrl } from './endpoint.ts'

export const DELETE_USERS_MAX = 50

export interface Deletion {
  /** As Braze counts them. */
  readonly deleted: number
  readonly fault: Fault | undefined
}

/** In the order in which they are asked for; a request names users in one way only. */
const WAYS: readonly (readonly [SubjectKind, string, (identifier: SubjectIdentifier) => unknown])[] = [
  ['external_id', 'external_ids', ({ value }) => value],
  ['braze_id', 'braze_ids', ({ value }) => value],
  ['alias', 'user_aliases', ({ label, value }) => ({ alias_name: value, alias_label: label })],
]

/** Ends at the first fault; asking again deletes what is left. */
export function* deleteUsers(
  endpoint: Endpoint,
  restKey: string,
  identifiers: readonly SubjectIdentifier[],
): Exchange<Deletion> {
  let deleted = 0
  for (const [kind, member, written] of WAYS) {
    const of = identifiers.filter((identifier) => identifier.kind === kind).map(written)
    for (let i = 0; i < of.length; i += DELETE_USERS_MAX) {
      const reply = yield {
        method: 'POST',
        url: restUrl(endpoint, '/users/delete'),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${restKey}` },
        body: Buffer.from(JSON.stringify({ [member]: of.slice(i, i + DELETE_USERS_MAX) })),
        secrets: spellings(restKey),
      }
      const fault = faultOf(reply)
      if (fault !== undefined) return { deleted, fault }
      deleted += deletedIn(reply)
    }
  }
  return { deleted, fault: undefined }
}

function deletedIn(reply: WireReply): number {
  try {
    const { deleted } = JSON.parse(answerText(reply)) as { deleted?: unknown }
    return typeof deleted === 'number' ? deleted : 0
  } catch {
    return 0
  }
}
