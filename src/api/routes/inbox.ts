/** The inbox: what was accepted, what could not be taken as an event, and what is new in it. */

import * as z from 'zod'
import { isKnown } from '../../catalog/catalog.ts'
import type { QuarantineTable } from '../../store/schema.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { recentBatches, SCANNED_MAX } from '../recent.ts'
import { Count, ErrorAnswer, Offset, Time } from '../schemas.ts'

const source = z.string().nullable().describe('Name of the source; null: it was deleted.')

const QuarantinedItem = z
  .object({
    offset: Offset,
    source,
    receivedAt: Time,
    reason: z.string(),
    bytes: Count,
    excerpt: z.string().describe('Its first 500 bytes.'),
  })
  .meta({ id: 'QuarantinedItem' })

const Inbox = z
  .object({
    position: Offset.describe('Everything before is counted.'),
    head: Offset,
    counts: z.array(z.object({ source, eventType: z.string(), accepted: Count, bytes: Count })),
    countsCut: z.boolean().describe('There are more types than are listed; the largest are.'),
    quarantine: z.array(QuarantinedItem),
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

const Minutes = z
  .object({
    from: Time,
    minutes: z
      .array(z.object({ at: Time, accepted: Count, bytes: Count }))
      .describe('Oldest first; minutes without events are left out.'),
  })
  .meta({ id: 'InboxMinutes' })

const Batches = z
  .object({
    batches: z.array(
      z.object({
        offset: Offset.describe('Of its first record.'),
        source,
        receivedAt: Time,
        records: Count,
        bytes: Count,
        quarantined: Count,
        types: z.array(z.object({ eventType: z.string(), count: Count })).describe('The most first.'),
      }),
    ),
    next: Offset.nullable().describe('What `before` is for the next page; null: the log begins here.'),
  })
  .meta({ id: 'InboxBatches' })

const Quarantine = z.object({
  items: z.array(QuarantinedItem),
  next: Offset.nullable().describe('What `before` is for the next page; null: this was the last.'),
})

export type InboxAnswer = z.output<typeof Inbox>
export type InboxMinutesAnswer = z.output<typeof Minutes>
export type InboxBatchesAnswer = z.output<typeof Batches>
export type QuarantineAnswer = z.output<typeof Quarantine>
export type QuarantinedAnswer = z.output<typeof QuarantinedItem>

/** Types that are listed of one batch. */
const TYPES_MAX = 20
const COUNTS_MAX = 2_000
const MINUTE_MS = 60_000
const TAGS = ['Sources']

export function inboxRoutes(app: Api, { delivery, drift, sources, clock, log }: ApiParts): void {
  const nameOf = (number: number): string | null => sources.find(number)?.name ?? null
  app.get(
    '/inbox',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
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
        quarantine: quarantine.map((row) => itemOf(row, nameOf(row.source))),
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
  const numberOf = (name: string | undefined): number | undefined =>
    name === undefined ? undefined : sources.get(name).number
  const SourceQuery = z.string().min(1).max(64).optional().describe('Name of a source; unset: of all.')
  const before = z.coerce.number().int().min(0).optional().describe('`next` of the page before.')

  app.get(
    '/inbox/minutes',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listInboxMinutes',
        summary: 'Accepted events and their bytes, minute by minute',
        querystring: z.object({
          source: SourceQuery,
          minutes: z.coerce.number().int().min(1).max(10_080).default(60),
        }),
        response: { 200: Minutes, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { source: name, minutes } = request.query
      const since = Math.floor(clock.now() / MINUTE_MS) - minutes + 1
      const numbers = sources.list().map(({ number }) => number)
      const one = numberOf(name)
      const rows = await delivery.intake.cells(one === undefined ? numbers : [one], { fromMinute: since })
      return {
        from: since * MINUTE_MS,
        minutes: rows.map(({ minute, ...counts }) => ({ at: minute * MINUTE_MS, ...counts })),
      }
    },
  )

  app.get(
    '/inbox/batches',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listInboxBatches',
        summary: 'The last requests that brought events, as they were taken into the log, newest first',
        description: `Looks through ${SCANNED_MAX} records at a time: a page may be short although there are more.`,
        querystring: z.object({
          source: SourceQuery,
          limit: z.coerce.number().int().min(1).max(200).default(50),
          before,
        }),
        response: { 200: Batches, default: ErrorAnswer },
      },
    },
    async (request) => {
      const one = numberOf(request.query.source)
      const { items, next } = await recentBatches(
        log,
        { before: request.query.before, limit: request.query.limit },
        (number) => one === undefined || one === number,
      )
      return {
        batches: items.map(({ source: number, types, ...batch }) => ({
          ...batch,
          source: nameOf(number),
          types: types.slice(0, TYPES_MAX).map(([eventType, count]) => ({ eventType, count })),
        })),
        next: next ?? null,
      }
    },
  )

  app.get(
    '/quarantine',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listQuarantine',
        summary: 'Items that came in and are no events, newest first',
        querystring: z.object({
          source: SourceQuery,
          limit: z.coerce.number().int().min(1).max(500).default(50),
          before,
        }),
        response: { 200: Quarantine, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { limit } = request.query
      const one = numberOf(request.query.source)
      const rows = await delivery.intake.quarantined(limit, {
        ...(one === undefined ? {} : { source: one }),
        ...(request.query.before === undefined ? {} : { before: request.query.before }),
      })
      return {
        items: rows.map((row) => itemOf(row, nameOf(row.source))),
        next: rows.length < limit ? null : (rows.at(-1)?.offset ?? null),
      }
    },
  )
}

function itemOf(row: QuarantineTable, source: string | null): QuarantinedAnswer {
  const { offset, reason, bytes, excerpt } = row
  return { offset, source, receivedAt: row.received_at, reason, bytes, excerpt }
}
