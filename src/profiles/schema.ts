/**
 * What a profile is made of: its fields, the streams that fill them, and the rules by which identifiers join records into
 * one profile. One versioned object, because none of the three makes sense without the others.
 */

import * as z from 'zod'
import type { SourceKind } from '../sources/settings.ts'
import { FIELD_TYPES } from './values.ts'

export const FIELDS_MAX = 1_000
export const STREAMS_MAX = 100
/** Lytics, platform limits. */
export const IDENTIFIER_BYTES_MAX = 256

const Name = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
    'A name is 1 to 64 letters, digits and _, not beginning with a digit',
  )
  // Fields are kept under their names in objects.
  .refine((name) => !(name in Object.prototype), 'This name is taken')

/** How two values of a field meet (Lytics, merge operators). */
export const MERGE_OPERATORS = ['latest', 'oldest', 'min', 'max', 'sum', 'count', 'merge'] as const
export type MergeOperator = (typeof MERGE_OPERATORS)[number]

/** What is done to an identifier before it is compared. */
export const NORMALIZERS = ['trim', 'lowercase', 'email', 'phone'] as const

export const IdentifierRule = z
  .strictObject({
    rank: z
      .int()
      .min(1)
      .max(1_000)
      .describe('1 is the strongest. On a conflict the stronger identifier wins.'),
    perProfileMax: z
      .int()
      .min(1)
      .max(50)
      .default(1)
      .describe(
        'Values that one profile may have. 1: the value is unique to a person, and never joins two who differ in it.',
      ),
    windowDays: z
      .int()
      .min(1)
      .max(3_650)
      .optional()
      .describe('Only values seen within so many days count towards the maximum. Not given: ever.'),
    rotates: z
      .boolean()
      .default(false)
      .describe(
        'At the maximum the oldest value is retired instead of the new one being refused: cookies, devices, and with a maximum of 1 what people change (an e-mail address), where a stronger identifier vouches for it.',
      ),
    normalize: z.enum(NORMALIZERS).default('trim'),
    pattern: z.string().max(500).optional().describe('Regular expression that a whole value must match.'),
    blocked: z
      .array(z.string().max(IDENTIFIER_BYTES_MAX))
      .max(1_000)
      .default([])
      .describe(
        'Values that never identify anybody, beside those that never do: null, anonymous, 0000, [REDACTED], …',
      ),
    sharedAfter: z
      .int()
      .min(2)
      .max(1_000)
      .default(10)
      .describe(
        'A value that met so many different stronger identifiers within 30 days is shared, and joins nobody any more.',
      ),
  })
  .describe('The field finds and joins profiles.')
export type IdentifierRule = z.infer<typeof IdentifierRule>

export const Field = z.strictObject({
  name: Name,
  type: z.enum(FIELD_TYPES).default('string'),
  merge: z
    .enum(MERGE_OPERATORS)
    .optional()
    .describe('Not given: latest for single values, merge for sets and maps.'),
  capacity: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Values or keys kept at most; the oldest go first.'),
  keepDays: z.int().min(1).max(3_650).optional().describe('Older values are dropped.'),
  identifier: IdentifierRule.optional(),
  personal: z
    .boolean()
    .default(false)
    .describe('Personal data: shown masked where no permission says otherwise.'),
  description: z.string().max(500).default(''),
})
export type Field = z.infer<typeof Field>

/** Kinds of sources whose records a stream can read. */
export const RECORD_SOURCES = [
  'braze-currents',
  'treasure-data',
  'segment',
  'lytics',
  'files',
] as const satisfies readonly SourceKind[]

export const Mapping = z.strictObject({
  field: Name,
  expression: z
    .string()
    .min(1)
    .max(2_000)
    .describe('What the field is made of, for example email(email) or todate(date_of_birth).'),
  guard: z.string().min(1).max(2_000).optional().describe('Only where this is true.'),
})
export type Mapping = z.infer<typeof Mapping>

export const Stream = z.strictObject({
  name: z.string().min(1).max(128),
  from: z
    .discriminatedUnion('kind', [
      z
        .strictObject({ kind: z.literal('stream') })
        .describe('Rows that were sent to this stream by name, through any Lytics door.'),
      z
        .strictObject({ kind: z.literal('source'), source: z.string().min(1).max(128) })
        .describe('Every record of a source: Currents events, Segment calls, rows of files.'),
      z
        .strictObject({ kind: z.literal('kinds'), kinds: z.array(z.enum(RECORD_SOURCES)).min(1).max(10) })
        .describe('Every record of every source of these kinds that no other stream reads.'),
    ])
    .default({ kind: 'stream' }),
  time: z
    .string()
    .max(500)
    .optional()
    .describe('Expression that gives the moment of a record; else what its sender named, else its arrival.'),
  where: z
    .string()
    .min(1)
    .max(2_000)
    .optional()
    .describe('Only records of which this is true; the others are counted as filtered.'),
  otherNames: z
    .record(z.string().min(1).max(256), z.array(z.string().min(1).max(256)).min(1).max(20))
    .default({})
    .describe(
      'Names under which a member of the records comes as well, by the name that the mappings use: another export of the same sender, a renamed column. `a.b` is b in the object a, too.',
    ),
  active: z.boolean().default(true).describe('False: it reads nothing.'),
  joins: z
    .boolean()
    .default(true)
    .describe('False: its records find profiles and never join two; for what anybody could have sent.'),
  mappings: z.array(Mapping).min(1).max(FIELDS_MAX),
})
export type Stream = z.infer<typeof Stream>

export const ProfileSchema = z.strictObject({
  fields: z.array(Field).min(1).max(FIELDS_MAX),
  streams: z.array(Stream).max(STREAMS_MAX),
  limits: z
    .strictObject({
      identifiersMax: z.int().min(2).max(1_000).default(50).describe('Identifiers of one profile.'),
      neighboursMax: z
        .int()
        .min(2)
        .max(1_000)
        .default(50)
        .describe('Others that one identifier was seen beside.'),
      bytesMax: z.int().min(10_000).max(1_000_000).default(1_000_000).describe('Of one profile.'),
    })
    .prefault({}),
  droppedIdentifier: z
    .enum(['stays', 'follows'])
    .default('stays')
    .describe(
      'What becomes of a weaker identifier that a record brings in conflict: it stays where it was, or follows the record.',
    ),
})
export type ProfileSchema = z.infer<typeof ProfileSchema>
