/**
 * Reads files that hold rows of people: CSV and lines of JSON, one JSON document, and zips of any of these, as Braze's
 * segment exports are. Each row becomes the record that the Lytics addresses would have made of it. A position counts rows:
 * whoever goes on reads the file from its beginning and passes over those.
 */

import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FAULTS,
  ITEM_START,
  ITEM_WORDS,
  type Kernel,
} from '../../core/kernel/kernel.ts'
import { RecordMaker } from '../lytics/record.ts'
import type { Row, RowReader } from '../lytics/rows.ts'
import { TextRows } from '../lytics/text-rows.ts'
import type { Chunks, Position } from './chunks.ts'
import { damaged } from './damage.ts'
import type { RowsSettings } from './row-settings.ts'
import type { RowSnapshot } from './row-snapshot.ts'

/** A document of JSON is read whole. */
export const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024

export interface RowReaderParts {
  readonly rows: RowsSettings
  readonly format: 'auto' | 'csv' | 'ndjson' | 'json'
  /** Of the file. */
  readonly version: string
  readonly from: Position
  readonly chunks: Chunks
  /** Where only changed rows are wanted. */
  readonly snapshot: RowSnapshot | undefined
}

export class RowFileReader {
  readonly #parts: RowReaderParts
  /** Of all rows so far. */
  #count = 0
  /** Of the bytes under way. */
  #at = 0

  constructor(parts: RowReaderParts) {
    this.#parts = parts
    parts.snapshot?.begin()
  }

  /**
   * Reads a file, or an entry of an archive. `at` tells where in the file a piece ends. Throws FILES_DAMAGED, INPUT_INVALID
   * when the columns cannot be told apart.
   */
  async read(name: string, pieces: AsyncIterable<Buffer>, at: () => number): Promise<void> {
    const { stream, timestampField } = this.#parts.rows
    const upload = { stream, timestampField, file: name, version: this.#parts.version }
    const maker = new RecordMaker(upload, { rowIdentity: 'file' }, true)
    let reader: RowReader | undefined
    for await (const piece of pieces) {
      this.#at = at()
      reader ??= this.#readerOf(piece)
      for (const row of reader.push(piece)) await this.#take(row, maker, name)
    }
    for (const row of reader?.end() ?? []) await this.#take(row, maker, name)
  }

  /** Nothing comes after. Throws INPUT_INVALID when rows should be told apart by columns that none has. */
  async end(): Promise<void> {
    await this.#flush()
    if (this.#count > 0) this.#parts.snapshot?.checkKeys()
  }

  #readerOf(first: Buffer): RowReader {
    const { rows, format, chunks } = this.#parts
    const { kernel } = chunks
    const isArray = format === 'auto' && /^(\xef\xbb\xbf)?\s*\[/.test(first.toString('latin1', 0, 64))
    if (isArray || format === 'json') return new DocumentRows(kernel)
    const csv = { delimiter: rows.delimiter === 't' ? '\t' : rows.delimiter, headers: undefined, append: {} }
    const known = format === 'auto' ? undefined : format === 'csv' ? 'csv' : 'json-lines'
    return new TextRows({ kernel, format: known, csv })
  }

  async #take(row: Row, maker: RecordMaker, file: string): Promise<void> {
    const { chunks, from, snapshot } = this.#parts
    const index = this.#count++
    const isPassed = index < from.record
    if ('raw' in row) {
      maker.pass(row.raw)
      if (!isPassed) await this.#note(row.line, row.fault, row.raw, index, file)
      return
    }
    const { pieces } = maker.make(row.fields, row.line)
    const isChanged = snapshot === undefined || snapshot.isChanged(row.fields)
    if (isPassed) return
    if (!isChanged) chunks.pass()
    else {
      if (chunks.full) await this.#flush(index)
      chunks.event(this.#at, index, (json) => {
        for (const piece of pieces) json.raw(typeof piece === 'string' ? Buffer.from(piece) : piece)
        return 0
      })
    }
  }

  async #note(line: number, fault: string, bytes: Buffer, index: number, file: string): Promise<void> {
    const { chunks } = this.#parts
    if (chunks.full) await this.#flush(index)
    const message = `line ${line} of ${file}: ${fault}`
    chunks.note({ at: this.#at, record: index, fault: 'unreadable_record', message, bytes })
  }

  async #flush(next = this.#count): Promise<void> {
    const { chunks, snapshot } = this.#parts
    snapshot?.settle()
    await chunks.flush({ at: this.#at, record: next })
  }
}

/** The objects of one document: an array of them, or a single one. */
class DocumentRows implements RowReader {
  readonly #kernel: Kernel
  #pieces: Buffer[] = []
  #bytes = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  push(bytes: Buffer): Row[] {
    this.#bytes += bytes.length
    if (this.#bytes > DOCUMENT_BYTES_MAX)
      throw damaged(
        `a JSON document of rows has at most ${DOCUMENT_BYTES_MAX} bytes: write one object a line`,
      )
    this.#pieces.push(Buffer.from(bytes))
    return []
  }

  end(): Row[] {
    const document = Buffer.concat(this.#pieces)
    this.#pieces = []
    const { shape, count, items, fault, faultAt } = this.#kernel.scan(document, 'rows')
    if (shape === 'broken') throw damaged(`not one row could be made out: ${fault} at byte ${faultAt}`)
    return Array.from({ length: count }, (_, i): Row => {
      const row = items.subarray(i * ITEM_WORDS)
      const bytes = document.subarray(row[ITEM_START], row[ITEM_END])
      const line = i + 1
      const why = ITEM_FAULTS[row[ITEM_FAULT] ?? 0] ?? 'none'
      return why === 'none' ? { line, fields: bytes } : { line, fault: why, raw: bytes }
    })
  }
}
