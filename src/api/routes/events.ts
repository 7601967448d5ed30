/**
 * What came in last, and the lineage of one event: raw bytes, and for every current what became of it and what its
 * destination gets to see.
 */

import * as z from 'zod'
import { channelOf, isKnown } from '../../catalog/catalog.ts'
import { ThalwegError } from '../../core/errors.ts'
import { identityOf } from '../../core/kernel/identity.ts'
import type { Delivery } from '../../delivery/delivery.ts'
import { eventIdOf } from '../../delivery/event-id.ts'
import { ROW_ERASED, ROW_QUARANTINED } from '../../log/frame.ts'
import type { Api } from '../app.ts'
import { CurrentState } from '../current-views.ts'
import type { ApiParts } from '../parts.ts'
import { type RecentEvent, recentBatches, recentEvents, SCANNED_MAX } from '../recent.ts'
import { Count, ErrorAnswer, Offset, Time } from '../schemas.ts'

const BatchView = z.object({
  id: z.string(),
  count: Count,
  attempts: Count,
  status: z.int().describe('HTTP status of the deciding answers, the highest; 0: none.'),
  firstSentAt: Time,
  settledAt: Time,
  replay: z.string().nullable(),
})

/** What became of a record in one current. */
export const FateView = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('out-of-scope'),
    why: z.enum(['not_launched', 'before_launch', 'other_source']),
  }),
  z.object({ outcome: z.literal('pending') }),
  z.object({ outcome: z.literal('filtered'), reason: z.string(), version: Count }),
  z.object({ outcome: z.literal('delivered'), version: Count, batch: BatchView }),
  z.object({
    outcome: z.literal('dead'),
    version: Count,
    deadLetter: z.string(),
    state: z.string(),
    reason: z.string(),
    message: z.string(),
    status: z.int().describe('HTTP status of the refusing answer; 0: none.'),
    answer: z.string().describe('What the vendor answered.'),
    attempts: Count,
    batch: BatchView.optional(),
  }),
  z.object({ outcome: z.literal('missing') }),
])

const AttemptView = z.object({
  at: Time,
  status: z.int().describe('0: no answer.'),
  elapsedMs: z.number(),
  fault: z.object({ kind: z.string(), message: z.string() }).nullable(),
})

const RecordView = z
  .object({
    offset: Offset,
    source: z.string().nullable(),
    door: z.string().nullable().describe('Kind of the source; null: it was deleted.'),
    request: z
      .object({ offset: Offset.describe('Of its first record.'), records: Count, bytes: Count })
      .describe('What it came with.'),
    receivedAt: Time,
    type: z.string(),
    channel: z.string(),
    inCatalog: z.boolean(),
    quarantined: z.boolean(),
    erased: z.boolean().describe('What it said was taken away: somebody was erased, or stays out.'),
    bytes: Count,
    raw: z.string().describe('The event as it was received.'),
    currents: z.array(
      z.object({
        current: z.string(),
        number: Count,
        state: CurrentState,
        destination: z.string(),
        selection: z.object({
          include: z.array(z.string()),
          exclude: z.array(z.string()),
          externalId: z.enum(['required', 'optional']),
        }),
        fate: FateView,
        attempts: z
          .array(AttemptView)
          .describe(
            'Of its batch, as far as they are remembered: the last twenty of a current since the start.',
          ),
        ruled: z
          .string()
          .nullable()
          .describe(
            'The event after the field rules of the current, before mapping; null: as it was received.',
          ),
        mapped: z.unknown().describe('What the destination gets to see; null: nothing.'),
        replays: z.array(BatchView).describe('Replays that carried it.'),
      }),
    ),
  })
  .meta({ id: 'Lineage' })

export type RecordAnswer = z.output<typeof RecordView>

const Recent = z
  .object({
    events: z.array(
      z.object({
        offset: Offset,
        eventId: z.string().describe('Empty: it names none.'),
        type: z.string(),
        inCatalog: z.boolean(),
        source: z.string().nullable().describe('null: it was deleted.'),
        receivedAt: Time,
        bytes: Count,
        externalUserId: z.string().nullable(),
        quarantined: z.boolean(),
        erased: z.boolean(),
      }),
    ),
    next: Offset.nullable().describe('What `before` is for the next page; null: the log begins here.'),
  })
  .meta({ id: 'RecentEvents' })

export type RecentEventsAnswer = z.output<typeof Recent>

/** Records with one id that are shown; repeats get past dedupe only when its window is over. */
const RECORDS_MAX = 20
const TAGS = ['Events']

export function eventRoutes(app: Api, parts: ApiParts): void {
  const { delivery, identityKey } = parts

  app.get(
    '/events',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listEvents',
        summary: 'What came in last, newest first',
        description: `Looks through ${SCANNED_MAX} records at a time: with a filter a page may be short although there are more.`,
        querystring: z.object({
          source: z.string().min(1).max(64).optional().describe('Name of a source.'),
          type: z
            .string()
            .max(256)
            .optional()
            .describe('Event type, or what it begins with and an asterisk.'),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          before: z.coerce.number().int().min(0).optional().describe('`next` of the page before.'),
        }),
        response: { 200: Recent, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { source, type, limit, before } = request.query
      const number = source === undefined ? undefined : parts.sources.get(source).number
      const matches = type === undefined ? () => true : typeMatcher(type)
      const { items, next } = await recentEvents(
        parts.log,
        { before, limit },
        (from, name) => (number === undefined || number === from) && matches(name),
      )
      return { events: items.map((event) => recentOf(parts, event)), next: next ?? null }
    },
  )

  app.get(
    '/events/:id',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getEvent',
        summary: 'What became of an event, in every current',
        description: 'When several kept records have this id, all are shown, oldest first; at most 20.',
        params: z.object({ id: z.string().min(1).max(1_024).describe('The event’s own id.') }),
        response: {
          200: z.object({ id: z.string(), records: z.array(RecordView), recordsCut: z.boolean() }),
          default: ErrorAnswer,
        },
      },
    },
    async (request) => {
      const { id } = request.params
      const offsets = await delivery.history.offsetsOf(id, identityOf(id, identityKey))
      const records = []
      for (const offset of offsets.slice(0, RECORDS_MAX)) {
        const record = await lineageOf(parts, offset)
        if (record !== undefined) records.push(record)
      }
      if (records.length === 0) {
        throw new ThalwegError(
          'EVENT_UNKNOWN',
          `No kept event has the id ${JSON.stringify(id)}: it never arrived here, or retention has removed it`,
        )
      }
      return { id, records, recordsCut: offsets.length > RECORDS_MAX }
    },
  )

  app.get(
    '/records/:offset',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getRecord',
        summary: 'What became of the record at an offset, also of one without an id',
        params: z.object({ offset: z.coerce.number().int().min(0) }),
        response: { 200: RecordView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { offset } = request.params
      const record = offset < parts.log.head ? await lineageOf(parts, offset) : undefined
      if (record === undefined)
        throw new ThalwegError('EVENT_UNKNOWN', `The log has no record at offset ${offset}`)
      return record
    },
  )
}

type Lineage = NonNullable<Awaited<ReturnType<Delivery['history']['lineage']>>>

function recentOf({ sources }: ApiParts, event: RecentEvent): RecentEventsAnswer['events'][number] {
  const { offset, type, receivedAt, bytes, quarantined, erased } = event
  return {
    offset,
    eventId: eventIdOf(bytes),
    type,
    inCatalog: isKnown(type),
    source: sources.find(event.source)?.name ?? null,
    receivedAt,
    bytes: bytes.length,
    externalUserId: externalUserIdOf(bytes),
    quarantined,
    erased,
  }
}

function typeMatcher(pattern: string): (type: string) => boolean {
  const start = pattern.endsWith('*') ? pattern.slice(0, -1) : undefined
  return start === undefined ? (type) => type === pattern : (type) => type.startsWith(start)
}

/** As Braze and Segment name it; null when the bytes name nobody. */
function externalUserIdOf(bytes: Buffer): string | null {
  try {
    const { user, userId } = JSON.parse(bytes.toString()) as {
      user?: { external_user_id?: unknown }
      userId?: unknown
    }
    const id = user?.external_user_id ?? userId
    return typeof id === 'string' ? id : null
  } catch {
    return null // quarantined bytes need not be JSON
  }
}

async function lineageOf({ delivery, sources, log }: ApiParts, offset: number) {
  const lineage = await delivery.history.lineage(offset)
  if (lineage === undefined) return undefined
  const { record } = lineage
  const source = sources.find(record.source)
  // The frame of the request ends where the next one begins.
  const { items } = await recentBatches(log, { before: record.request + 1, limit: 1 }, () => true)
  const [request] = items
  return {
    offset,
    source: source?.name ?? null,
    door: source?.kind ?? null,
    request: {
      offset: record.request,
      records: request?.records ?? 1,
      bytes: request?.bytes ?? record.bytes.length,
    },
    receivedAt: record.receivedAt,
    type: record.type,
    channel: channelOf(record.type),
    inCatalog: isKnown(record.type),
    quarantined: (record.flags & ROW_QUARANTINED) !== 0,
    erased: (record.flags & ROW_ERASED) !== 0,
    bytes: record.bytes.length,
    raw: record.bytes.toString(),
    currents: lineage.currents.map((row) => currentRow(delivery, row)),
  }
}

function currentRow(
  delivery: Delivery,
  { current, fate, ruled, mapped, replays }: Lineage['currents'][number],
) {
  const { definition } = current
  const batch = 'batch' in fate ? fate.batch?.id : undefined
  const attempts = delivery.statsOf(current.number).recent.filter((attempt) => attempt.batch === batch)
  return {
    current: current.name,
    number: current.number,
    state: current.state,
    destination: definition.destination.kind,
    selection: { ...definition.selection, externalId: definition.externalId },
    fate,
    attempts: attempts.map(({ at, status, elapsedMs, fault }) => ({
      at,
      status,
      elapsedMs,
      fault: fault === undefined ? null : { kind: fault.kind, message: fault.message },
    })),
    ruled: ruled ?? null,
    mapped: mapped ?? null,
    replays: z.array(BatchView).parse(replays),
  }
}
