/** Runs of activations: start, watch, release, cancel, retry; what they changed. */

import * as z from 'zod'
import { identifierOf } from '../../audiences/roster/person.ts'
import type { Refused } from '../../audiences/roster/roster.ts'
import { PHASES, RUN_STATES, type Run, runId, TRIGGERS } from '../../audiences/run.ts'
import { RUNS_PAGE_MAX } from '../../audiences/runs.ts'
import type { DeadLetter } from '../../delivery/dead-letters.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { answerPeople, FILE_ANSWER, FileFormat } from '../people-files.ts'
import { Count, ErrorAnswer, Time, TimeOrNull } from '../schemas.ts'
import { ActivationParams, IdentifierView, People, peopleOf, which } from './activations.ts'

const Report = z.object({
  asked: z
    .object({ engine: z.string(), sql: z.string() })
    .nullable()
    .describe('What was asked of which engine, its beginning.'),
  rows: Count,
  invalid: z.partialRecord(
    z.enum(['blank', 'not_text', 'too_long']),
    z.object({ count: Count, examples: z.array(z.string()) }),
  ),
  identifiers: Count,
  distinct: Count,
  unchanged: Count,
  added: Count,
  removed: Count,
  affirmed: Count.describe(
    'Unchanged members who are sent again: one who leaves by another identifier may be the same profile.',
  ),
  membersBefore: Count,
  membersAfter: Count.nullable(),
  appended: Count,
  accepted: Count,
  rejected: Count,
  unsent: Count,
  notices: z.array(z.string()),
  cost: z.object({ requests: Count, dataPoints: Count, secondsAtRateLimit: Count }).nullable(),
  hold: z
    .object({ kind: z.enum(['empty', 'removals']), reason: z.string(), releasedBy: z.string().optional() })
    .nullable(),
  waiting: z.string().nullable().describe('What it waits for, while the destination takes nothing.'),
  error: z.string().nullable(),
  phases: z.partialRecord(z.enum(PHASES), z.object({ startedAt: Time, finishedAt: Time.optional() })),
  sample: z
    .object({ added: z.array(IdentifierView), removed: z.array(IdentifierView) })
    .nullable()
    .describe('The beginning of who enters and who leaves.'),
})

const RunView = z
  .object({
    activation: Count,
    run: Count,
    version: Count,
    trigger: z.enum(TRIGGERS),
    by: z.string(),
    dry: z.boolean().describe('Nothing was sent.'),
    retryOf: Count.nullable(),
    state: z.enum(RUN_STATES),
    phase: z.enum(PHASES),
    report: Report,
    createdAt: Time,
    updatedAt: Time,
    finishedAt: TimeOrNull,
  })
  .meta({ id: 'Run' })
export type RunAnswer = z.output<typeof RunView>

const Refusals = z.object({
  refused: z.array(
    z.object({
      who: IdentifierView,
      entered: z.boolean(),
      record: z.string(),
      reason: z.string().describe("The vendor's, as the dead letter has it."),
      status: z.int().describe('Of the deciding answers the highest; 0: none.'),
      attempts: Count,
      deadLetter: z.string().nullable(),
    }),
  ),
  next: Count.nullable().describe('What to give as `after` for the next page; null: this was the last.'),
})
export type RefusalsAnswer = z.output<typeof Refusals>

const Requests = z.object({
  requests: z.array(
    z.object({
      id: z.string().describe('Of the batch; lineage names it.'),
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
  next: Count.nullable().describe('What to give as `after` for the next page; null: this was the last.'),
})
export type RequestsAnswer = z.output<typeof Requests>

const RunParams = ActivationParams.extend({
  run: z.coerce.number().int().min(1).describe('Number of the run.'),
})
const Runs = z.object({ runs: z.array(RunView) })
const page = {
  state: z.enum(RUN_STATES).optional(),
  before: z.coerce.number().int().min(0).optional().describe('Started before this moment.'),
  limit: z.coerce.number().int().min(1).max(RUNS_PAGE_MAX).default(50),
}
const TAGS = ['Runs']
/** At most what a list of dead letters gives. */
const LETTERS_AT_ONCE = 500
const REQUESTS_PAGE = 500

export function runRoutes(app: Api, parts: ApiParts): void {
  const { audiences } = parts
  const audit: Audited = {
    object: 'run',
    param: 'run',
    read: async (key, { activation = '' }) => keptOf(await audiences.run(which(activation), Number(key))),
    made: ({ run }: RunAnswer) => run,
  }

  app.get(
    '/runs',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listRuns',
        summary: 'Runs of all activations, newest first',
        querystring: z.object(page),
        response: { 200: Runs, default: ErrorAnswer },
      },
    },
    async (request) => ({ runs: (await audiences.runs.list(defined(request.query))).map(viewOf) }),
  )

  app.get(
    '/activations/:activation/runs',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listRunsOfActivation',
        summary: 'Runs of one activation, newest first',
        params: ActivationParams,
        querystring: z.object(page),
        response: { 200: Runs, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { number } = await audiences.activations.get(which(request.params.activation))
      const runs = await audiences.runs.list({ ...defined(request.query), activation: number })
      return { runs: runs.map(viewOf) }
    },
  )

  app.post(
    '/activations/:activation/runs',
    {
      config: { role: 'operator', audit: audit },
      schema: {
        tags: TAGS,
        operationId: 'startRun',
        summary: 'Start a run; a dry one asks and compares, and sends nothing',
        params: ActivationParams,
        body: z.strictObject({
          dry: z.boolean().default(false),
          retryOf: z
            .int()
            .min(1)
            .optional()
            .describe('Send again what this partial run was refused, instead of asking the query.'),
        }),
        response: { 202: RunView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { dry, retryOf } = request.body
      const run = await audiences.startRun(which(request.params.activation), {
        trigger: retryOf === undefined ? 'manual' : 'retry',
        by: callerName(request),
        dry,
        ...(retryOf === undefined ? {} : { retryOf }),
      })
      return reply.code(202).send(viewOf(run))
    },
  )

  app.get(
    '/activations/:activation/runs/:run',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getRun',
        summary: 'One run, with the numbers of this moment',
        params: RunParams,
        response: { 200: RunView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await audiences.run(which(request.params.activation), request.params.run)),
  )

  app.post(
    '/activations/:activation/runs/:run/release',
    {
      config: { role: 'operator', audit: audit },
      schema: {
        tags: TAGS,
        operationId: 'releaseRun',
        summary: 'Let a held run go on',
        params: RunParams,
        body: z.strictObject({
          confirmEmpty: z
            .boolean()
            .default(false)
            .describe('The query gave no rows, and the cohort is really to be emptied.'),
        }),
        response: { 200: RunView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { activation, run } = request.params
      const { confirmEmpty } = request.body
      return viewOf(await audiences.release(which(activation), run, callerName(request), confirmEmpty))
    },
  )

  app.post(
    '/activations/:activation/runs/:run/cancel',
    {
      config: { role: 'operator', audit: audit },
      schema: {
        tags: TAGS,
        operationId: 'cancelRun',
        summary: 'Send nothing more; what is in the log is delivered first',
        params: RunParams,
        response: { 200: RunView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await audiences.cancel(which(request.params.activation), request.params.run)),
  )

  app.get(
    '/activations/:activation/runs/:run/changes',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listChanges',
        summary: 'Whom a finished run brought in or out, as the vendor accepted it',
        params: RunParams,
        querystring: z.object({
          kind: z.enum(['added', 'removed']).default('added'),
          after: z.string().max(4_000).default(''),
        }),
        response: { 200: People, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { kind, after } = request.query
      const run = await audiences.run(which(request.params.activation), request.params.run)
      return audiences.withRoster(run.activation, async (roster) =>
        peopleOf(await roster.movedBy(runId(run), kind === 'added', after)),
      )
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
        querystring: z.object({ after: z.coerce.number().int().min(-1).default(-1) }),
        response: { 200: Refusals, default: ErrorAnswer },
      },
    },
    async (request) => {
      const run = await audiences.run(which(request.params.activation), request.params.run)
      return audiences.withRoster(run.activation, async (roster) => {
        const refused = await refusalsOf(parts, run, await roster.refused(runId(run), request.query.after))
        return {
          refused: refused.map(({ change, person, ...one }) => ({ ...one, who: identifierOf(person) })),
          next: refused.at(-1)?.change ?? null,
        }
      })
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
      const run = await audiences.run(which(request.params.activation), request.params.run)
      const { window } = run.report
      // Nothing was sent: a dry run, one that is held, or one that changed nothing.
      if (window === undefined) return { requests: [], next: null }
      const { current } = await audiences.activations.get(run.activation)
      const from = Math.max(window.from, request.query.after + 1)
      const sent = await parts.delivery.history.requests(
        current,
        { from, to: window.to ?? Number.MAX_SAFE_INTEGER },
        REQUESTS_PAGE,
      )
      return {
        requests: sent.map(({ count, delivered, failed, firstOffset, replay, ...one }) => ({
          ...one,
          records: count,
          accepted: delivered,
          refused: failed,
        })),
        next: sent.length < REQUESTS_PAGE ? null : (sent.at(-1)?.firstOffset ?? null),
      }
    },
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
      const run = await audiences.run(which(request.params.activation), request.params.run)
      const file = { name: `${request.params.activation}-${run.run}-${kind}`, format }
      await audiences.withRoster(run.activation, (roster) => {
        reply.hijack()
        if (kind !== 'refused')
          return answerPeople<string>(
            reply.raw,
            file,
            (last = '') => roster.movedBy(runId(run), kind === 'added', last),
            [],
            (person) => person,
          )
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

interface Refusal {
  readonly change: number
  readonly person: string
  readonly entered: boolean
  readonly record: string
  readonly reason: string
  readonly status: number
  readonly attempts: number
  readonly deadLetter: string | null
}

/** With what the dead letters know of each. */
async function refusalsOf(
  { audiences, delivery }: ApiParts,
  run: Run,
  refused: readonly Refused[],
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
      reason: letter?.message ?? '',
      status: letter?.status ?? 0,
      attempts: letter?.attempts ?? 0,
      deadLetter: letter?.id ?? null,
    }
  })
}

/** How many, not who: that is their personal data. */
function keptOf({ activation, run, dry, state, phase, trigger, retryOf, report }: Run) {
  const { added, removed, unchanged, hold, error } = report
  const name = `activation ${activation}, run ${run}`
  return {
    id: runId({ activation, run }),
    name,
    dry,
    state,
    phase,
    trigger,
    retryOf,
    added,
    removed,
    unchanged,
    hold,
    error,
  }
}

/** Without members that were not given. */
function defined<T extends { state?: unknown; before?: unknown }>(query: T) {
  const { state, before, ...rest } = query
  return {
    ...rest,
    ...(state === undefined ? {} : { state: state as NonNullable<T['state']> }),
    ...(before === undefined ? {} : { before: before as NonNullable<T['before']> }),
  }
}

function viewOf({ report, ...run }: Run): RunAnswer {
  const { sample, membersAfter, cost, hold, waiting, error, notices, phases } = report
  const { activation, version, trigger, by, dry, retryOf, state, phase, createdAt, updatedAt, finishedAt } =
    run
  return {
    activation,
    run: run.run,
    version,
    trigger,
    by,
    dry,
    retryOf,
    state,
    phase,
    createdAt,
    updatedAt,
    finishedAt,
    report: {
      asked: report.asked ?? null,
      rows: report.rows,
      identifiers: report.identifiers,
      distinct: report.distinct,
      unchanged: report.unchanged,
      added: report.added,
      removed: report.removed,
      affirmed: report.affirmed,
      membersBefore: report.membersBefore,
      appended: report.appended,
      accepted: report.accepted,
      rejected: report.rejected,
      unsent: report.unsent,
      invalid: Object.fromEntries(
        Object.entries(report.invalid).map(([reason, { count, examples }]) => [
          reason,
          { count, examples: [...examples] },
        ]),
      ),
      membersAfter: membersAfter ?? null,
      notices: [...notices],
      cost: cost ?? null,
      hold: hold ?? null,
      waiting: waiting ?? null,
      error: error ?? null,
      phases,
      sample:
        sample === undefined
          ? null
          : { added: sample.added.map(identifierOf), removed: sample.removed.map(identifierOf) },
    },
  }
}
