import { isObject } from './answer.ts'
import type { SegmentType } from './segment-checks.ts'

export interface Envelope {
  readonly type: SegmentType
  readonly messageId: string
  readonly receivedAtMs: number
  /** Of the body around the event: merged into it, the event's own value winning (inferred from the docs). */
  readonly context: unknown
  readonly integrations: unknown
  readonly sentAt: unknown
}

export interface PublishedEvent {
  readonly type: SegmentType
  readonly messageId: string
  readonly receivedAt: string
  readonly timestamp: string
  readonly originalTimestamp: string
  readonly [field: string]: unknown
}

/**
 * The event as Segment passes it on: server fields filled in, batch fields merged, clock skew taken out.
 * (Properties beyond 10,000 would be cut, but no event of 32 KB has that many.)
 */
export function published(event: Readonly<Record<string, unknown>>, envelope: Envelope): PublishedEvent {
  const receivedAt = new Date(envelope.receivedAtMs).toISOString()
  const originalTimestamp = isoOr(event.originalTimestamp ?? event.timestamp, receivedAt)
  const sentAt = event.sentAt ?? envelope.sentAt
  const { writeKey: _secret, ...rest } = event
  return {
    ...rest,
    type: envelope.type,
    messageId: envelope.messageId,
    context: merged(envelope.context, event.context),
    integrations: merged(envelope.integrations, event.integrations),
    ...(typeof sentAt === 'string' ? { sentAt } : {}),
    originalTimestamp,
    timestamp: skewCorrected(envelope.receivedAtMs, sentAt, originalTimestamp),
    receivedAt,
    version: 2,
  }
}

/**
 * `timestamp = receivedAt - (sentAt - originalTimestamp)`; without a readable sentAt the client's clock is
 * taken as it is.
 */
function skewCorrected(receivedAtMs: number, sentAt: unknown, originalTimestamp: string): string {
  const sentAtMs = typeof sentAt === 'string' ? Date.parse(sentAt) : Number.NaN
  if (Number.isNaN(sentAtMs)) return originalTimestamp
  const corrected = new Date(receivedAtMs - (sentAtMs - Date.parse(originalTimestamp)))
  return Number.isNaN(corrected.getTime()) ? originalTimestamp : corrected.toISOString()
}

function isoOr(value: unknown, otherwise: string): string {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? otherwise : new Date(ms).toISOString()
}

function merged(around: unknown, own: unknown): Record<string, unknown> {
  return { ...(isObject(around) ? around : {}), ...(isObject(own) ? own : {}) }
}
