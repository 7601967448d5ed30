/**
 * A result in the formats of `GET /v3/job/result/{id}?format=` (TD OpenAPI; td-client-python job_api.py):
 *
 *   msgpack, msgpack.gz   one array per row
 *   json                  one JSON array per line
 *   csv, tsv              one line per row; header=true adds the names
 *   jsonl                 one JSON object per line; tools speak of it, the API's description does not
 *
 * nullify_special=true makes NaN and infinities null, in the text formats.
 */

import { createGzip } from 'node:zlib'
import type { Cell, Result } from './brain.ts'
import { type Packable, Packer } from './msgpack.ts'
import type { ResultColumn } from './result-columns.ts'

export const FORMATS = ['msgpack', 'msgpack.gz', 'json', 'jsonl', 'csv', 'tsv'] as const
export type Format = (typeof FORMATS)[number]

export interface RenderOptions {
  readonly header: boolean
  readonly nullifySpecial: boolean
}

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  msgpack: 'application/x-msgpack',
  'msgpack.gz': 'application/x-gzip',
  json: 'application/json',
  jsonl: 'application/x-ndjson',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
}

/** The whole of a rendered result: what the double can serve again, and by ranges. */
export async function render(result: Result, format: Format, options: RenderOptions): Promise<Buffer> {
  if (format === 'msgpack') return gathered(packed(result))
  if (format === 'msgpack.gz') return gzipped(packed(result))
  return gathered(
    lines(result, lineWriter(result.columns, format, options), headLine(result.columns, format, options)),
  )
}

async function* packed(result: Result): AsyncGenerator<Buffer> {
  const packer = new Packer()
  for await (const rows of result.chunks()) {
    for (const row of rows) packer.pack(row.map((cell, i) => packable(cell, result.columns[i])))
    yield packer.take()
  }
}

function packable(cell: Cell, column: ResultColumn | undefined): Packable {
  return column?.kind === 'nested' && typeof cell === 'string' ? JSON.parse(cell, exactly) : cell
}

/** Integers with all their digits. TypeScript's library does not know the third argument yet; Node 24 does. */
const exactly = ((_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === 'number' && /^-?\d{1,18}$/.test(context?.source ?? '')
    ? BigInt(context?.source ?? 0)
    : value) as (key: string, value: unknown) => unknown

async function* lines(
  result: Result,
  line: (row: readonly Cell[]) => string,
  head: string,
): AsyncGenerator<Buffer> {
  yield Buffer.from(head)
  for await (const rows of result.chunks()) yield Buffer.from(rows.map(line).join(''))
}

function headLine(columns: readonly ResultColumn[], format: Format, options: RenderOptions): string {
  if (!options.header || (format !== 'csv' && format !== 'tsv')) return ''
  const separator = format === 'csv' ? ',' : '\t'
  return `${columns.map(({ name }) => field(name, separator)).join(separator)}\n`
}

function lineWriter(columns: readonly ResultColumn[], format: Format, options: RenderOptions) {
  const json = (cell: Cell, i: number) => jsonText(cell, columns[i], options)
  const names = columns.map(({ name }) => JSON.stringify(name))
  if (format === 'json') return (row: readonly Cell[]) => `[${row.map(json).join(',')}]\n`
  if (format === 'jsonl')
    return (row: readonly Cell[]) => `{${row.map((cell, i) => `${names[i]}:${json(cell, i)}`).join(',')}}\n`
  const separator = format === 'csv' ? ',' : '\t'
  return (row: readonly Cell[]) =>
    `${row.map((cell) => (isNothing(cell, options) ? '' : field(String(cell), separator))).join(separator)}\n`
}

function jsonText(cell: Cell, column: ResultColumn | undefined, options: RenderOptions): string {
  if (isNothing(cell, options)) return 'null'
  if (typeof cell === 'string') return column?.kind === 'nested' ? cell : JSON.stringify(cell)
  return String(cell)
}

function isNothing(cell: Cell, options: RenderOptions): boolean {
  return cell === null || (options.nullifySpecial && typeof cell === 'number' && !Number.isFinite(cell))
}

function field(text: string, separator: string): string {
  return text.includes(separator) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

async function gathered(pages: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const page of pages) all.push(page)
  return Buffer.concat(all)
}

function gzipped(pages: AsyncGenerator<Buffer>): Promise<Buffer> {
  const gzip = createGzip({ level: 1 })
  const feeding = feed(pages, gzip)
  return Promise.all([gathered(gzip), feeding]).then(([all]) => all)
}

async function feed(pages: AsyncGenerator<Buffer>, gzip: ReturnType<typeof createGzip>): Promise<void> {
  try {
    for await (const page of pages) {
      if (!gzip.write(page)) await new Promise<void>((resolve) => gzip.once('drain', resolve))
    }
    gzip.end()
  } catch (error) {
    gzip.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}
