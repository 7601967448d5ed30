/** What one current is doing and what it has done: status, ledger, recent attempts. */

import * as z from 'zod'
import { byMinute, type LedgerQuery, totals, totalsByType } from '../../delivery/ledger.ts'
import type { Api } from '../app.ts'
import { currentNamed, StatusView, statusViewOf } from '../current-views.ts'
import type { ApiParts } from '../parts.ts'
import { Count, CurrentParams, ErrorAnswer, Time } from '../schemas.ts'

export const OutcomeTotal = z.object({
  outcome: z.enum(['delivered', 'filtered', 'dead']),
  reason: z.string(),
  count: Count,
})

const Ledger = z
  .object({
    totals: z.array(OutcomeTotal),
    byType: z.array(OutcomeTotal.extend({ eventType: z.string() })).describe('The largest first.'),
    byTypeCut: z.boolean().describe('There are more rows than are listed.'),
    byMinute: z
      .array(z.object({ at: Time, outcome: z.string(), count: Count }))
      .describe('By minute of acceptance, oldest first; the newest rows.'),
  })
  .meta({ id: 'Ledger' })

export type LedgerAnswer = z.output<typeof Ledger>

const Attempt = z.object({
  at: Time,
  batch: z.string(),
  count: Count,
  bytes: Count,
  status: z.int().describe('0: no answer.'),
  elapsedMs: z.number(),
  fault: z.object({ kind: z.string(), message: z.string() }).nullable(),
})

const MINUTE_MS = 60_000
const TYPE_ROWS_MAX = 1_000
/** A day of minutes, with its outcomes. */
const MINUTE_ROWS_MAX = 4_320
const TAGS = ['Currents']

export function currentStateRoutes(app: Api, parts: ApiParts): void {
  const { currents, delivery, clock, store } = parts
  const numberOf = async (which: string): Promise<number> => (await currentNamed(currents, which)).number

  app.get(
    '/currents/:current/status',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getCurrentStatus',
        summary: 'What a current is doing now',
        params: CurrentParams,
        response: { 200: StatusView, default: ErrorAnswer },
      },
    },
    async (request) =>
      statusViewOf(await delivery.status(await numberOf(request.params.current)), clock.now()),
  )

  app.get(
    '/currents/:current/ledger',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getLedger',
        summary: 'Outcomes of a current: in total, by event type, by minute',
        params: CurrentParams,
        querystring: z.object({
          fromMs: z.coerce.number().int().min(0).optional().describe('Accepted at or after this minute.'),
          toMs: z.coerce.number().int().min(0).optional().describe('Accepted before this minute.'),
        }),
        response: { 200: Ledger, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { fromMs, toMs } = request.query
      const query: LedgerQuery = {
        current: await numberOf(request.params.current),
        ...(fromMs === undefined ? {} : { fromMinute: Math.floor(fromMs / MINUTE_MS) }),
        ...(toMs === undefined ? {} : { toMinute: Math.ceil(toMs / MINUTE_MS) }),
      }
      const byType = await totalsByType(store.db, query)
      byType.sort((a, b) => b.count - a.count)
      const minutes = await byMinute(store.db, query, MINUTE_ROWS_MAX)
      return {
        totals: await totals(store.db, query),
        byType: byType.slice(0, TYPE_ROWS_MAX),
        byTypeCut: byType.length > TYPE_ROWS_MAX,
        byMinute: minutes.map(({ minute, outcome, count }) => ({ at: minute * MINUTE_MS, outcome, count })),
      }
    },
  )

  app.get(
    '/currents/:current/attempts',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAttempts',
        summary: 'The last requests of a current since the process started, newest first',
        params: CurrentParams,
        response: { 200: z.object({ attempts: z.array(Attempt) }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const { recent } = delivery.statsOf(await numberOf(request.params.current))
      return {
        attempts: recent.toReversed().map(({ fault, ...attempt }) => ({
          ...attempt,
          fault: fault === undefined ? null : { kind: fault.kind, message: fault.message },
        })),
      }
    },
  )
}
