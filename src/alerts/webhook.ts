/**
 * Webhooks, and the provider `webhook` whose authorizations hold their secrets. Requests are signed as the Standard Webhooks specification
 * says, for which receivers have libraries: the HMAC-SHA256 of `<id>.<timestamp>.<body>`, in base64. A redirect is an answer like others,
 * never followed: what is signed goes where the operator said and nowhere else.
 */

import { createHmac, randomUUID } from 'node:crypto'
import * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import { answerText, faultOfStatus, type WireReply, type WireRequest } from '../core/exchange.ts'
import type { Fault } from '../core/fault.ts'
import { fitting, type Provider } from '../core/provider.ts'
import { DELIVERED, failed } from '../core/receipt.ts'
import { redacted } from '../core/secret.ts'
import { Address } from '../destinations/address.ts'
import type { Attempt } from './attempt.ts'
import type { WebhookChannel } from './channels.ts'

/** How a request leaves: delivery's transport. Never rejects. */
export type Send = (
  request: WireRequest,
  signal: AbortSignal,
) => Promise<WireReply | { readonly noAnswer: Fault }>

const SECRET = /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/
const CALL_MS_MAX = 30_000

export const WebhookCredentials = z.strictObject({
  secret: z
    .string()
    .regex(SECRET, 'A secret is whsec_ and 24 to 64 bytes in base64')
    .optional()
    .describe('Signs each request. Make one: echo "whsec_$(openssl rand -base64 32)"'),
  url: Address.optional().describe(
    'The whole address, where it is a secret itself, as those of chat programs are; then the channel names none.',
  ),
})
export type WebhookCredentials = z.output<typeof WebhookCredentials>

export interface Call {
  /** The same for every attempt, so that a repeated call can be told. */
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

/** Never rejects. */
export async function callWebhook(
  settings: WebhookChannel['settings'],
  credentials: WebhookCredentials | undefined,
  call: Call,
  parts: { readonly send: Send; readonly nowMs: number },
  signal: AbortSignal,
): Promise<Attempt> {
  const url = settings.url ?? credentials?.url
  if (url === undefined)
    return {
      isTaken: false,
      fault: {
        kind: 'misconfigured',
        message: 'Neither the channel nor its authorization says where to post',
      },
    }
  // Of the authorization's address only the host may be shown.
  const secrets = credentials?.url === undefined ? [] : [credentials.url]
  const request = requestOf(url, credentials?.secret, call, parts.nowMs)
  const reply = await parts.send(request, AbortSignal.any([signal, AbortSignal.timeout(CALL_MS_MAX)]))
  if ('noAnswer' in reply) {
    const { kind, message } = reply.noAnswer
    return { isTaken: false, fault: { kind, message: redacted(message, secrets) } }
  }
  const answer = redacted(`${reply.status} ${answerText(reply)}`.trim(), secrets)
  const fault = faultOfStatus(reply)
  if (fault === undefined) return { isTaken: true, answer }
  return {
    isTaken: false,
    fault: { ...fault, message: `The webhook at ${new URL(url).host} answered ${reply.status}`, answer },
  }
}

/** Tried by posting a test. */
export function webhookProvider(send: Send, clock: Clock): Provider {
  const settings = z.strictObject({
    url: Address.nullable().default(null).describe('Where to post the test, unless the credentials say it.'),
  })
  return {
    name: 'webhook',
    title: 'Webhook',
    description: 'Secret that signs the alerts posted to a webhook, or its address; tried by posting a test.',
    settings,
    credentials: WebhookCredentials,
    placeIsGuarded: true,
    async verify(given, secrets) {
      const attempt = await callWebhook(
        fitting(settings, given, 'settings'),
        fitting(WebhookCredentials, secrets, 'credentials'),
        { id: randomUUID(), body: { event: 'alert.test', text: 'A test of credentials by Thalweg' } },
        { send, nowMs: clock.now() },
        new AbortController().signal,
      )
      return attempt.isTaken ? DELIVERED : failed(attempt.fault)
    },
  }
}

function requestOf(url: string, secret: string | undefined, { id, body }: Call, nowMs: number): WireRequest {
  const timestamp = String(Math.floor(nowMs / 1000))
  const bytes = Buffer.from(JSON.stringify(body))
  return {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Thalweg',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      ...(secret === undefined
        ? {}
        : { 'webhook-signature': `v1,${signature(secret, id, timestamp, bytes)}` }),
    },
    body: bytes,
    secrets: secret === undefined ? [] : [secret],
  }
}

function signature(secret: string, id: string, timestamp: string, body: Uint8Array): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
}
