/** Configuration as files: the same objects as documents, what documents would change, and the change. */

import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { APPLY_STATES } from '../../config/applied.ts'
import { DOCUMENTS_MAX } from '../../config/check.ts'
import type { Asker, PlannedWithEffects } from '../../config/config.ts'
import { KIND_WORDS } from '../../config/kinds.ts'
import { ACTIONS, type Step } from '../../config/plan.ts'
import { SecretReference } from '../../config/secret-reference.ts'
import { callerIn, callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import { deskOf, type StepIds } from '../desk.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, JsonSchema, Note, Time, TimeOrNull } from '../schemas.ts'

const KindView = z.enum(KIND_WORDS)
const Documents = z
  .array(z.unknown())
  .max(DOCUMENTS_MAX)
  .describe('Each with its kind as `object`, and the members of its definition, names in the place of ids.')

const DocumentsView = z.object({
  documents: z.array(
    z.object({
      object: KindView,
      name: z.string(),
      document: z.record(z.string(), z.unknown()).describe('What a file says; without `object`.'),
    }),
  ),
})
export type ConfigurationAnswer = z.output<typeof DocumentsView>

const DifferenceView = z.object({
  field: z.string(),
  before: z.unknown().optional().describe('Not there: it was not there.'),
  after: z.unknown().optional(),
})

const StepView = z.object({
  action: z.enum(ACTIONS),
  object: KindView,
  name: z.string(),
  document: Count.nullable().describe(
    'Its place among those that were given, from 0; null: none describes it.',
  ),
  differences: z.array(DifferenceView),
  drift: z
    .object({ words: z.string(), differences: z.array(DifferenceView) })
    .nullable()
    .describe('What somebody else changed since the last apply, and an apply would overwrite.'),
  role: z.enum(['operator', 'admin']).describe('Least role that may do it.'),
  missing: z.array(SecretReference).describe('References whose values are needed and were not given.'),
  notes: z.array(z.string()),
  effect: z
    .object({ words: z.array(z.string()), numbers: z.record(z.string(), z.number()) })
    .nullable()
    .describe('What it would bring about.'),
})

const PlanView = z
  .object({
    digest: z.string().describe('Given to an apply, it refuses to do anything else.'),
    steps: z
      .array(StepView)
      .describe('In the order in which they would be done; `remove` only if asked for.'),
    others: z
      .array(z.object({ object: KindView, name: z.string() }))
      .describe('Objects that no document describes and that were never applied: they are left alone.'),
  })
  .meta({ id: 'ConfigurationPlan' })
export type PlanAnswer = z.output<typeof PlanView>

const ApplyView = z
  .object({
    number: Count,
    state: z.enum(APPLY_STATES),
    by: z.string(),
    note: z.string(),
    startedAt: Time,
    finishedAt: TimeOrNull,
    steps: z.array(
      z.object({
        object: KindView,
        name: z.string(),
        action: z.enum(ACTIONS).exclude(['keep']),
        outcome: z.enum(['done', 'failed', 'not reached']),
        message: z.string().describe('Why it failed.'),
      }),
    ),
  })
  .meta({ id: 'ConfigurationApply' })
export type ApplyAnswer = z.output<typeof ApplyView>

const Given = z.strictObject({
  documents: Documents,
  secrets: z
    .record(SecretReference, z.string().max(65_536))
    .default({})
    .describe('What references stand for. Used and kept as credentials are; in no answer and no log.'),
})

/** Of a body. */
const BYTES_MAX = 16_777_216
const EVENTS_MAX = 5_000
const APPLIES_SHOWN_MAX = 100
const TAGS = ['Configuration']

export function configurationRoutes(app: Api, { configuration }: ApiParts, stepIds: StepIds): void {
  const askerOf = (request: FastifyRequest): Asker => ({
    name: callerName(request),
    isAdmin: callerIn(request).role === 'admin',
    desk: (apply) => deskOf(app, request, stepIds, apply === undefined ? undefined : `apply-${apply}`),
  })
  const audit: Audited = {
    object: 'configuration',
    only: true,
    told: (_body: never, { number, note, steps }: ApplyAnswer) => ({ number, note, steps }),
  }

  app.get(
    '/config',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'exportConfiguration',
        summary: 'Everything that files describe, as documents, in the order in which it would be made',
        response: { 200: DocumentsView, default: ErrorAnswer },
      },
    },
    async (request) => ({
      documents: (await configuration.documents(askerOf(request))).map(({ kind, name, body }) => ({
        object: kind,
        name,
        document: { ...body },
      })),
    }),
  )

  app.get(
    '/config/schemas',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listConfigurationSchemas',
        summary: 'JSON Schema of the documents, by kind; for editors',
        response: { 200: z.object({ schemas: z.record(z.string(), JsonSchema) }), default: ErrorAnswer },
      },
    },
    async () => {
      const { jsonSchemas } = await import('../../config/json-schemas.ts')
      return { schemas: Object.fromEntries(jsonSchemas()) }
    },
  )

  app.post(
    '/config/plan',
    {
      bodyLimit: BYTES_MAX,
      config: { role: 'operator', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'planConfiguration',
        summary: 'What an apply of these documents would do and bring about; nothing is changed',
        description: 'CONFIG_INVALID lists every problem with the place of its document and its field.',
        body: Given.extend({
          effects: z.boolean().default(true).describe('false: only what would be done.'),
          events: z
            .int()
            .min(1)
            .max(EVENTS_MAX)
            .default(1_000)
            .describe('Over so many of the newest kept events changes are rehearsed.'),
        }),
        response: { 200: PlanView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { documents, secrets, effects, events } = request.body
      const asked = { documents, secrets: new Map(Object.entries(secrets)) }
      return planView(
        await configuration.plan(asked, askerOf(request), { events: effects ? events : undefined }),
      )
    },
  )

  app.post(
    '/config/apply',
    {
      bodyLimit: BYTES_MAX,
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'applyConfiguration',
        summary:
          'Bring about what these documents say; stops at the first step that fails, and may be run again',
        description:
          'Each step is a change by the API in its own right, with its own entry in the trail, whose request is named apply-<number>.<step>. CONFIG_FAILED has the report in its details.',
        body: Given.extend({
          digest: z.string().max(64).optional().describe('Of the plan that was agreed to.'),
          remove: z
            .boolean()
            .default(false)
            .describe('Remove what was applied before and is described no more.'),
          acceptDrift: z.boolean().default(false).describe('Overwrite what somebody else has changed.'),
          note: Note.default(''),
        }),
        response: { 200: ApplyView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { documents, secrets, digest, remove, acceptDrift, note } = request.body
      const asked = { documents, secrets: new Map(Object.entries(secrets)) }
      return applyView(
        await configuration.apply(asked, askerOf(request), {
          ...{ digest, note, removes: remove, acceptsDrift: acceptDrift },
        }),
      )
    },
  )

  app.get(
    '/config/applies',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listApplies',
        summary: 'What was applied, latest first',
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(APPLIES_SHOWN_MAX).default(20) }),
        response: { 200: z.object({ applies: z.array(ApplyView) }), default: ErrorAnswer },
      },
    },
    async (request) => ({
      applies: (await configuration.applied.list(request.query.limit)).map(applyView),
    }),
  )

  app.get(
    '/config/applies/:apply',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getApply',
        summary: 'One apply: what it did, and where it stopped',
        params: z.object({ apply: z.coerce.number().int().min(1).max(2_147_483_647) }),
        response: { 200: ApplyView, default: ErrorAnswer },
      },
    },
    async (request) => applyView(await configuration.applied.get(request.params.apply)),
  )
}

function planView({ digest, steps, others, effects }: PlannedWithEffects): PlanAnswer {
  return {
    digest,
    steps: steps.map((step) => {
      const effect = effects.get(step)
      return {
        ...stepView(step),
        effect: effect === undefined ? null : { words: [...effect.words], numbers: { ...effect.numbers } },
      }
    }),
    others: others.map(({ kind, name }) => ({ object: kind, name })),
  }
}

function stepView({ action, kind, name, document, differences, drift, role, missing, notes }: Step) {
  return {
    ...{ action, name, role, object: kind, document: document ?? null },
    differences: [...differences],
    drift: drift === undefined ? null : { words: drift.words, differences: [...drift.differences] },
    missing: [...missing],
    notes: [...notes],
  }
}

function applyView({
  steps,
  ...apply
}: Awaited<ReturnType<ApiParts['configuration']['apply']>>): ApplyAnswer {
  return { ...apply, steps: steps.map(({ kind, ...step }) => ({ object: kind, ...step })) }
}
