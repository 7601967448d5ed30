/**
 * The memory of the WASM kernel as JavaScript sees it: views that follow its growth, and a part that is kept (compiled projections)
 * below a part that every call uses anew. The fixed addresses repeat assembly/layout.ts.
 */

/** The exports of assembly/kernel.ts. Addresses and lengths are in bytes. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory
  setup(keyLow: bigint, keyHigh: bigint): void
  scan(from: number, length: number, itemsMax: number, vocabulary: number): number
  begin(from: number, length: number): number
  grow(top: number): number
  insert(table: number, key: number, length: number, slot: number, child: number): void
  project(program: number, from: number, stop: number, out: number, limit: number, scratch: number): number
  members(from: number, into: number, rowsMax: number): number
}

export const RESULT = 64
export const TYPE_ROWS = 4096 + 32768
export const TYPE_NAMES = TYPE_ROWS + 65536
const HEAP = TYPE_NAMES + 8192 * 256

/** What a kernel may keep for compiled projections, in bytes. */
const KEPT_MAX = 64 * 1024 * 1024

const encoder = new TextEncoder()

export class KernelMemory {
  readonly exports: KernelExports
  bytes: Uint8Array
  words: Uint32Array
  #free = HEAP

  constructor(exports: KernelExports) {
    this.exports = exports
    this.bytes = new Uint8Array(exports.memory.buffer)
    this.words = new Uint32Array(exports.memory.buffer)
  }

  /** The first address that the next call may use; all above it is free too. */
  get free(): number {
    return this.#free
  }

  /** Makes memory reach up to `top`; throws RangeError when the host has no more. */
  reserve(top: number): void {
    if (this.exports.grow(top) === 0) throw new RangeError(`The kernel cannot have ${top} bytes of memory`)
    this.refresh()
  }

  /** To be called after every export that may let memory grow, before the views are used. */
  refresh(): void {
    if (this.bytes.length > 0) return
    this.bytes = new Uint8Array(this.exports.memory.buffer)
    this.words = new Uint32Array(this.exports.memory.buffer)
  }

  /** Takes `length` zeroed bytes for good. Throws RangeError past 64 MB. */
  keep(length: number): number {
    const at = this.#free
    const top = at + ((length + 15) & ~15)
    if (top > HEAP + KEPT_MAX) throw new RangeError('The kernel has no room for another projection')
    this.reserve(top + 64)
    this.bytes.fill(0, at, top)
    this.#free = top
    return at
  }

  keepText(text: string): [at: number, length: number] {
    const encoded = encoder.encode(text)
    const at = this.keep(encoded.length)
    this.bytes.set(encoded, at)
    return [at, encoded.length]
  }

  write(at: number, words: readonly number[]): void {
    this.words.set(words, at >>> 2)
  }

  insert(table: number, key: number, length: number, slot: number, child: number): void {
    this.exports.insert(table, key, length, slot, child)
  }
}
