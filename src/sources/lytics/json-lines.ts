/** Newline-delimited JSON: one object per line; empty lines are passed over. */

import { ITEM_END, ITEM_FAULT, ITEM_START, type Kernel } from '../../core/kernel/kernel.ts'
import { LongLine, NEWLINE, ROW_BYTES_MAX, type Row, type RowReader } from './rows.ts'

const NOTHING = Buffer.alloc(0)
const SPACE = 0x20

export class JsonLines implements RowReader {
  readonly #kernel: Kernel
  /** The beginning of a line whose end has not come. */
  #rest: Buffer = NOTHING
  #line = 1
  #long: LongLine | undefined

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  push(bytes: Buffer): Row[] {
    const rows: Row[] = []
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    for (let newline = all.indexOf(NEWLINE); newline >= 0; newline = all.indexOf(NEWLINE, at)) {
      this.#take(rows, all.subarray(at, newline))
      at = newline + 1
      this.#line++
    }
    this.#rest = all.subarray(at)
    if (this.#rest.length > ROW_BYTES_MAX) {
      this.#long ??= new LongLine(this.#line, this.#rest)
      this.#rest = NOTHING
    }
    return rows
  }

  end(): Row[] {
    const rows: Row[] = []
    this.#take(rows, this.#rest)
    this.#rest = NOTHING
    return rows
  }

  #take(rows: Row[], line: Buffer): void {
    if (this.#long !== undefined) {
      rows.push(this.#long.row())
      this.#long = undefined
      return
    }
    const row = this.#rowOf(line)
    if (row !== undefined) rows.push(row)
  }

  #rowOf(bytes: Buffer): Row | undefined {
    const line = this.#line
    if (bytes.every((byte) => byte <= SPACE)) return undefined
    if (bytes.length > ROW_BYTES_MAX) return new LongLine(line, bytes).row()
    const { shape, count, items } = this.#kernel.scan(bytes, 'rows')
    if (shape === 'empty') return { line, fields: '{}' }
    if (shape !== 'bare' || count !== 1 || items[ITEM_FAULT] !== 0)
      return { line, fault: 'row_broken', raw: bytes }
    return { line, fields: bytes.subarray(items[ITEM_START], items[ITEM_END]) }
  }
}
