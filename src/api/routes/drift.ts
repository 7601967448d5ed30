/** Drift: event types, fields and kinds of values that nobody told us of, as the radar found them. */

import * as z from 'zod'
import { isKnown } from '../../catalog/catalog.ts'
import { expectationOf } from '../../sources/drift/expectation.ts'
import { FIELDS_PER_TYPE_MAX, FINDINGS } from '../../sources/drift/lines.ts'
import type { DriftTable } from '../../store/schema.ts'
import type { Api } from '../app.ts'
import { cursorAfter, placeOf } from '../cursor.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Note, Offset, Time, TimeOrNull } from '../schemas.ts'

const SourceName = z.string().nullable().describe('Name of the source; null: it was deleted.')
const EventTypeName = z.string().max(256)
const Path = z
  .string()
  .describe('Keys from the event down to depth three, joined by points; a key that has one in it, in quotes.')
const Kind = z
  .string()
  .describe('string, integer, decimal, boolean, null, array, object; missing: events that lack the field.')
const Sample = z
  .string()
  .describe('Beginning of the first value as JSON text; empty for objects, redacted where Braze tags PII.')

const FindingRow = z
  .object({
    id: z.string(),
    finding: z.enum(FINDINGS),
    source: SourceName,
    eventType: z.string(),
    path: Path.describe('Empty: the event type itself is new.'),
    kind: z
      .string()
      .describe('Kind of the values, type for an event type, missing for a field that is not there.'),
    expected: z.string().describe('Kind that the catalog tells of, or that came first; empty: none.'),
    count: Count.describe('Events with it.'),
    firstSeenAt: Time,
    firstOffset: Offset,
    lastSeenAt: Time,
    sample: Sample,
    acknowledgedAt: TimeOrNull,
    note: z.string(),
  })
  .meta({ id: 'DriftFinding' })

const Findings = z.object({
  position: Offset.describe('Everything before is counted.'),
  head: Offset,
  unacknowledged: Count.describe('Of all findings, whatever the filter.'),
  findings: z.array(FindingRow),
  next: z.string().nullable().describe('Cursor of the next page; null: this was the last.'),
})

const Field = z.object({
  path: Path,
  kind: Kind,
  inCatalog: z.boolean(),
  finding: z.enum(['', ...FINDINGS]),
  expected: z.string(),
  count: Count,
  share: z.number().describe('Of the events that were looked into, 0 to 1.'),
  firstSeenAt: Time,
  lastSeenAt: Time,
  sample: Sample,
})

const SeenType = z
  .object({
    eventType: z.string(),
    inCatalog: z.boolean(),
    sources: z.array(
      z.object({
        source: SourceName,
        count: Count.describe('Events of this type.'),
        unexamined: Count.describe(
          'Of these: too large, or too many of ever new shapes; counted, not looked into.',
        ),
        unlisted: Count.describe(
          `Of these: with more than the ${FIELDS_PER_TYPE_MAX} fields that are listed.`,
        ),
        firstSeenAt: Time,
        firstOffset: Offset,
        lastSeenAt: Time,
        acknowledgedAt: TimeOrNull,
        note: z.string(),
        fields: z.array(Field),
      }),
    ),
  })
  .meta({ id: 'DriftType' })

export type DriftFindingAnswer = z.output<typeof FindingRow>
export type DriftFindingsAnswer = z.output<typeof Findings>
export type DriftTypeAnswer = z.output<typeof SeenType>

const Chosen = z.strictObject({
  source: z.string().min(1).max(63).optional(),
  eventType: EventTypeName.optional(),
  finding: z.enum(FINDINGS).optional(),
})

const Acknowledgement = z
  .strictObject({
    ids: z.array(z.string().min(1).max(64)).min(1).max(1_000).optional().describe('These findings …'),
    filter: Chosen.optional().describe('… or all that match; an empty filter: all.'),
    until: Time.optional().describe('Only what was first seen until then. Default: now.'),
    note: Note,
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), {
    error: 'Name findings in ids, or choose them with filter',
  })

/** Sources that the page of one type lists. */
const SOURCES_MAX = 20
const TAGS = ['Drift']

export function driftRoutes(app: Api, { drift, sources, log, clock }: ApiParts): void {
  const nameOf = (number: number): string | null => sources.find(number)?.name ?? null
  const numberOf = (name: string | undefined): number | undefined =>
    name === undefined ? undefined : sources.get(name).number

  app.get(
    '/drift',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listDrift',
        summary: 'Findings of the drift radar, newest first',
        querystring: Chosen.extend({
          since: z.coerce.number().int().min(0).optional().describe('First seen at or after.'),
          acknowledged: z.enum(['true', 'false']).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(50),
          cursor: z.string().max(200).optional().describe('`next` of the page before.'),
        }),
        response: { 200: Findings, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { source, eventType, finding, since, acknowledged, limit, cursor } = request.query
      const filter = {
        source: numberOf(source),
        eventType,
        finding,
        sinceMs: since,
        acknowledged: acknowledged === undefined ? undefined : acknowledged === 'true',
      }
      const place = cursor === undefined ? undefined : placeOf(cursor)
      const after = place === undefined ? undefined : { firstAt: place.createdAt, id: place.id }
      const found = await drift.findings(filter, limit + 1, after)
      const page = found.slice(0, limit)
      const last = page.at(-1)
      return {
        position: drift.position,
        head: log.head,
        unacknowledged: await drift.unacknowledged(),
        findings: page.map((row) => findingOf(row, nameOf(row.source))),
        next:
          found.length > limit && last !== undefined
            ? cursorAfter({ createdAt: last.first_at, id: last.id })
            : null,
      }
    },
  )

  app.get(
    '/drift/types/:type',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getDriftType',
        summary: 'The fields of an event type as they came, per source: kinds, counts, shares, samples',
        params: z.object({ type: EventTypeName.describe('Empty: events that do not say their type.') }),
        querystring: z.object({ source: Chosen.shape.source }),
        response: { 200: SeenType, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { type: eventType } = request.params
      const seen = await drift.type(eventType, numberOf(request.query.source), SOURCES_MAX)
      return {
        eventType,
        inCatalog: isKnown(eventType),
        sources: seen.map(({ type, fields }) => ({
          source: nameOf(type.source),
          count: type.count,
          unexamined: type.unexamined,
          unlisted: type.unlisted,
          firstSeenAt: type.first_at,
          firstOffset: type.first_offset,
          lastSeenAt: type.last_at,
          acknowledgedAt: type.acknowledged_at,
          note: type.note,
          fields: fields.map((row) => fieldOf(row, type.count - type.unexamined)),
        })),
      }
    },
  )

  app.post(
    '/drift/acknowledge',
    {
      config: { role: 'operator', audit: { object: 'drift', told: toldOf } },
      schema: {
        tags: TAGS,
        operationId: 'acknowledgeDrift',
        summary:
          'Say that findings are known; of a new event type, that it is known with its fields as they are',
        body: Acknowledgement,
        response: { 200: z.object({ acknowledged: Count }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const { ids, filter = {}, until, note } = request.body
      const which = ids ?? { ...filter, source: numberOf(filter.source) }
      return { acknowledged: await drift.acknowledge(which, until ?? clock.now(), note) }
    },
  )
}

function toldOf({ ids, filter, note }: z.output<typeof Acknowledgement>, answer: { acknowledged: number }) {
  return { ids, filter, note, ...answer }
}

function findingOf(row: DriftTable, source: string | null): DriftFindingAnswer {
  const { id, path, kind, expected, count, sample, note } = row
  return {
    id,
    finding: row.finding as DriftFindingAnswer['finding'],
    source,
    eventType: row.event_type,
    path,
    kind,
    expected,
    count,
    firstSeenAt: row.first_at,
    firstOffset: row.first_offset,
    lastSeenAt: row.last_at,
    sample,
    acknowledgedAt: row.acknowledged_at,
    note,
  }
}

function fieldOf(row: DriftTable, examined: number): z.output<typeof Field> {
  const { path, kind, expected, count, sample } = row
  return {
    path,
    kind,
    inCatalog: expectationOf(row.event_type)?.kinds.has(path) ?? false,
    finding: row.finding as z.output<typeof Field>['finding'],
    expected,
    count,
    share: examined === 0 ? 0 : count / examined,
    firstSeenAt: row.first_at,
    lastSeenAt: row.last_at,
    sample,
  }
}
