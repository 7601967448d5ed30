/**
 * Any receiver of the Custom HTTP payload of Braze Currents: what it gets from us is what it would get from
 * Braze, with the events' bytes unchanged. The room describes requests and reads answers; it never calls the
 * receiver.
 *
 * Answers mean what they mean to Braze (Custom HTTP connector, response handling), with one difference:
 * nothing is ever dropped for waiting too long.
 *
 * | status        | here                                                                               |
 * |---------------|------------------------------------------------------------------------------------|
 * | 2xx           | delivered                                                                          |
 * | 400, 422      | the batch is split down to the records that are refused; those become dead letters |
 * | 401, 403, 407 | the connection halts until the credentials are mended                              |
 * | 413           | the batch is split; a single record that is too large becomes a dead letter        |
 * | 429, 423      | later, after Retry-After if given                                                  |
 * | 5xx, 408, 425 | later                                                                              |
 * | others        | the connection halts until the address is mended                                   |
 */

import { eventValue } from '../../core/batch.ts'
import { faultOfStatus, type WireRequest } from '../../core/exchange.ts'
import { DELIVERED, failed, receiptForAll } from '../../core/receipt.ts'
import { spellings } from '../credential.ts'
import type { Destination, Target } from '../destination.ts'
import { EVENTS_ENVELOPE, enveloped, wrapped } from '../envelope.ts'
import { HttpCredentials, HttpSettings } from './settings.ts'

export const http: Destination<HttpSettings, HttpCredentials> = {
  name: 'http',
  title: 'HTTP',
  description:
    'Any web address that takes the Custom HTTP payload of Braze Currents: {"events":[…]}, with a bearer token and headers of your own.',
  settings: HttpSettings,
  credentials: HttpCredentials,
  /**
   * The probe that Braze sends itself: no events, but the token is looked at (Custom HTTP connector, empty
   * request).
   */
  *check(target) {
    const fault = faultOfStatus(yield { ...draftOf(target), body: wrapped(EVENTS_ENVELOPE, []) })
    return fault === undefined ? DELIVERED : failed(fault)
  },
  events: {
    limits: (settings) => ({
      recordsMax: settings.eventsPerRequest,
      bytesMax: settings.bytesPerRequest,
      waitMs: 1000,
      inFlightMax: 4,
    }),
    writer(target) {
      const draft = draftOf(target)
      return {
        *write(batch) {
          if (batch.count === 0) return []
          const fault = faultOfStatus(yield { ...draft, body: enveloped(EVENTS_ENVELOPE, batch) })
          return receiptForAll(batch.count, fault === undefined ? DELIVERED : failed(fault))
        },
        preview: (batch, i) => ({ events: [eventValue(batch, i)] }),
      }
    },
  },
}

function draftOf({
  settings,
  credentials,
}: Target<HttpSettings, HttpCredentials>): Omit<WireRequest, 'body'> {
  const { token } = credentials
  return {
    method: 'POST',
    url: new URL(settings.url).href,
    headers: {
      ...lowered(settings.headers),
      'content-type': 'application/json',
      'braze-currents-version': '1',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    secrets: token === undefined ? [] : spellings(token),
  }
}

function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
