/**
 * Results of queries as answers: written page by page, no faster than the caller reads. What went wrong before the first
 * row is an ordinary refusal. Afterwards the status is out, so the end says it, in a way that no whole result ends in:
 *
 * | format | whole                | cut by a limit                     | failed                                     |
 * |--------|----------------------|------------------------------------|--------------------------------------------|
 * | json   | `"complete":true`    | `"complete":false,"cut":"rows"`    | `"complete":false,"error":{…}`             |
 * | ndjson | rows only            | a last line `{"$cut":"rows"}`      | a last line `{"$error":{…}}`, then broken off |
 * | csv    | rows only            | a last line `# cut: rows`          | a last line `# failed: CODE …`, then broken off |
 *
 * Broken off: the transfer ends without its last chunk, which every HTTP client reports as an error.
 */

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Cut, RunningQuery } from '../warehouse/queries.ts'
import type { Cell, Column } from '../warehouse/warehouse.ts'
import { type Failure, failureOf } from './failures.ts'

export const RESULT_FORMATS = ['json', 'ndjson', 'csv'] as const
export type ResultFormat = (typeof RESULT_FORMATS)[number]

/** How one format writes a result; made anew for each, as it may remember where it is. */
interface Writer<Row = readonly Cell[]> {
  readonly contentType: string
  head(): string
  page(rows: readonly Row[]): string
  end(cut: Cut | undefined): string
  failed(failure: Failure): string
  /** Whether a failure is told within the format, so that the transfer may end in order. */
  readonly tellsFailure: boolean
}

/** What is written: rows of a query, or of a list that is no query. */
export type Streamed = Pick<RunningQuery, 'columns' | 'pages' | 'cut' | 'elapsedMs'> &
  Partial<Pick<RunningQuery, 'id'>>

/** Takes over the answer. The query is ended when the caller leaves: `signal` of the query must come from `leaving`. */
export async function answerResult(
  response: ServerResponse,
  query: Streamed,
  format: ResultFormat,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  await write(response, query.pages, () => query.cut(), WRITERS[format](query), {
    ...(query.id === undefined ? {} : { 'x-thalweg-query': query.id }),
    ...headers,
  })
}

/** Takes over the answer with a list as lines of JSON, a file of this name; it ends as an ndjson result does. */
export function answerLines(
  response: ServerResponse,
  pages: AsyncIterable<readonly object[]>,
  fileName: string,
): Promise<void> {
  const writer: Writer<object> = {
    ...ndjsonWriter({ columns: [] }),
    page: (page) => page.map((one) => `${JSON.stringify(one)}\n`).join(''),
  }
  return write(response, pages, () => undefined, writer, {
    'content-disposition': `attachment; filename="${fileName}"`,
  })
}

async function write<Row>(
  response: ServerResponse,
  pages: AsyncIterable<readonly Row[]>,
  cut: () => Cut | undefined,
  writer: Writer<Row>,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  response.writeHead(200, {
    'content-type': writer.contentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  try {
    await send(response, writer.head())
    for await (const page of pages) await send(response, writer.page(page))
    response.end(writer.end(cut()))
  } catch (error) {
    if (response.destroyed) return
    const last = writer.failed(failureOf(error))
    if (writer.tellsFailure) response.end(last)
    else response.write(last, () => response.destroy())
  }
}

/** Takes over the answer with a file that an engine writes; a failure breaks it off. */
export async function answerFile(
  response: ServerResponse,
  file: Readable,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  response.writeHead(200, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers })
  // Whoever asked sees a transfer without its end; the record of the query says why.
  await pipeline(file, response).catch(() => undefined)
}

/** Aborts when the caller has gone, and when the answer is complete. */
export function leaving(response: ServerResponse): AbortSignal {
  const left = new AbortController()
  response.once('close', () => left.abort())
  if (response.destroyed) left.abort()
  return left.signal
}

async function send(response: ServerResponse, text: string): Promise<void> {
  if (response.destroyed || response.write(text)) return
  const settled = new AbortController()
  try {
    await Promise.race([
      once(response, 'drain', { signal: settled.signal }),
      once(response, 'close', { signal: settled.signal }),
    ])
  } finally {
    settled.abort()
  }
}

const WRITERS: Readonly<Record<ResultFormat, (query: Streamed) => Writer>> = {
  json: jsonWriter,
  ndjson: ndjsonWriter,
  csv: csvWriter,
}

function jsonWriter(query: Streamed): Writer {
  let rows = 0
  const tail = (facts: object): string => `],${JSON.stringify({ rowCount: rows, ...facts }).slice(1)}\n`
  return {
    contentType: 'application/json; charset=utf-8',
    tellsFailure: true,
    head: () =>
      `{"query":${JSON.stringify(query.id ?? '')},"columns":${JSON.stringify(query.columns)},"rows":[`,
    page(page) {
      const text = page.map((row) => JSON.stringify(row)).join(',\n')
      const joint = rows === 0 ? '\n' : ',\n'
      rows += page.length
      return joint + text
    },
    end: (cut) =>
      tail({
        complete: cut === undefined,
        cut: cut ?? null,
        elapsedMs: query.elapsedMs(),
        error: null,
      }),
    failed: (error) => tail({ complete: false, cut: null, elapsedMs: query.elapsedMs(), error }),
  }
}

function ndjsonWriter({ columns }: Pick<Streamed, 'columns'>): Writer {
  const names = distinct(columns)
  return {
    contentType: 'application/x-ndjson; charset=utf-8',
    tellsFailure: false,
    head: () => '',
    page: (page) =>
      page
        .map(
          (row) => `${JSON.stringify(Object.fromEntries(names.map((name, i) => [name, row[i] ?? null])))}\n`,
        )
        .join(''),
    end: (cut) => (cut === undefined ? '' : `${JSON.stringify({ $cut: cut })}\n`),
    failed: (error) => `${JSON.stringify({ $error: error })}\n`,
  }
}

function csvWriter({ columns }: Streamed): Writer {
  const line = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\n`
  return {
    contentType: 'text/csv; charset=utf-8; header=present',
    tellsFailure: false,
    head: () => line(columns.map(({ name }) => name)),
    page: (page) => page.map(line).join(''),
    end: (cut) => (cut === undefined ? '' : `# cut: ${cut}\n`),
    failed: ({ code, message }) => `# failed: ${code} ${message.replaceAll(/\s+/g, ' ')}\n`,
  }
}

/** Null is nothing between the commas, an empty text a pair of quotes. A `#` at the beginning is quoted: it is ours. */
function csvCell(cell: Cell): string {
  if (cell === null) return ''
  const text = String(cell)
  return text === '' || /[",\r\n]|^[\s#]|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Names by which a row's cells can be told apart: a, a_2, a_3. */
function distinct(columns: readonly Column[]): string[] {
  const taken = new Set<string>()
  return columns.map(({ name }) => {
    let free = name
    for (let i = 2; taken.has(free); i++) free = `${name}_${i}`
    taken.add(free)
    return free
  })
}
