/** One query in ClickHouse: an answer over HTTP, read line by line; the socket is not read while nobody wants rows. */

import type { Dispatcher } from 'undici'
import { PAGE_CHARS, type Page, type Reading } from '../stream.ts'
import type { Cell, Column } from '../warehouse.ts'
import { isDecimal, isLongInteger, parserOf } from './cells.ts'
import { CompactReader } from './compact.ts'
import { ClickhouseRefusal } from './failures.ts'

/** One row, as text. */
const LINE_CHARS_MAX = 64_000_000
const REFUSAL_BYTES_MAX = 65_536

/** What the server is like, asked once. */
export interface Manners {
  readonly zone: string
  readonly writesIsoTimes: boolean
  readonly quotesLongs: boolean
  readonly quotesDecimals: boolean
}

export interface ClickhouseReadingParts {
  /** The answer, once its head is there. */
  readonly answer: Promise<Dispatcher.ResponseData>
  readonly manners: Manners
  /** Drops the connection, and ends the query on the server. Never rejects. */
  readonly cancel: () => Promise<void>
}

export class ClickhouseReading implements Reading {
  readonly #parts: ClickhouseReadingParts
  readonly #reader = new CompactReader()
  #batches: AsyncIterator<readonly string[]> | undefined
  /** Lines that came and were not taken yet, from `#taken` on. */
  #lines: readonly string[] = []
  #taken = 0
  #parsers: readonly ((value: unknown) => Cell)[] = []
  /** Columns whose numbers must not be rounded. */
  #exact: readonly boolean[] = []
  #settled = false

  constructor(parts: ClickhouseReadingParts) {
    this.#parts = parts
    // `next` hears of it; here only so that an end before the first `next` leaves nothing unheard.
    parts.answer.catch(() => undefined)
  }

  columns(): readonly Column[] {
    return (this.#reader.meta ?? []).map(({ name, type }) => ({ name, type }))
  }

  async next(rowsMax: number): Promise<Page | undefined> {
    this.#batches ??= linesOf(await this.#body())
    const rows: string[] = []
    for (let chars = 0; rows.length < rowsMax && chars < PAGE_CHARS; ) {
      const line = this.#lines[this.#taken++] ?? (await this.#nextLine())
      if (line === undefined) return this.#ended(rows)
      const row = this.#reader.take(line)
      if (row === undefined) continue
      chars += row.length
      rows.push(row)
    }
    return this.#page(rows)
  }

  /** Of the next batch that holds one. */
  async #nextLine(): Promise<string | undefined> {
    for (;;) {
      const { done, value } = (await this.#batches?.next()) ?? { done: true }
      if (done) return undefined
      this.#lines = value
      this.#taken = 1
      if (value[0] !== undefined) return value[0]
    }
  }

  /** Only a count behind the rows proves that they are all. */
  #ended(rows: readonly string[]): Page | undefined {
    this.#settled = true
    if (!this.#reader.isComplete)
      throw new ClickhouseRefusal(200, this.#reader.complaint || 'The answer of ClickHouse broke off')
    return rows.length === 0 ? undefined : this.#page(rows)
  }

  #page(rows: readonly string[]): Page {
    if (this.#parsers.length === 0) this.#describe()
    const json = `[${rows.join(',')}]`
    const values = parsed(json, undefined)
    const texts = this.#exact.includes(true) ? parsed(json, numberText) : values
    return values.map((row, r) =>
      row.map((value, i) => this.#parsers[i]?.(this.#exact[i] ? texts[r]?.[i] : value) ?? null),
    )
  }

  #describe(): void {
    const { zone, writesIsoTimes, quotesLongs, quotesDecimals } = this.#parts.manners
    const types = this.columns().map((column) => column.type)
    this.#parsers = types.map((type) => parserOf(type, zone, writesIsoTimes))
    this.#exact = types.map(
      (type) => (isDecimal(type) && !quotesDecimals) || (isLongInteger(type) && !quotesLongs),
    )
  }

  async #body(): Promise<Dispatcher.ResponseData['body']> {
    const { statusCode, body } = await this.#parts.answer
    if (statusCode === 200) return body
    let text = ''
    for await (const piece of body) {
      text += String(piece)
      if (text.length > REFUSAL_BYTES_MAX) break
    }
    this.#settled = true
    throw new ClickhouseRefusal(statusCode, text.trim())
  }

  async end(): Promise<void> {
    if (!this.#settled) await this.#parts.cancel()
  }
}

/** What each piece of the answer completes. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of body) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_CHARS_MAX)
      throw new ClickhouseRefusal(200, `A row is longer than ${LINE_CHARS_MAX} characters`)
    yield lines
  }
  yield [rest + decoder.decode()]
}

type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown

function parsed(json: string, reviver: Reviver | undefined): readonly (readonly unknown[])[] {
  try {
    return JSON.parse(json, reviver) as unknown[][]
  } catch (error) {
    throw new ClickhouseRefusal(
      200,
      `ClickHouse answered rows that are not JSON: ${(error as Error).message}`,
    )
  }
}

/** Numbers as their text, so that none is rounded. */
const numberText: Reviver = (_key, value, context) =>
  typeof value === 'number' ? (context?.source ?? value) : value
