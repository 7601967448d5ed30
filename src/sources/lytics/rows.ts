/** Rows of an upload as they are read: pushed bytes, taken rows. What is read and not yet a whole row is bounded. */

import type { RowFault } from '../../log/frame.ts'

/** A row longer than this, in bytes or in lines, is broken. Lytics documents 16 KB. */
export const ROW_BYTES_MAX = 1024 * 1024
export const ROW_LINES_MAX = 1_000

export type Row = GoodRow | BrokenRow

export interface GoodRow {
  /** Of the file, from 1: where the row begins. */
  readonly line: number
  /** One JSON object. */
  readonly fields: string | Buffer
}

export interface BrokenRow {
  readonly line: number
  readonly fault: RowFault
  /** The line as it came; of one that is too long the beginning. */
  readonly raw: Buffer
}

export interface RowReader {
  /** The rows that are whole with these bytes. */
  push(bytes: Buffer): Row[]
  /** The rest; nothing comes after. */
  end(): Row[]
}

export const NEWLINE = 0x0a

/** Bytes that a line is cut to when it is too long to be kept. */
const SAMPLE_BYTES = 32 * 1024

/** A line that is too long, while it passes by: only its beginning is kept. */
export class LongLine {
  readonly #line: number
  readonly #sample: Buffer

  constructor(line: number, beginning: Buffer) {
    this.#line = line
    this.#sample = Buffer.from(beginning.subarray(0, SAMPLE_BYTES))
  }

  row(): BrokenRow {
    return { line: this.#line, fault: 'row_oversized', raw: this.#sample }
  }
}
