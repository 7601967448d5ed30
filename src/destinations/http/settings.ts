/** What an operator says about a receiver of the Custom HTTP payload. */

import * as z from 'zod'
import { Address } from '../address.ts'

/** Extra headers of one connection. */
const HEADERS_MAX = 20

/**
 * Headers that are ours or the connection's own: framing (RFC 9112), hop-by-hop (RFC 9110, 7.6.1), what says
 * who we are, and what the payload is.
 */
const RESERVED: ReadonlySet<string> = new Set([
  'authorization',
  'braze-currents-version',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const Headers = z
  .record(
    z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'This is not a header name'),
    z
      .string()
      .regex(
        /^(?! )[\x20-\x7e]{0,1000}(?<! )$/,
        'A header value is at most 1,000 printable ASCII characters, without spaces around it',
      ),
  )
  .superRefine((headers, context) => {
    const names = Object.keys(headers)
    if (names.length > HEADERS_MAX) {
      context.addIssue({ code: 'custom', message: `There are more than ${HEADERS_MAX} headers` })
    }
    const met = new Set<string>()
    for (const name of names) {
      const lower = name.toLowerCase()
      if (RESERVED.has(lower))
        context.addIssue({ code: 'custom', path: [name], message: `${name} is set by Thalweg itself` })
      if (met.has(lower))
        context.addIssue({ code: 'custom', path: [name], message: `${name} is given twice` })
      met.add(lower)
    }
  })

export const HttpSettings = z.strictObject({
  url: Address.describe('Where the events are posted. Its query string is kept.'),
  headers: Headers.default({}).describe(
    'Headers to send along. Every viewer can read them: a token belongs to the authorization.',
  ),
  eventsPerRequest: z
    .int()
    .min(1)
    .max(5000)
    .default(100)
    .describe('Events in one request at most. Braze sends 100 unless told otherwise.'),
  bytesPerRequest: z
    .int()
    .min(1000)
    .max(16_000_000)
    .default(1_000_000)
    .describe('Bytes of events in one request at most; a single larger event still travels alone.'),
})
export type HttpSettings = z.infer<typeof HttpSettings>

export const HttpCredentials = z.strictObject({
  token: z
    .string()
    .regex(
      /^[A-Za-z0-9._~+/-]{1,1024}=*$/,
      'A bearer token consists of letters, digits and - . _ ~ + / with = at its end',
    )
    .optional()
    .describe(
      'Bearer token (RFC 6750), sent as Authorization: Bearer <token>. Leave out for a receiver that needs none.',
    ),
})
export type HttpCredentials = z.infer<typeof HttpCredentials>
