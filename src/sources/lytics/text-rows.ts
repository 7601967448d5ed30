/** The rows of a text file: CSV or lines of JSON, told by what it begins with, in whatever encoding. */

import type { Kernel } from '../../core/kernel/kernel.ts'
import { type CsvForm, CsvRows } from './csv.ts'
import { isHead, Utf8Text } from './encoding.ts'
import { JsonLines } from './json-lines.ts'
import type { Row, RowReader } from './rows.ts'

export type RowFormat = 'csv' | 'json-lines'

export interface TextRowsParts {
  readonly kernel: Kernel
  /** Undefined: lines of JSON where the text begins with `{`. */
  readonly format: RowFormat | undefined
  readonly csv: CsvForm
}

export class TextRows implements RowReader {
  readonly #parts: TextRowsParts
  readonly #text = new Utf8Text()
  #head: Buffer | undefined = Buffer.alloc(0)
  #reader: RowReader | undefined

  constructor(parts: TextRowsParts) {
    this.#parts = parts
  }

  /** Throws INPUT_INVALID when the columns cannot be told apart, or the encoding breaks. */
  push(bytes: Buffer): Row[] {
    if (this.#head === undefined) return this.#read(this.#text.push(bytes))
    this.#head = Buffer.concat([this.#head, bytes])
    return isHead(this.#head) ? this.#begin(this.#head) : []
  }

  end(): Row[] {
    const rows = this.#head === undefined ? [] : this.#begin(this.#head)
    rows.push(...this.#read(this.#text.end()))
    if (this.#reader !== undefined) rows.push(...this.#reader.end())
    return rows
  }

  #begin(head: Buffer): Row[] {
    this.#head = undefined
    return this.#read(this.#text.push(head))
  }

  #read(bytes: Buffer): Row[] {
    if (bytes.length === 0) return []
    this.#reader ??= this.#readerOf(bytes)
    return this.#reader.push(bytes)
  }

  #readerOf(first: Buffer): RowReader {
    const { kernel, format, csv } = this.#parts
    const isJson =
      format === undefined ? /^\s*\{/.test(first.toString('latin1', 0, 64)) : format === 'json-lines'
    return isJson ? new JsonLines(kernel) : new CsvRows(csv)
  }
}
