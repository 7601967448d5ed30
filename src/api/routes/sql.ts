/** Running queries: ask, export, see what runs, end it. */

import * as z from 'zod'
import { ERROR_CODES, ThalwegError } from '../../core/errors.ts'
import { EngineName } from '../../warehouse/engines.ts'
import { SQL_CHARS_MAX } from '../../warehouse/guard/tokens.ts'
import { type QueryOrder, type QueryRecord, TIMEOUT_MS_DEFAULT } from '../../warehouse/queries.ts'
import type { SavedQueries } from '../../warehouse/saved-queries.ts'
import { SavedQueryName } from '../../warehouse/saved-queries.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { answerFile, answerResult, leaving, RESULT_FORMATS } from '../results.ts'
import { Count, ErrorAnswer, Time } from '../schemas.ts'

/** The engine that is meant when none is named. */
const ENGINE_DEFAULT = 'warehouse'
/** Of an answer in one JSON value, which its reader will hold whole. */
const JSON_ROWS_DEFAULT = 10_000
const ROWS_MAX = 1_000_000_000_000
const DAY_MS = 86_400_000

const Question = {
  sql: z
    .string()
    .min(1)
    .max(SQL_CHARS_MAX)
    .optional()
    .describe('One statement that reads. Either this or `saved`.'),
  saved: SavedQueryName.optional().describe('Name of a saved query, instead of `sql`.'),
  engine: EngineName.optional().describe(
    `Name of the engine. Default: the saved query's own, else ${ENGINE_DEFAULT}.`,
  ),
  rowsMax: z
    .int()
    .min(1)
    .max(ROWS_MAX)
    .optional()
    .describe('Rows after which the result is cut, and says so.'),
  bytesMax: z
    .int()
    .min(1)
    .optional()
    .describe(
      'Size of the result, as text, after which it is cut, and says so. The hub has a limit of its own.',
    ),
  timeoutMs: z
    .int()
    .min(1)
    .max(DAY_MS)
    .default(TIMEOUT_MS_DEFAULT)
    .describe('Time after which the query is ended. The hub has a limit of its own.'),
}

const PositionView = z.object({ line: z.int(), column: z.int() }).describe('In the text, from 1.')

const QueryView = z
  .object({
    id: z.string(),
    engine: z.string(),
    who: z.string().describe('Label of the token that asked.'),
    sql: z.string().describe('Its beginning.'),
    saved: z.string().nullable(),
    state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
    rows: Count.describe('Given out so far.'),
    bytes: Count.describe('Of these rows as text, about.'),
    cut: z.enum(['rows', 'bytes']).nullable().describe('The limit that cut the result.'),
    startedAt: Time,
    elapsedMs: z.int(),
    error: z
      .object({
        code: z.enum(Object.keys(ERROR_CODES) as [keyof typeof ERROR_CODES]),
        message: z.string(),
        position: PositionView.nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'Query' })

export type QueryAnswer = z.output<typeof QueryView>

const ResultView = z
  .object({
    query: z.string().describe('Id of the query.'),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
    rows: z.array(z.array(z.union([z.null(), z.boolean(), z.number(), z.string()]))),
    rowCount: Count,
    complete: z.boolean().describe('Whether these are all rows.'),
    cut: z.enum(['rows', 'bytes']).nullable(),
    elapsedMs: z.int(),
    error: z.object({ code: z.string(), message: z.string(), details: z.unknown() }).nullable(),
  })
  .meta({ id: 'QueryResult' })

export type ResultAnswer = z.output<typeof ResultView>

const STREAM = z.string()
const TAGS = ['Queries']

export function sqlRoutes(app: Api, { queries, savedQueries, queryRole }: ApiParts): void {
  app.post(
    '/sql',
    {
      config: { role: queryRole, audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'runQuery',
        summary: 'Run one statement that reads; the answer streams',
        description: `Leaving ends the query. Failures before the first row are refusals. A json answer that is not whole says "complete": false; it has ${JSON_ROWS_DEFAULT} rows at most unless rowsMax says otherwise. An ndjson or csv answer that is not whole ends in a line {"$cut": …} or {"$error": …}, or "# cut: …" or "# failed: …"; after a failure the transfer is also broken off. The header x-thalweg-query names the query.`,
        body: z.strictObject({ ...Question, format: z.enum(RESULT_FORMATS).default('json') }),
        response: {
          200: {
            description: 'The result',
            content: {
              'application/json': { schema: ResultView },
              'application/x-ndjson': { schema: STREAM },
              'text/csv': { schema: STREAM },
            },
          },
          default: ErrorAnswer,
        },
      },
    },
    async (request, reply) => {
      const { format, rowsMax = format === 'json' ? JSON_ROWS_DEFAULT : undefined } = request.body
      const order = await orderFrom({ ...request.body, rowsMax }, request.caller?.name, savedQueries)
      const query = await queries.start(order, leaving(reply.raw))
      reply.hijack()
      await answerResult(reply.raw, query, format)
    },
  )

  app.post(
    '/sql/export',
    {
      config: { role: queryRole, audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'exportQuery',
        summary:
          'The result of a statement as a file: Parquet where the engine writes it, CSV or NDJSON everywhere',
        description: 'As `runQuery`, with all rows unless told otherwise.',
        body: z.strictObject({ ...Question, format: z.enum(['parquet', 'csv', 'ndjson']) }),
        response: {
          200: {
            description: 'The file',
            content: {
              'application/vnd.apache.parquet': { schema: STREAM },
              'application/x-ndjson': { schema: STREAM },
              'text/csv': { schema: STREAM },
            },
          },
          default: ErrorAnswer,
        },
      },
    },
    async (request, reply) => {
      const { format } = request.body
      const order = await orderFrom(request.body, request.caller?.name, savedQueries)
      const headers = { 'content-disposition': `attachment; filename="${order.saved ?? 'query'}.${format}"` }
      if (format !== 'parquet') {
        const query = await queries.start(order, leaving(reply.raw))
        reply.hijack()
        return answerResult(reply.raw, query, format, headers)
      }
      const { bytes } = await queries.exportFile(order, format, leaving(reply.raw))
      reply.hijack()
      await answerFile(reply.raw, bytes, { ...headers, 'content-type': 'application/vnd.apache.parquet' })
    },
  )

  app.get(
    '/sql/running',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'listRunningQueries',
        summary: 'Queries that run, and those of late, on this node',
        response: { 200: z.object({ queries: z.array(QueryView) }), default: ErrorAnswer },
      },
    },
    () => ({ queries: queries.list().map(viewOf) }),
  )

  app.delete(
    '/sql/running/:query',
    {
      config: { role: queryRole, audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'cancelQuery',
        summary: 'End a query, also on the server that runs it',
        params: z.object({ query: z.string().min(1).max(64) }),
        response: { 200: QueryView, default: ErrorAnswer },
      },
    },
    (request) => viewOf(queries.cancel(request.params.query)),
  )
}

interface Asked {
  readonly sql?: string | undefined
  readonly saved?: string | undefined
  readonly engine?: string | undefined
  readonly rowsMax?: number | undefined
  readonly bytesMax?: number | undefined
  readonly timeoutMs: number
}

/** Throws INPUT_INVALID, SAVED_QUERY_UNKNOWN. */
async function orderFrom(
  asked: Asked,
  who: string | undefined,
  savedQueries: SavedQueries,
): Promise<QueryOrder> {
  const { saved, rowsMax, bytesMax, timeoutMs } = asked
  if ((asked.sql === undefined) === (saved === undefined))
    throw new ThalwegError('INPUT_INVALID', 'Give either sql or the name of a saved query')
  const kept = saved === undefined ? undefined : await savedQueries.get(saved)
  return {
    engine: asked.engine ?? kept?.engine ?? ENGINE_DEFAULT,
    sql: kept?.sql ?? asked.sql ?? '',
    who: who ?? '',
    timeoutMs,
    ...(saved === undefined ? {} : { saved }),
    ...(rowsMax === undefined ? {} : { rowsMax }),
    ...(bytesMax === undefined ? {} : { bytesMax }),
  }
}

function viewOf(record: QueryRecord) {
  return { ...record }
}
