/**
 * The memory in which rows are laid out, as JavaScript sees it (assembly/, built by `npm run build:kernel`). One module reads events into rows;
 * its memory is what the engine's vectors are copied from. The fixed addresses repeat assembly/layout.ts.
 */

import { instantiated } from '../../core/wasm-module.ts'

/** The exports of assembly/rows.ts. Addresses and lengths are in bytes. */
export interface RowExports {
  readonly memory: WebAssembly.Memory
  setColumns(properties: number, offset: number, received: number, source: number): void
  makeChunk(rows: number, heapBytes: number): number
  clearChunk(chunk: number): void
  vectorOf(chunk: number, column: number): number
  keepKey(at: number, length: number): number
  read(chunk: number, first: number, from: number, count: number): number
  again(chunk: number, first: number, i: number): void
  point(
    chunk: number,
    column: number,
    rows: number,
    heapLow: number,
    heapHigh: number,
    annexLow: number,
    annexHigh: number,
  ): void
}

export const RESULT = 64
/** Rows that one call reads. */
export const STAGE_ROWS = 256
export const STARTS = 4096
export const ENDS = STARTS + STAGE_ROWS * 4
export const OFFSETS = ENDS + STAGE_ROWS * 4
export const RECEIVED = OFFSETS + STAGE_ROWS * 8
export const SOURCES = RECEIVED + STAGE_ROWS * 8
export const NO_TEXT = 0xffffffff
export const PUT_OFF = SOURCES + STAGE_ROWS * 16
/** Row, column, kind, start and end. */
export const PUT_OFF_WORDS = 5
const PUT_OFF_MAX = 4096
/** Distinct names that are kept; events with others are read as values. */
export const KEYS_MAX = 4096
const FOLLOWING = PUT_OFF + PUT_OFF_MAX * PUT_OFF_WORDS * 4 + KEYS_MAX * 8
export const AT_TOP = FOLLOWING + KEYS_MAX * 4 + 16 + 2 * KEYS_MAX * 2
export const IN_USER = AT_TOP + KEYS_MAX * 4
export const IN_PROPERTIES = IN_USER + KEYS_MAX * 4
export const CHUNK_VECTORS = 16
export const COLUMNS_MAX = 1024
/** Cells of the widest type. */
export const CELL_BYTES = 16

export class RowMemory {
  readonly exports: RowExports
  #bytes = Buffer.alloc(0)
  #words = new Uint32Array(0)
  #doubles = new Float64Array(0)
  #longs = new BigInt64Array(0)

  /** Throws KERNEL_MISSING when the artefact cannot be read or the host cannot run it. */
  constructor() {
    this.exports = instantiated<RowExports>(new URL('rows.wasm', import.meta.url))
  }

  /** The views are valid until the memory grows: ask for them anew after a call of the module. */
  get buffer(): ArrayBuffer {
    return this.exports.memory.buffer as ArrayBuffer
  }

  get bytes(): Buffer {
    this.#follow()
    return this.#bytes
  }

  get words(): Uint32Array {
    this.#follow()
    return this.#words
  }

  get doubles(): Float64Array {
    this.#follow()
    return this.#doubles
  }

  get longs(): BigInt64Array {
    this.#follow()
    return this.#longs
  }

  #follow(): void {
    const { buffer } = this
    if (this.#words.buffer === buffer) return
    this.#bytes = Buffer.from(buffer)
    this.#words = new Uint32Array(buffer)
    this.#doubles = new Float64Array(buffer)
    this.#longs = new BigInt64Array(buffer)
  }
}
