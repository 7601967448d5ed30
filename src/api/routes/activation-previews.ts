/** Looks ahead of an activation: what its query gives, and when its schedule would start it. */

import * as z from 'zod'
import { ActivationDefinition } from '../../audiences/activation.ts'
import { INVALID_REASONS } from '../../audiences/columns.ts'
import { nextDue, Schedule, scheduleText } from '../../audiences/schedule.ts'
import { IDENTIFIER_KINDS } from '../../core/membership.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { leaving } from '../results.ts'
import { Count, ErrorAnswer, Time } from '../schemas.ts'

const PreviewView = z
  .object({
    engine: z.string(),
    sql: z.string().describe('What would be asked.'),
    columns: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        kind: z.enum(IDENTIFIER_KINDS).nullable().describe('As what it is read; null: it is ignored.'),
        label: z.string().describe('Of an alias; empty otherwise.'),
      }),
    ),
    rows: z.array(z.array(z.union([z.null(), z.boolean(), z.number(), z.string()]))),
    usable: Count.describe('Of these rows, those that name somebody.'),
    invalid: z.partialRecord(z.enum(INVALID_REASONS), Count).describe('Of these rows, those that do not.'),
    notices: z.array(z.string()).describe('Columns that are ignored, and why.'),
    problem: z.string().nullable().describe('Why a run would fail before anything is sent.'),
  })
  .meta({ id: 'ActivationPreview' })
export type ActivationPreviewAnswer = z.output<typeof PreviewView>

const TimesView = z.object({
  text: z.string().describe('The schedule in words.'),
  next: z.array(Time).describe('When it would start a run, soonest first; at most five.'),
})
export type ScheduleAnswer = z.output<typeof TimesView>

const RehearsalView = z
  .object({
    rows: Count,
    identifiers: Count.describe('Of these rows.'),
    members: Count.describe('Of the cohort now, as the vendor accepted them.'),
    added: Count,
    removed: Count,
    unchanged: Count,
    cost: z
      .object({ requests: Count, dataPoints: Count, secondsAtRateLimit: Count })
      .nullable()
      .describe('null: nobody knows what this destination costs.'),
    hold: z.string().nullable().describe('Why the run would wait for a person; null: it would not.'),
    notices: z.array(z.string()),
  })
  .meta({ id: 'ActivationRehearsal' })
export type ActivationRehearsalAnswer = z.output<typeof RehearsalView>

const TURNS = 5
const TAGS = ['Activations']

export function activationPreviewRoutes(app: Api, { audiences, clock, queryRole }: ApiParts): void {
  app.post(
    '/activations/preview',
    {
      config: { role: queryRole, audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'previewActivation',
        summary: 'Some rows of a query, and which of its columns say who is meant; nothing is sent',
        body: ActivationDefinition.pick({
          query: true,
          aliases: true,
          priority: true,
          identifiers: true,
          timeoutMs: true,
        }).extend({
          destinationKind: z.string().min(1).max(63).default('braze-cohort'),
          rows: z.int().min(1).max(1_000).default(20).describe('Rows of the sample.'),
        }),
        response: { 200: PreviewView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { destinationKind, rows, ...definition } = request.body
      const found = await audiences.preview(definition, destinationKind, rows, leaving(reply.raw))
      return {
        ...found,
        columns: found.columns.map((column) => ({ ...column, kind: column.kind ?? null })),
        rows: found.rows.map((row) => [...row]),
        notices: [...found.notices],
        problem: found.problem ?? null,
      }
    },
  )

  app.post(
    '/activations/rehearse',
    {
      config: { role: queryRole, audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'rehearseActivation',
        summary: 'What a run of a definition would add and remove now, and what that costs; nothing is kept',
        description:
          'Asks the whole query, and compares with what the vendor has accepted, as a dry run does.',
        body: ActivationDefinition,
        response: { 200: RehearsalView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const report = await audiences.rehearse(request.body, leaving(reply.raw))
      const { rows, identifiers, added, removed, unchanged, membersBefore, cost, hold, notices } = report
      return {
        ...{ rows, identifiers, added, removed, unchanged, members: membersBefore },
        cost: cost === undefined ? null : { ...cost },
        hold: hold?.reason ?? null,
        notices: [...notices],
      }
    },
  )

  app.post(
    '/activations/schedule',
    {
      config: { role: 'viewer', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'previewSchedule',
        summary: 'When a schedule would start a run, if it were in force from now on',
        body: z.strictObject({ schedule: Schedule }),
        response: { 200: TimesView, default: ErrorAnswer },
      },
    },
    ({ body: { schedule } }) => {
      const now = clock.now()
      const next: number[] = []
      for (let at = nextDue(schedule, now, now); at !== undefined; at = nextDue(schedule, now, at)) {
        next.push(at)
        if (next.length === TURNS) break
      }
      return { text: scheduleText(schedule), next }
    },
  )
}
