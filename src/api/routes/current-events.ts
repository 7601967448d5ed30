/** The newest events of a current with what became of them, and rehearsals: what a definition would do with the newest events. */

import * as z from 'zod'
import { compilePattern, eventTypes, isKnown, patternProblem } from '../../catalog/catalog.ts'
import { CurrentDefinition, type CurrentDefinition as Definition } from '../../currents/current.ts'
import { Selection } from '../../currents/selection.ts'
import { type Rehearsal, type Rehearsed, rehearse } from '../../delivery/rehearsal.ts'
import type { Api } from '../app.ts'
import { currentNamed, PreviewedRequest } from '../current-views.ts'
import type { ApiParts } from '../parts.ts'
import { Count, CurrentParams, ErrorAnswer, Offset, Time } from '../schemas.ts'
import { FateView } from './events.ts'

const CurrentEvent = z.object({
  offset: Offset,
  id: z.string().describe('The event’s own id; empty: it names none.'),
  type: z.string(),
  source: z.string().nullable(),
  receivedAt: Time,
  fate: FateView,
})

const CurrentEvents = z
  .object({
    events: z.array(CurrentEvent).describe('Newest first.'),
    next: Offset.nullable().describe('`before` of the next page; null: there is nothing before.'),
  })
  .meta({ id: 'CurrentEvents' })

export type CurrentEventsAnswer = z.output<typeof CurrentEvents>

const Sample = z.object({
  offset: Offset,
  id: z.string(),
  type: z.string(),
  receivedAt: Time,
  reason: z.string().nullable().describe('Why it would not be sent; null: it would be.'),
  raw: z.string().describe('As it was received.'),
  edited: z.string().describe('After the field rules.'),
  mapped: z.unknown().describe('What the destination gets to see; null: nothing.'),
})

const RehearsalView = z
  .object({
    fromOffset: Offset.describe('Looked at from here on.'),
    toOffset: Offset,
    records: Count.describe('Records of the sources of the current in there.'),
    sent: Count.describe('Of these, the ones that would be sent.'),
    unsent: z
      .array(z.object({ reason: z.string(), count: Count }))
      .describe('The others, the largest first.'),
    byType: z
      .array(z.object({ type: z.string(), count: Count, sent: Count, inCatalog: z.boolean() }))
      .describe('The largest first, at most 1,000.'),
    samples: z.array(Sample).describe('Newest first; those that would be sent before the others.'),
    request: PreviewedRequest.nullable().describe('What would leave first for these samples; null: nothing.'),
    changes: z
      .object({
        added: Count.describe('Sent by the definition, and not by the current as it is.'),
        removed: Count,
        different: Count.describe('Sent by both, and the destination gets to see something else.'),
        same: Count,
        examples: z
          .array(
            z.object({
              change: z.enum(['added', 'removed', 'different']),
              offset: Offset,
              id: z.string(),
              type: z.string(),
              before: z.unknown(),
              after: z.unknown(),
            }),
          )
          .describe('Three of each at most.'),
      })
      .nullable()
      .describe('null: compared with nothing.'),
  })
  .meta({ id: 'Rehearsal' })

export type RehearsalAnswer = z.output<typeof RehearsalView>

const SelectionView = z
  .object({
    catalog: Count.describe('Event types in the catalog.'),
    types: z.array(z.string()).describe('Of these, the ones that flow.'),
    patterns: z.array(
      z.object({
        pattern: z.string(),
        types: Count.describe('Event types of the catalog that it matches.'),
        problem: z.string().nullable().describe('Why it is no pattern; null: it is one.'),
      }),
    ),
    seen: z
      .array(
        z.object({
          type: z.string(),
          accepted: Count.describe('From these sources in the time asked for.'),
          flows: z.boolean(),
          inCatalog: z.boolean(),
        }),
      )
      .describe('The largest first, at most 2,000.'),
    accepted: Count,
    flowing: Count.describe('Of the accepted, those of types that flow.'),
  })
  .meta({ id: 'SelectionExplained' })

export type SelectionAnswer = z.output<typeof SelectionView>

const LOOKED_MAX = 5_000
const TYPE_ROWS_MAX = 1_000
const SEEN_MAX = 2_000
const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440
const { selection: SelectionRule } = CurrentDefinition.shape
const lookedMax = z
  .int()
  .min(1)
  .max(LOOKED_MAX)
  .default(1_000)
  .describe('So many newest records are looked at.')
const samplesMax = z.int().min(0).max(20).default(3)
const type = z.string().min(1).max(256).optional().describe('Samples are of this type only.')
const TAGS = ['Currents']

export function currentEventRoutes(app: Api, parts: ApiParts): void {
  const { currents, delivery, sources, clock, log } = parts
  const rehearsal = async (
    subject: Rehearsed,
    query: { records: number; samples: number; type?: string | undefined },
    against?: Rehearsed,
  ) => {
    const wanted = {
      lookedMax: query.records,
      samplesMax: query.samples,
      ...(query.type === undefined ? {} : { type: query.type }),
    }
    return rehearsalOf(await rehearse({ log, blueprints: delivery.blueprints }, subject, wanted, against))
  }

  app.get(
    '/currents/:current/events',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listCurrentEvents',
        summary: 'The newest events of a current with what became of them',
        description:
          'Looks at 20,000 records for one page, so a page may hold fewer than asked for though there are more.',
        params: CurrentParams,
        querystring: z.object({
          before: z.coerce.number().int().min(0).optional().describe('`next` of the page before.'),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          type: z.string().min(1).max(256).optional().describe('Pattern of event types.'),
          selected: z.stringbool().default(false).describe('Only what the current selects.'),
        }),
        response: { 200: CurrentEvents, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { before, limit, type: pattern, selected } = request.query
      const current = await currentNamed(currents, request.params.current)
      const { rows, next } = await delivery.history.newest(current, {
        limit,
        flowing: selected,
        ...(before === undefined ? {} : { before }),
        ...(pattern === undefined ? {} : { type: pattern }),
      })
      return {
        events: rows.map(({ record, id, fate }) => ({
          offset: record.offset,
          id,
          type: record.type,
          source: sources.find(record.source)?.name ?? null,
          receivedAt: record.receivedAt,
          fate: FateView.parse(fate),
        })),
        next: next ?? null,
      }
    },
  )

  app.get(
    '/currents/:current/rehearsal',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getRehearsal',
        summary:
          'What a current, as it is configured, does with the newest events: before and after its mapping',
        description: 'Nothing is sent; secrets are blotted out.',
        params: CurrentParams,
        querystring: z.object({
          records: z.coerce.number().pipe(lookedMax.unwrap()).default(1_000),
          samples: z.coerce.number().pipe(samplesMax.unwrap()).default(3),
          type,
        }),
        response: { 200: RehearsalView, default: ErrorAnswer },
      },
    },
    async (request) => rehearsal(await currentNamed(currents, request.params.current), request.query),
  )

  app.post(
    '/currents/rehearse',
    {
      config: { role: 'operator', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'rehearseDefinition',
        summary:
          'What a definition would do with the newest events, and what otherwise than a current as it is',
        description: 'Nothing is sent; secrets are blotted out.',
        body: z.strictObject({
          definition: CurrentDefinition,
          against: z.string().min(1).max(63).optional().describe('Name or number of a current.'),
          records: lookedMax,
          samples: samplesMax,
          type,
        }),
        response: { 200: RehearsalView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { definition, against, ...query } = request.body
      const compared = against === undefined ? undefined : await currentNamed(currents, against)
      return rehearsal({ definition, key: compared?.key ?? 'preview' }, query, compared)
    },
  )

  app.post(
    '/currents/selection',
    {
      config: { role: 'viewer', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'explainSelection',
        summary: 'Which event types a selection lets flow, of the catalog and of what came in lately',
        body: z.strictObject({
          selection: SelectionRule,
          sources: z
            .array(z.string().min(1))
            .max(64)
            .default([])
            .describe('Of these sources; empty: of none.'),
          minutes: z.int().min(1).max(527_040).default(DAY_MINUTES).describe('Counts of so many minutes.'),
        }),
        response: { 200: SelectionView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { selection, sources: names, minutes } = request.body
      const rule = selectionOf(selection)
      const numbers = new Set(names.flatMap((name) => sources.find(name)?.number ?? []))
      const since = Math.floor(clock.now() / MINUTE_MS) - minutes + 1
      const counts = numbers.size === 0 ? [] : await delivery.intake.counts(since)
      const accepted = new Map<string, number>()
      for (const row of counts.filter(({ source }) => numbers.has(source)))
        accepted.set(row.eventType, (accepted.get(row.eventType) ?? 0) + row.accepted)
      const seen = [...accepted]
        .map(([name, count]) => ({
          type: name,
          accepted: count,
          flows: rule.selects(name),
          inCatalog: isKnown(name),
        }))
        .sort((a, b) => b.accepted - a.accepted)
      const sum = (rows: typeof seen): number => rows.reduce((total, row) => total + row.accepted, 0)
      return {
        catalog: eventTypes.length,
        types: eventTypes.filter(({ name }) => rule.selects(name)).map(({ name }) => name),
        patterns: [...selection.include, ...selection.exclude].map(patternView),
        seen: seen.slice(0, SEEN_MAX),
        accepted: sum(seen),
        flowing: sum(seen.filter(({ flows }) => flows)),
      }
    },
  )
}

function selectionOf(selection: Definition['selection']): Selection {
  return new Selection({ selection, externalId: 'optional' })
}

function patternView(pattern: string) {
  const matches = compilePattern(pattern)
  return {
    pattern,
    types: eventTypes.filter(({ name }) => matches(name)).length,
    problem: patternProblem(pattern) ?? null,
  }
}

function rehearsalOf({ byType, samples, request, changes, unsent, ...counts }: Rehearsal) {
  return {
    ...counts,
    unsent: [...unsent],
    byType: byType.slice(0, TYPE_ROWS_MAX).map((row) => ({ ...row, inCatalog: isKnown(row.type) })),
    samples: samples.map(({ record, id, reason, edited, mapped }) => ({
      offset: record.offset,
      id,
      type: record.type,
      receivedAt: record.receivedAt,
      reason: reason ?? null,
      raw: record.bytes.toString(),
      edited: edited.toString(),
      mapped: mapped ?? null,
    })),
    request: request === undefined ? null : PreviewedRequest.parse(request),
    changes: changes === undefined ? null : { ...changes, examples: [...changes.examples] },
  }
}
