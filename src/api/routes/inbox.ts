/** The inbox: what was accepted, what could not be taken as an event, and what is new in it. */

import * as z from 'zod'
import { isKnown } from '../../catalog/catalog.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Offset, Time } from '../schemas.ts'

const source = z.string().nullable().describe('Name of the source; null: it was deleted.')

const Inbox = z
  .object({
    position: Offset.describe('Everything before is counted.'),
    head: Offset,
    counts: z.array(z.object({ source, eventType: z.string(), accepted: Count, bytes: Count })),
    countsCut: z.boolean().describe('There are more types than are listed; the largest are.'),
    quarantine: z.array(
      z.object({
        offset: Offset,
        source,
        receivedAt: Time,
        reason: z.string(),
        bytes: Count,
        excerpt: z.string(),
      }),
    ),
    firstSeen: z
      .array(
        z.object({
          eventType: z.string(),
          source,
          at: Time,
          known: z.boolean().describe('Whether it is in the catalog.'),
        }),
      )
      .describe('Event types, newest first.'),
    unacknowledgedFindings: Count.describe('Of the drift radar.'),
  })
  .meta({ id: 'Inbox' })

export type InboxAnswer = z.output<typeof Inbox>

const COUNTS_MAX = 2_000
const MINUTE_MS = 60_000

export function inboxRoutes(app: Api, { delivery, drift, sources, clock, log }: ApiParts): void {
  const nameOf = (number: number): string | null => sources.find(number)?.name ?? null
  app.get(
    '/inbox',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['Sources'],
        operationId: 'getInbox',
        summary: 'What came in lately: by type, quarantined items, types met for the first time',
        querystring: z.object({
          minutes: z.coerce
            .number()
            .int()
            .min(1)
            .max(527_040)
            .default(60)
            .describe('Counts of so many minutes.'),
          limit: z.coerce.number().int().min(1).max(500).default(50).describe('Of the two other lists.'),
        }),
        response: { 200: Inbox, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { minutes, limit } = request.query
      const sinceMinute = Math.floor(clock.now() / MINUTE_MS) - minutes + 1
      const counts = await delivery.intake.counts(sinceMinute)
      counts.sort((a, b) => b.accepted - a.accepted)
      const quarantine = await delivery.intake.quarantined(limit)
      const firstSeen = await drift.types(limit)
      return {
        position: delivery.intake.position,
        head: log.head,
        counts: counts.slice(0, COUNTS_MAX).map((row) => ({ ...row, source: nameOf(row.source) })),
        countsCut: counts.length > COUNTS_MAX,
        quarantine: quarantine.map((row) => ({
          offset: row.offset,
          source: nameOf(row.source),
          receivedAt: row.received_at,
          reason: row.reason,
          bytes: row.bytes,
          excerpt: row.excerpt,
        })),
        firstSeen: firstSeen.map((row) => ({
          eventType: row.event_type,
          source: nameOf(row.source),
          at: row.first_at,
          known: isKnown(row.event_type),
        })),
        unacknowledgedFindings: await drift.unacknowledged(),
      }
    },
  )
}
