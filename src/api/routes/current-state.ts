/** What one current is doing and what it has done: status, ledger, ledger over time, recent attempts. */

import * as z from 'zod'
import { byMinute, type LedgerQuery, totals, totalsByType } from '../../delivery/ledger.ts'
import { ledgerTimes } from '../../delivery/ledger-times.ts'
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

const LedgerTimes = z
  .object({
    times: z
      .array(
        z.object({
          at: Time.describe('Beginning of the minute or hour.'),
          accepted: Count.nullable().describe(
            'null: nobody can tell any more; the current took other sources then, or the log has lost its beginning.',
          ),
          delivered: Count,
          filtered: Count,
          dead: Count,
          pending: Count.nullable(),
        }),
      )
      .describe('Where something was accepted, oldest first.'),
  })
  .meta({ id: 'LedgerTimes' })

export type LedgerTimesAnswer = z.output<typeof LedgerTimes>

const Attempt = z.object({
  at: Time,
  batch: z.string(),
  count: Count,
  bytes: Count,
  status: z.int().describe('0: no answer.'),
  elapsedMs: z.number(),
  fault: z.object({ kind: z.string(), message: z.string() }).nullable(),
})

export type AttemptAnswer = z.output<typeof Attempt>

const MINUTE_MS = 60_000
/** Cells of one answer: a day of minutes, or two months of hours. */
const TIMES_MAX = 1_500
const TYPE_ROWS_MAX = 1_000
/** A day of minutes, with its outcomes. */
const MINUTE_ROWS_MAX = 4_320
const TAGS = ['Currents']

export function currentStateRoutes(app: Api, parts: ApiParts): void {
  const { currents, delivery, clock, store, log } = parts
  const { intake, history } = delivery
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
    '/currents/:current/ledger/times',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listLedgerTimes',
        summary: 'The ledger of a current by minute or hour of acceptance: accepted, and what became of it',
        params: CurrentParams,
        querystring: z.object({
          step: z.enum(['minute', 'hour']).default('minute'),
          fromMs: z.coerce
            .number()
            .int()
            .min(0)
            .optional()
            .describe(`Default and least: ${TIMES_MAX.toLocaleString('en')} steps before the end.`),
          toMs: z.coerce.number().int().min(0).optional().describe('Default: now.'),
        }),
        response: { 200: LedgerTimes, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { step: word, fromMs = 0, toMs = clock.now() } = request.query
      const step = word === 'hour' ? 60 : 1
      const toMinute = Math.floor(toMs / MINUTE_MS / step) * step + step
      const fromMinute = Math.max(
        Math.floor(fromMs / MINUTE_MS / step) * step,
        toMinute - TIMES_MAX * step,
        0,
      )
      const current = await currentNamed(currents, request.params.current)
      const times = await ledgerTimes({ log, store, intake, history }, current, {
        fromMinute,
        toMinute,
        step,
      })
      return {
        times: times.map(({ minute, accepted, pending, ...counts }) => ({
          at: minute * MINUTE_MS,
          accepted: accepted ?? null,
          pending: pending ?? null,
          ...counts,
        })),
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
