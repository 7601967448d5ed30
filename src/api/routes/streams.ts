/** Streams: what profiles are made of, in versions; checked and tried before it counts. */

import * as z from 'zod'
import { OPERATORS, problemsOf } from '../../profiles/mapping/check.ts'
import { dryRun, SAMPLES_MAX } from '../../profiles/mapping/dry-run.ts'
import { FUNCTIONS } from '../../profiles/mapping/functions.ts'
import { MERGE_OPERATORS, ProfileSchema } from '../../profiles/schema.ts'
import { FIELD_TYPES } from '../../profiles/values.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Note, Offset, Time } from '../schemas.ts'

const VersionView = z
  .object({
    version: Count.describe('0: what an installation begins with.'),
    definition: ProfileSchema,
    note: z.string(),
    author: z.string().describe('Label of the token that saved this version.'),
    savedAt: Time,
  })
  .meta({ id: 'ProfileSchemaVersion' })
export type SchemaAnswer = z.output<typeof VersionView>

const SampleView = z
  .object({
    record: z
      .object({
        at: Time,
        identifiers: z.array(z.object({ field: z.string(), value: z.string() })),
        values: z.record(z.string(), z.unknown()),
      })
      .nullable(),
    reason: z.string().nullable().describe('Why there is no record.'),
    lost: z
      .array(z.object({ field: z.string(), problem: z.string() }))
      .describe('Values that could not be made.'),
  })
  .meta({ id: 'MappedSample' })
export type SampleAnswer = z.output<typeof SampleView>

const Checked = z.object({
  holds: z.boolean(),
  problems: z.array(
    z.object({
      where: z
        .string()
        .describe('As fields.email.merge, streams.braze_users.mappings.3.expression; counted from 0.'),
      message: z.string(),
      line: z.int().optional().describe('In an expression, from 1.'),
      column: z.int().optional(),
    }),
  ),
})
export type SchemaCheckAnswer = z.output<typeof Checked>

const Vocabulary = z.object({
  types: z.array(
    z.object({
      type: z.enum(FIELD_TYPES),
      operators: z.array(z.enum(MERGE_OPERATORS)).readonly().describe('What two values may be merged by.'),
    }),
  ),
  functions: z.array(z.object({ form: z.string(), does: z.string() })),
})
export type VocabularyAnswer = z.output<typeof Vocabulary>

const SamplesView = z.object({
  samples: z.array(
    z.object({ offset: Offset, receivedAt: Time, text: z.string().describe('As it lies in the log.') }),
  ),
})
export type SamplesAnswer = z.output<typeof SamplesView>

const Again = z.object({
  stream: z.string(),
  fields: z.array(z.string()),
  since: Time.describe('When the oldest record that the log holds was received.'),
  from: Count,
  end: Count,
})
export type ReadAgainAnswer = z.output<typeof Again>

const Counted = z.array(z.object({ reason: z.string(), count: Count }))
const StreamRehearsalView = z
  .object({
    records: Count.describe('The last records of the stream, that were looked at.'),
    mapped: Count.describe('Of these, the ones that become something.'),
    unmapped: Counted.describe('The others, the most frequent reason first.'),
    added: Count.describe('Mapped by this schema, and not by the one in force.'),
    removed: Count,
    different: Count.describe('Mapped by both, to something else.'),
    same: Count,
    lost: z.array(z.object({ field: z.string(), count: Count })).describe('Values that cannot be made.'),
  })
  .meta({ id: 'StreamRehearsal' })
export type StreamRehearsalAnswer = z.output<typeof StreamRehearsalView>

const TAGS = ['Streams']

export function streamRoutes(app: Api, { profiles, clock }: ApiParts): void {
  const audit: Audited = {
    object: 'profile schema',
    only: true,
    read: () => {
      const { version, definition, note } = profiles.schemas.present
      return { name: 'profile schema', version, definition, note }
    },
  }
  const again: Audited = {
    object: 'stream',
    rehearses: ({ dryRun }: { dryRun: boolean }) => dryRun,
    told: (_body: never, { stream, fields }: { stream: string; fields: string[] }) => ({ stream, fields }),
  }

  app.get(
    '/profile-schema',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getProfileSchema',
        summary: 'Fields, streams and rules of identifiers as they are now',
        response: { 200: VersionView, default: ErrorAnswer },
      },
    },
    async () => profiles.schemas.present,
  )

  app.get(
    '/profile-schema/versions',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listProfileSchemas',
        summary: 'What they were when, latest first',
        querystring: z.object({
          before: z.coerce
            .number()
            .int()
            .min(0)
            .optional()
            .describe('Version that the page before ended with.'),
          limit: z.coerce.number().int().min(1).max(100).default(50),
        }),
        response: { 200: z.object({ versions: z.array(VersionView) }), default: ErrorAnswer },
      },
    },
    async ({ query: { before = Number.POSITIVE_INFINITY, limit } }) => ({
      versions: await profiles.schemas.versions(before, limit),
    }),
  )

  app.put(
    '/profile-schema',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'reviseProfileSchema',
        summary: 'Replace it; it counts from the next record on',
        body: z.strictObject({ definition: ProfileSchema, note: Note.default('') }),
        response: { 200: VersionView, default: ErrorAnswer },
      },
    },
    (request) => {
      const { definition, note } = request.body
      return profiles.revise(definition, note, callerName(request))
    },
  )

  app.post(
    '/profile-schema/check',
    {
      config: { role: 'viewer', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'checkProfileSchema',
        summary: 'Whether a schema holds together, and everything that does not; nothing is saved',
        body: ProfileSchema,
        response: { 200: Checked, default: ErrorAnswer },
      },
    },
    async ({ body }) => {
      const problems = problemsOf(body)
      return { holds: problems.length === 0, problems }
    },
  )

  app.post(
    '/profile-schema/try',
    {
      config: { role: 'viewer', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'tryMapping',
        summary: 'What a stream makes of some records, without keeping anything',
        body: z.strictObject({
          stream: z.string().min(1).max(128),
          records: z.array(z.unknown()).min(1).max(SAMPLES_MAX),
          definition: ProfileSchema.optional().describe('Another schema than the present one.'),
        }),
        response: { 200: z.object({ results: z.array(SampleView) }), default: ErrorAnswer },
      },
    },
    async ({ body: { stream, records, definition = profiles.schemas.present.definition } }) => ({
      results: dryRun(definition, stream, records, clock.now()).map(({ record, reason, lost }) => ({
        record:
          record === undefined
            ? null
            : { at: record.at, identifiers: [...record.identifiers], values: { ...record.values } },
        reason: reason ?? null,
        lost: [...lost],
      })),
    }),
  )

  app.post(
    '/profile-schema/rehearse',
    {
      config: { role: 'operator', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'rehearseMapping',
        summary:
          'What a stream of another schema makes of its last records, and what otherwise than now; nothing is kept',
        body: z.strictObject({
          definition: ProfileSchema,
          stream: z.string().min(1).max(128),
          records: z.int().min(1).max(SAMPLES_MAX).default(SAMPLES_MAX).describe('At most so many.'),
        }),
        response: { 200: StreamRehearsalView, default: ErrorAnswer },
      },
    },
    async ({ body: { definition, stream, records } }) => {
      const { unmapped, lost, ...counts } = await profiles.rehearse(definition, stream, records)
      return { ...counts, unmapped: [...unmapped], lost: [...lost] }
    },
  )

  app.get(
    '/profile-schema/vocabulary',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'profileVocabulary',
        summary:
          'What mappings are written with: types of fields, their merge operators, functions of expressions',
        response: { 200: Vocabulary, default: ErrorAnswer },
      },
    },
    async () => ({
      types: FIELD_TYPES.map((type) => ({ type, operators: OPERATORS[type] })),
      functions: Object.values(FUNCTIONS).map(({ form, does }) => ({ form, does })),
    }),
  )

  app.get(
    '/profile-schema/samples',
    {
      config: { role: 'operator' },
      schema: {
        tags: TAGS,
        operationId: 'sampleStream',
        summary: 'Some of the last records that a stream reads, or would read if it were on, newest first',
        querystring: z.object({
          stream: z.string().min(1).max(128),
          limit: z.coerce.number().int().min(1).max(20).default(5),
        }),
        response: { 200: SamplesView, default: ErrorAnswer },
      },
    },
    async ({ query: { stream, limit } }) => ({ samples: await profiles.samples(stream, limit) }),
  )

  app.post(
    '/profile-schema/read-again',
    {
      config: { role: 'operator', audit: again },
      schema: {
        tags: TAGS,
        operationId: 'readStreamAgain',
        summary: 'Have what the log still holds of a stream fill its fields anew, by the present mapping',
        description:
          'Values of before the kept history stay, but for those that add up: they count anew. New records wait until what is to be replaced is cleared.',
        body: z.strictObject({
          stream: z.string().min(1).max(128),
          fields: z
            .array(z.string().max(64))
            .max(1_000)
            .default([])
            .describe('Only these; all that the stream fills unless given.'),
          dryRun: z.boolean().default(false).describe('Only tell what would be read.'),
        }),
        response: {
          200: Again,
          default: ErrorAnswer,
        },
      },
    },
    async ({ body: { stream, fields, dryRun } }) => {
      const history = await profiles.readAgain(stream, fields, dryRun)
      return { ...history, fields: [...history.fields] }
    },
  )
}
