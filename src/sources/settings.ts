/**
 * What an operator sets for a source: one schema per kind, for the form, the validator and the reference page
 * at once.
 */

import * as z from 'zod'
import { Location } from '../files/location.ts'
import { FORMATS } from './files/formats.ts'
import { RowsSettings } from './files/row-settings.ts'

/** Lower-case words joined by hyphens: it becomes part of the address that the sender is given. */
export const SourceName = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, 'A source name has 1 to 64 characters of a-z, 0-9 and the hyphen')
  .describe('Name of the source; part of its address')

/**
 * One character at least of the Base64 alphabet plus `-`, `.`, `_` and `~`, then perhaps `=` (RFC 6750
 * section 2.1; Braze repeats the rule for its connector). A Treasure Data key, `<account>/<hex>`, fits it
 * too.
 */
export const TokenText = z
  .string()
  .max(4096)
  .regex(
    /^[A-Za-z0-9+/\-._~]+=*$/,
    'A token has at least one character of A-Z, a-z, 0-9, + / - . _ ~ and may end with =',
  )
  .describe('The secret that the sender shows; only its SHA-256 is kept')

const requestsPerSecondMax = z
  .int()
  .min(1)
  .max(100_000)
  .optional()
  .describe('Requests per second that this source may send; more are answered 429. Unset: no limit')

export const BrazeCurrentsSettings = z.strictObject({ requestsPerSecondMax })
export type BrazeCurrentsSettings = z.infer<typeof BrazeCurrentsSettings>

/**
 * Treasure Data: lower-case letters, digits and underscore; 3 to 128 characters in its current pages, up to
 * 255 in older clients.
 */
const tdName = z
  .string()
  .regex(/^[a-z0-9_]{3,255}$/, 'A Treasure Data name has 3 to 255 characters of a-z, 0-9 and _')

/**
 * First parts of addresses that belong to other doors or to the API: a database of this name could not be
 * reached.
 */
const RESERVED = ['api', 'collect', 'currents', 'metrics', 'postback', 'task']

export const TreasureDataSettings = z.strictObject({
  database: tdName
    .refine((name) => !RESERVED.includes(name), {
      error: 'This database name is an address of the hub itself',
    })
    .describe('Database in the addresses /postback/v3/event/<database>/<table> and /<database>/<table>'),
  table: tdName.describe('Table in those addresses'),
  taskId: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/, 'A task id has 1 to 128 characters of A-Z, a-z, 0-9, _ and -')
    .optional()
    .describe(
      'Task id in the addresses /v1/task/<id> and /task/v1/<id> (Braze Currents Streaming). Unset: one is made',
    ),
  layout: z
    .enum(['nested', 'flat'])
    .default('flat')
    .describe(
      'How events lie in a warehouse table: nested keeps `user` and `properties` as JSON; flat makes a column per member, as Treasure Data does. The log keeps the bytes that came, whatever is chosen',
    ),
  multipleTables: z
    .boolean()
    .default(false)
    .describe(
      'One warehouse table per event type beside `table`, which then takes what has no type: users.messages.email.Open goes to users_messages_email_open',
    ),
  tables: z
    .record(z.string().min(1).max(256), tdName)
    .default({})
    .describe(
      'Table of an event type where the derived name will not do: the names of Treasure Data itself follow no one rule',
    ),
  keyMode: z
    .enum(['strict', 'lenient'])
    .default('strict')
    .describe(
      'What the Postback address answers to a wrong key: strict refuses it; lenient answers 200 and drops the events, as Treasure Data does',
    ),
  requestsPerSecondMax,
})
/** As kept: the task id is always there. */
export type TreasureDataSettings = z.infer<typeof TreasureDataSettings> & { readonly taskId: string }

/**
 * What Segment documents, and what it costs the sender, disagree about two limits: there the operator chooses.
 */
export const SegmentSettings = z.strictObject({
  overLimit: z
    .enum(['keep-the-rest', 'as-segment'])
    .default('keep-the-rest')
    .describe(
      'What becomes of a batch with a message beyond 32 KB, or with more than 2,500 messages. keep-the-rest: the large message alone is rejected, and a long batch is taken. as-segment: a large message refuses its whole batch (400), which senders then drop; a long batch is answered 200 and rejected',
    ),
  requestsPerSecondMax,
})
export type SegmentSettings = z.infer<typeof SegmentSettings>

export const LyticsSettings = z.strictObject({
  account: z
    .string()
    .regex(/^[A-Za-z0-9]{1,64}$/, 'An account has 1 to 64 letters and digits')
    .describe('Account number in the address /c/<account>/<stream>'),
  rowIdentity: z
    .enum(['file', 'row', 'none'])
    .default('file')
    .describe(
      'What makes two rows one. file: a row of a bulk upload that has the same rows before it, from the first on, in the same stream under the same file name; so an upload that is repeated, or goes on where one broke off, adds nothing twice. row: its own content, through every address; a value that changes and changes back is then lost. none: every row is new',
    ),
  bulkBytesMax: z
    .int()
    .min(1_000_000)
    .max(1_000_000_000_000)
    .default(1_000_000_000)
    .describe('Bytes of one bulk upload, decompressed. Lytics takes 1 GB'),
  requestsPerSecondMax,
})
export type LyticsSettings = z.infer<typeof LyticsSettings>

const FilesShape = z.strictObject({
  location: Location.describe('Where the files lie.'),
  authorization: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Id of an authorization of the provider s3. Unset: a bucket is read as anybody may read it'),
  format: z
    .enum(FORMATS)
    .default('auto')
    .describe('What the files hold; auto tells by their content. gzip and zstd are always recognized'),
  pollSeconds: z
    .int()
    .min(5)
    .max(86_400)
    .optional()
    .describe('Seconds between two looks for new files. Unset: the files are read once'),
  copiesOf: SourceName.optional().describe(
    'Source whose events these files hold copies of: what it sent before is a duplicate, and what is new counts as sent by it',
  ),
  rows: RowsSettings.optional().describe(
    'The files hold rows of people instead of events: CSV, lines of JSON, zips of these, as Braze exports them',
  ),
})
export const FilesSettings = FilesShape.refine(
  ({ rows, copiesOf }) => rows === undefined || copiesOf === undefined,
  { error: 'Rows of people are no copies of what a source sends: leave one of rows and copiesOf out' },
)
  .refine(({ rows, format }) => rows !== undefined || format !== 'csv', {
    error: 'A CSV holds rows of people: rows says of which stream',
  })
  .refine(({ rows, format }) => rows === undefined || format !== 'avro', {
    error: 'Rows are read from CSV and JSON, not from Avro',
  })
/** As kept: `outsideRoots` says that an admin named a folder that THALWEG_FILES_ROOTS does not hold. */
export type FilesSettings = z.infer<typeof FilesSettings> & { readonly outsideRoots?: boolean }

/** Made and removed with its activation; it has no door. */
export const AudienceSettings = z.strictObject({})
export type AudienceSettings = z.infer<typeof AudienceSettings>

/** Every kind of source, with its title and settings, for pickers and the reference page. */
export const SOURCE_KINDS = {
  'braze-currents': { title: 'Braze Currents (Custom HTTP connector)', settings: BrazeCurrentsSettings },
  'treasure-data': {
    title: 'Treasure Data addresses (Postback, records, Currents Streaming)',
    settings: TreasureDataSettings,
  },
  segment: { title: 'Segment HTTP Tracking API', settings: SegmentSettings },
  lytics: { title: 'Lytics addresses (collect, bulk, webhook)', settings: LyticsSettings },
  files: { title: 'Files (a folder, or a bucket of S3 or a compatible store)', settings: FilesSettings },
  audience: { title: 'Membership changes of an activation', settings: AudienceSettings },
} as const

export type SourceKind = keyof typeof SOURCE_KINDS

export const SourceKind = z.enum([
  'braze-currents',
  'treasure-data',
  'segment',
  'lytics',
  'files',
  'audience',
])
