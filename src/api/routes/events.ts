/**
 * The lineage of one event: raw bytes, and for every current what became of it and what its destination gets
 * to see.
 */

import * as z from 'zod'
import { channelOf, isKnown } from '../../catalog/catalog.ts'
import { ThalwegError } from '../../core/errors.ts'
import { identityOf } from '../../core/kernel/identity.ts'
import type { Delivery } from '../../delivery/delivery.ts'
import { ROW_ERASED, ROW_QUARANTINED } from '../../log/frame.ts'
import type { Api } from '../app.ts'
import { CurrentState } from '../current-views.ts'
import type { ApiParts } from '../parts.ts'
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
    batch: BatchView.optional(),
  }),
  z.object({ outcome: z.literal('missing') }),
])

const RecordView = z
  .object({
    offset: Offset,
    source: z.string().nullable(),
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
        fate: FateView,
        mapped: z.unknown().describe('What the destination gets to see; null: nothing.'),
        replays: z.array(BatchView).describe('Replays that carried it.'),
      }),
    ),
  })
  .meta({ id: 'Lineage' })

export type RecordAnswer = z.output<typeof RecordView>

/** Records with one id that are shown; repeats get past dedupe only when its window is over. */
const RECORDS_MAX = 20
const TAGS = ['Events']

export function eventRoutes(app: Api, parts: ApiParts): void {
  const { delivery, identityKey } = parts

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

async function lineageOf({ delivery, sources }: ApiParts, offset: number) {
  const lineage = await delivery.history.lineage(offset)
  if (lineage === undefined) return undefined
  const { record } = lineage
  return {
    offset,
    source: sources.find(record.source)?.name ?? null,
    receivedAt: record.receivedAt,
    type: record.type,
    channel: channelOf(record.type),
    inCatalog: isKnown(record.type),
    quarantined: (record.flags & ROW_QUARANTINED) !== 0,
    erased: (record.flags & ROW_ERASED) !== 0,
    bytes: record.bytes.length,
    raw: record.bytes.toString(),
    currents: lineage.currents.map(currentRow),
  }
}

function currentRow({ current, fate, mapped, replays }: Lineage['currents'][number]) {
  return {
    current: current.name,
    number: current.number,
    state: current.state,
    fate,
    mapped: mapped ?? null,
    replays: z.array(BatchView).parse(replays),
  }
}
