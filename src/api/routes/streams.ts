/** Streams: what profiles are made of, in versions; checked and tried before it counts. */

import * as z from 'zod'
import { checkSchema } from '../../profiles/mapping/check.ts'
import { dryRun, SAMPLES_MAX } from '../../profiles/mapping/dry-run.ts'
import { ProfileSchema } from '../../profiles/schema.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Note, Time } from '../schemas.ts'

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
        response: { 200: z.object({ versions: z.array(VersionView) }), default: ErrorAnswer },
      },
    },
    async () => ({ versions: await profiles.schemas.versions() }),
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
        summary: 'Whether a schema holds together, without saving it',
        body: ProfileSchema,
        response: { 200: z.object({ holds: z.literal(true) }), default: ErrorAnswer },
      },
    },
    async ({ body }) => {
      checkSchema(body)
      return { holds: true as const }
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
          200: z.object({
            stream: z.string(),
            fields: z.array(z.string()),
            since: Time.describe('When the oldest record that the log holds was received.'),
            from: Count,
            end: Count,
          }),
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
