/** What a run changed, was refused and sent: its lists, page by page and as files. */

import * as z from 'zod'
import { identifierOf } from '../../audiences/roster/person.ts'
import { type Change, PAGE_MAX, type Roster } from '../../audiences/roster/roster.ts'
import { FINISHED, type Run, runId } from '../../audiences/run.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { DeadLetter } from '../../delivery/dead-letters.ts'
import { changesPerSecond, tariffOf } from '../../destinations/cost.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { answerPeople, FILE_ANSWER, FileFormat } from '../people-files.ts'
import { Count, ErrorAnswer, Time } from '../schemas.ts'
import { ActivationParams, which } from './activations.ts'
import { IdentifierView } from './run-views.ts'

const Next = <T extends z.ZodType>(place: T) =>
  place.nullable().describe('What to give as `after` for the next page; null: this was the last.')

const Changes = z.object({
  people: z.array(
    IdentifierView.extend({
      record: z.string().nullable().describe('Id of the membership record; null: there is none yet.'),
    }),
  ),
  planned: z.boolean().describe('What the run would do, or is about to do: nothing of it is accepted yet.'),
  whole: z
    .boolean()
    .describe(
      'false: only the beginning is at hand, while a run works on the cohort, or of a plan after a later comparison.',
    ),
  next: Next(z.string()),
})
export type ChangesAnswer = z.output<typeof Changes>

const Refusals = z.object({
  refused: z.array(
    z.object({
      who: IdentifierView,
      entered: z.boolean(),
      record: z.string(),
      fault: z.string().describe('Its kind, as delivery decided it; empty: the dead letter is no more.'),
      reason: z.string().describe("The vendor's, as the dead letter has it."),
      status: z.int().describe('Of the deciding answers the highest; 0: none.'),
      attempts: Count,
      batch: z.string().nullable(),
      deadLetter: z.string().nullable(),
    }),
  ),
  whole: z.boolean().describe('false: they cannot be read now, because a run works on the cohort.'),
  next: Next(Count),
})
export type RefusalsAnswer = z.output<typeof Refusals>

const Requests = z.object({
  requests: z.array(
    z.object({
      id: z.string().describe('Of the batch; lineage names it.'),
      naming: z.boolean().describe('It told the name of the cohort: its record is no change.'),
      records: Count,
      accepted: Count,
      refused: Count,
      skipped: Count.describe('Left out by the destination: nobody to name.'),
      attempts: Count,
      status: z.int().describe('Of the deciding answers the highest; 0: none.'),
      firstSentAt: Time,
      settledAt: Time,
    }),
  ),
  next: Next(Count),
})
export type RequestsAnswer = z.output<typeof Requests>

const PaceView = z
  .object({
    perSecondMax: z
      .number()
      .nullable()
      .describe("Changes in a second at the vendor's rate limit, in full requests; null: not known."),
    sent: z
      .object({
        requests: Count.describe('Tries of all batches.'),
        namingRequests: Count.describe('Of these, the ones that told the name of the cohort.'),
        accepted: Count.describe('Changes, as everything below.'),
        refused: Count,
        dataPoints: Count.nullable(),
        firstSentAt: Time,
        lastSettledAt: Time,
      })
      .nullable()
      .describe('What it has cost so far; null: no change is settled.'),
    stepMs: Count,
    steps: z.array(z.object({ at: Time, accepted: Count, refused: Count, requests: Count })),
  })
  .meta({ id: 'RunPace' })
export type PaceAnswer = z.output<typeof PaceView>

export const RunParams = ActivationParams.extend({
  run: z.coerce.number().int().min(1).describe('Number of the run.'),
})
const Search = z.string().max(2_000).default('').describe('Part of an identifier, whatever its case.')
const TAGS = ['Runs']
/** At most what a list of dead letters gives. */
const LETTERS_AT_ONCE = 500
const REQUESTS_PAGE = 500

export function runListRoutes(app: Api, parts: ApiParts): void {
  const { audiences } = parts
  const runOf = ({ activation, run }: z.output<typeof RunParams>): Promise<Run> =>
    audiences.run(which(activation), run)

  app.get(
    '/activations/:activation/runs/:run/changes',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listChanges',
        summary:
          'Whom a run brought in or out, as the vendor accepted it; or would, while nothing is accepted',
        params: RunParams,
        querystring: z.object({
          kind: z.enum(['added', 'removed']).default('added'),
          search: Search,
          after: z.string().max(4_000).default(''),
        }),
        response: { 200: Changes, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { kind, after, search } = request.query
      return changesOf(parts, await runOf(request.params), kind === 'added', { after, search })
    },
  )

  app.get(
    '/activations/:activation/runs/:run/refused',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listRefusedChanges',
        summary: 'What the vendor refused; why is in the dead letters, by the id of the record',
        params: RunParams,
        querystring: z.object({ after: z.coerce.number().int().min(-1).default(-1), search: Search }),
        response: { 200: Refusals, default: ErrorAnswer },
      },
    },
    async (request) => {
      const run = await runOf(request.params)
      const { after, search } = request.query
      const kept = await readIfFree(parts, run, (roster) => roster.refused(runId(run), after, search))
      const refused = await refusalsOf(parts, run, kept ?? [])
      return {
        refused: refused.map(({ change, person, ...one }) => ({ ...one, who: identifierOf(person) })),
        whole: kept !== undefined,
        next: refused.length < PAGE_MAX ? null : (refused.at(-1)?.change ?? null),
      }
    },
  )

  app.get(
    '/activations/:activation/runs/:run/requests',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listRequests',
        summary: 'What was sent to the vendor for a run, batch by batch, as far as it is settled',
        params: RunParams,
        querystring: z.object({ after: z.coerce.number().int().min(-1).default(-1) }),
        response: { 200: Requests, default: ErrorAnswer },
      },
    },
    async (request) => {
      const run = await runOf(request.params)
      const window = windowOf(run)
      if (window === undefined) return { requests: [], next: null }
      const { current } = await audiences.activations.get(run.activation)
      const from = Math.max(window.from, request.query.after + 1)
      const sent = await parts.delivery.history.requests(current, { ...window, from }, REQUESTS_PAGE)
      return {
        requests: sent.map(({ count, delivered, failed, firstOffset, replay, ...one }) => ({
          ...one,
          naming: firstOffset < window.changesFrom,
          records: count,
          accepted: delivered,
          refused: failed,
        })),
        next: sent.length < REQUESTS_PAGE ? null : (sent.at(-1)?.firstOffset ?? null),
      }
    },
  )

  app.get(
    '/activations/:activation/runs/:run/pace',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getRunPace',
        summary: 'How fast the vendor took the changes of a run, and what it has cost so far',
        params: RunParams,
        response: { 200: PaceView, default: ErrorAnswer },
      },
    },
    async (request) => paceOf(parts, await runOf(request.params)),
  )

  app.get(
    '/activations/:activation/runs/:run/file',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'exportChanges',
        summary: 'All whom a finished run brought in or out, or was refused, as CSV or NDJSON',
        params: RunParams,
        querystring: z.object({
          kind: z.enum(['added', 'removed', 'refused']).default('added'),
          format: FileFormat,
        }),
        response: { ...FILE_ANSWER, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { kind, format } = request.query
      const run = await runOf(request.params)
      const file = { name: `${request.params.activation}-${run.run}-${kind}`, format }
      await audiences.withRosterOf(run, async (roster) => {
        const pageAfter = async (last: Change | undefined): Promise<readonly Change[]> => {
          const asked = [runId(run), kind === 'added', last?.person ?? ''] as const
          return isPlanned(run)
            ? ((await roster.planned(...asked)) ?? samplePeople(run, kind === 'added', last))
            : roster.movedBy(...asked)
        }
        reply.hijack()
        if (kind !== 'refused')
          return answerPeople<Change>(reply.raw, file, pageAfter, [], ({ person }) => person)
        return answerPeople<Refusal>(
          reply.raw,
          file,
          async (last) => refusalsOf(parts, run, await roster.refused(runId(run), last?.change ?? -1)),
          [
            { name: 'enters', of: ({ entered }) => entered },
            { name: 'record', of: ({ record }) => record },
            { name: 'reason', of: ({ reason }) => reason },
            { name: 'status', of: ({ status }) => status },
            { name: 'attempts', of: ({ attempts }) => attempts },
          ],
          ({ person }) => person,
        )
      })
    },
  )
}

/** Nothing of it was ever sent: its changes are a plan. */
function isPlanned({ dry, report }: Run): boolean {
  return dry || report.window === undefined
}

/** What the roster of a run's cohort says; undefined while a run works on it, this one or another. */
async function readIfFree<T>(
  { audiences }: ApiParts,
  run: Run,
  read: (roster: Roster) => Promise<T>,
): Promise<T | undefined> {
  if (!FINISHED.has(run.state) && run.state !== 'held') return undefined
  try {
    return await audiences.withRosterOf(run, read)
  } catch (error) {
    if (error instanceof ThalwegError && error.code === 'ACTIVATION_BUSY') return undefined
    throw error
  }
}

async function changesOf(
  parts: ApiParts,
  run: Run,
  enters: boolean,
  { after, search }: { readonly after: string; readonly search: string },
): Promise<ChangesAnswer> {
  const id = runId(run)
  const isAtWork = !FINISHED.has(run.state) && run.state !== 'held'
  const planned = isAtWork || isPlanned(run)
  const kept = await readIfFree(parts, run, (roster) =>
    planned ? roster.planned(id, enters, after, search) : roster.movedBy(id, enters, after, search),
  )
  if (kept === undefined) {
    const people = samplePeople(run, enters, undefined)
      .map(({ person }) => ({ ...identifierOf(person), record: null }))
      .filter(({ value }) => value.toLowerCase().includes(search.toLowerCase()))
    return { people, planned, whole: false, next: null }
  }
  return {
    people: kept.map(({ change, person }) => ({
      ...identifierOf(person),
      record: planned ? null : `${id}-${change}`,
    })),
    planned,
    whole: true,
    next: kept.length < PAGE_MAX ? null : (kept.at(-1)?.person ?? null),
  }
}

/** The beginning that its report keeps: one page, then nothing. */
function samplePeople({ report: { sample } }: Run, enters: boolean, last: Change | undefined): Change[] {
  const people = last === undefined ? ((enters ? sample?.added : sample?.removed) ?? []) : []
  return people.map((person, change) => ({ change, person, enters }))
}

/** Of its records in the log, the name of the cohort before the changes; undefined: nothing was sent. */
function windowOf({
  report: { window },
}: Run): { from: number; changesFrom: number; to: number } | undefined {
  if (window === undefined) return undefined
  const { from, changesFrom = from, to = Number.MAX_SAFE_INTEGER } = window
  return { from, changesFrom, to }
}

async function paceOf({ audiences, delivery }: ApiParts, run: Run): Promise<PaceAnswer> {
  const { current, definition } = await audiences.activations.get(run.activation)
  const window = windowOf(run)
  const paceIn = async (from: number, to: number) =>
    from < to ? delivery.history.pace(current, { from, to }) : undefined
  const pace = window === undefined ? undefined : await paceIn(window.changesFrom, window.to)
  const naming = window === undefined ? undefined : await paceIn(window.from, window.changesFrom)
  const tariff = tariffOf(definition.destination.kind)
  return {
    perSecondMax: tariff === undefined ? null : changesPerSecond(tariff),
    sent:
      pace === undefined
        ? null
        : {
            requests: pace.requests + (naming?.requests ?? 0),
            namingRequests: naming?.requests ?? 0,
            accepted: pace.delivered,
            refused: pace.failed,
            dataPoints: tariff === undefined ? null : tariff.dataPointsPerChange * pace.delivered,
            firstSentAt: pace.firstSentAt,
            lastSettledAt: pace.lastSettledAt,
          },
    stepMs: pace?.stepMs ?? 0,
    steps: (pace?.steps ?? []).map(({ at, delivered, failed, batches }) => ({
      at,
      accepted: delivered,
      refused: failed,
      requests: batches,
    })),
  }
}

interface Refusal {
  readonly change: number
  readonly person: string
  readonly entered: boolean
  readonly record: string
  readonly fault: string
  readonly reason: string
  readonly status: number
  readonly attempts: number
  readonly batch: string | null
  readonly deadLetter: string | null
}

/** With what the dead letters know of each. */
async function refusalsOf(
  { audiences, delivery }: ApiParts,
  run: Run,
  refused: readonly Change[],
): Promise<Refusal[]> {
  const { current } = await audiences.activations.get(run.activation)
  const ids = refused.map(({ change }) => `${runId(run)}-${change}`)
  const letters = new Map<string, DeadLetter>()
  for (let i = 0; i < ids.length; i += LETTERS_AT_ONCE) {
    const eventIds = ids.slice(i, i + LETTERS_AT_ONCE)
    for (const letter of await delivery.letters.list({ current, eventIds, limit: LETTERS_AT_ONCE }))
      letters.set(letter.eventId, letter)
  }
  return refused.map(({ change, person, enters }, i) => {
    const record = ids[i] ?? ''
    const letter = letters.get(record)
    return {
      change,
      person,
      entered: enters,
      record,
      fault: letter?.fault ?? '',
      reason: letter?.message ?? '',
      status: letter?.status ?? 0,
      attempts: letter?.attempts ?? 0,
      batch: letter?.batch ?? null,
      deadLetter: letter?.id ?? null,
    }
  })
}
