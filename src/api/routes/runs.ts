/** Runs of activations: start, watch, release, cancel, retry. What they changed: run-lists.ts. */

import * as z from 'zod'
import type { Audiences } from '../../audiences/audiences.ts'
import { RUN_STATES, type Run, runId, TRIGGERS } from '../../audiences/run.ts'
import { RUNS_PAGE_MAX, type RunPlace } from '../../audiences/runs.ts'
import { ThalwegError } from '../../core/errors.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import { cursorAfter, placeOf } from '../cursor.ts'
import type { ApiParts } from '../parts.ts'
import { ErrorAnswer } from '../schemas.ts'
import { ActivationParams, which } from './activations.ts'
import { RunParams, runListRoutes } from './run-lists.ts'
import { ListedRunRow, listedRunRow, type RunAnswer, RunView, runView } from './run-views.ts'

const Runs = z.object({
  runs: z.array(ListedRunRow),
  next: z.string().nullable().describe('Cursor of the next page; null: this was the last.'),
})
export type RunsAnswer = z.output<typeof Runs>

const page = {
  state: z.enum(RUN_STATES).optional(),
  trigger: z.enum(TRIGGERS).optional(),
  dry: z.stringbool().optional().describe('Only dry runs, or only others.'),
  limit: z.coerce.number().int().min(1).max(RUNS_PAGE_MAX).default(50),
  cursor: z.string().max(200).optional().describe('`next` of the page before.'),
}
const TAGS = ['Runs']

export function runRoutes(app: Api, parts: ApiParts): void {
  const { audiences } = parts
  const audit: Audited = {
    object: 'run',
    param: 'run',
    read: async (key, { activation = '' }) => keptOf(await audiences.run(which(activation), Number(key))),
    made: ({ run }: RunAnswer) => run,
  }
  runListRoutes(app, parts)

  app.get(
    '/runs',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listRuns',
        summary: 'Runs of all activations, newest first',
        querystring: z.object({ ...page, activation: ActivationParams.shape.activation.optional() }),
        response: { 200: Runs, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { activation, ...query } = request.query
      const number =
        activation === undefined ? undefined : (await audiences.activations.get(which(activation))).number
      return pageOf(audiences, query, number)
    },
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
      return pageOf(audiences, request.query, number)
    },
  )

  app.post(
    '/activations/:activation/runs',
    {
      config: { role: 'operator', audit },
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
      return reply.code(202).send(runView(run))
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
    async (request) => runView(await audiences.run(which(request.params.activation), request.params.run)),
  )

  app.post(
    '/activations/:activation/runs/:run/release',
    {
      config: { role: 'operator', audit },
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
      return runView(await audiences.release(which(activation), run, callerName(request), confirmEmpty))
    },
  )

  app.post(
    '/activations/:activation/runs/:run/cancel',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'cancelRun',
        summary: 'Send nothing more; what is in the log is delivered first',
        params: RunParams,
        response: { 200: RunView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { activation, run } = request.params
      return runView(await audiences.cancel(which(activation), run, callerName(request)))
    },
  )
}

interface PageQuery {
  readonly state?: (typeof RUN_STATES)[number] | undefined
  readonly trigger?: (typeof TRIGGERS)[number] | undefined
  readonly dry?: boolean | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

async function pageOf(
  { runs }: Audiences,
  { state, trigger, dry, limit, cursor }: PageQuery,
  activation: number | undefined,
): Promise<RunsAnswer> {
  const found = await runs.list({
    limit,
    ...(activation === undefined ? {} : { activation }),
    ...(state === undefined ? {} : { state }),
    ...(trigger === undefined ? {} : { trigger }),
    ...(dry === undefined ? {} : { dry }),
    ...(cursor === undefined ? {} : { after: runPlace(cursor) }),
  })
  const last = found.length < limit ? undefined : found.at(-1)
  return {
    runs: found.map(listedRunRow),
    next:
      last === undefined
        ? null
        : cursorAfter({ createdAt: last.createdAt, id: `${last.activation}.${last.run}` }),
  }
}

/** Throws INPUT_INVALID unless this list gave it out. */
function runPlace(cursor: string): RunPlace {
  const { createdAt, id } = placeOf(cursor)
  const [, activation, run] = /^(\d{1,15})\.(\d{1,15})$/.exec(id) ?? []
  if (activation === undefined || run === undefined)
    throw new ThalwegError('INPUT_INVALID', 'The cursor is not one that this list has given out')
  return { createdAt, activation: Number(activation), run: Number(run) }
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
