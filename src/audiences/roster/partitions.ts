/**
 * A set of keys too large for memory, each with a reference to where its text is: spread over partitions by the key's
 * first bits, so that two such sets are compared partition by partition. Beyond one block a partition lies in a file.
 *
 * A key is 128 bits, spread evenly. Memory: PARTITIONS blocks, and while a partition is read, that partition.
 */

import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'

export const PARTITIONS = 1_024
/** 32-bit words of a key, and of an entry: the reference is the last one. */
export const KEY_WORDS = 4
export const ENTRY_WORDS = KEY_WORDS + 1

const ENTRY_BYTES = ENTRY_WORDS * 4
/** 16 kB: written and read in one call. */
const BLOCK_ENTRIES = 819
const BLOCK_WORDS = BLOCK_ENTRIES * ENTRY_WORDS
const BLOCK_BYTES = BLOCK_ENTRIES * ENTRY_BYTES

export interface Partition {
  /** ENTRY_WORDS for each entry; longer than the entries may need. Valid until the next partition is read. */
  readonly words: Int32Array<ArrayBuffer>
  readonly count: number
}

export class Partitions {
  readonly #file: string
  /** The youngest block of each partition that has one. */
  readonly #youngest: Int32Array[] = []
  readonly #counts = new Int32Array(PARTITIONS)
  /** Of each partition the blocks in the file, by number. */
  readonly #written: number[][] = Array.from({ length: PARTITIONS }, () => [])
  #blocks = 0
  #fd: number | undefined
  #partition = new Int32Array(0)
  #count = 0

  /** `file` is made when it is needed, and replaced if it is there. */
  constructor(file: string) {
    this.#file = file
  }

  get count(): number {
    return this.#count
  }

  /** `count` keys of KEY_WORDS words each, and their references. */
  add(keys: Int32Array, references: Int32Array, count: number): void {
    const counts = this.#counts
    const youngest = this.#youngest
    for (let i = 0, key = 0; i < count; i++, key += KEY_WORDS) {
      const partition = (keys[key] ?? 0) & (PARTITIONS - 1)
      const block = youngest[partition] ?? this.#begin(partition)
      if (counts[partition] === BLOCK_ENTRIES) this.#write(partition, block)
      const entries = counts[partition] ?? 0
      const at = entries * ENTRY_WORDS
      block[at] = keys[key] ?? 0
      block[at + 1] = keys[key + 1] ?? 0
      block[at + 2] = keys[key + 2] ?? 0
      block[at + 3] = keys[key + 3] ?? 0
      block[at + 4] = references[i] ?? 0
      counts[partition] = entries + 1
    }
    this.#count += count
  }

  read(partition: number): Partition {
    const written = this.#written[partition] ?? []
    const rest = this.#counts[partition] ?? 0
    const count = written.length * BLOCK_ENTRIES + rest
    if (this.#partition.length < count * ENTRY_WORDS)
      this.#partition = new Int32Array(Math.ceil(count * 1.25) * ENTRY_WORDS)
    const words = this.#partition
    for (const [i, block] of written.entries()) this.#readBlock(words, i, block)
    const youngest = this.#youngest[partition]
    if (youngest !== undefined)
      words.set(youngest.subarray(0, rest * ENTRY_WORDS), written.length * BLOCK_WORDS)
    return { words, count }
  }

  /** Removes the file. */
  close(): void {
    if (this.#fd === undefined) return
    closeSync(this.#fd)
    rmSync(this.#file, { force: true })
    this.#fd = undefined
  }

  #begin(partition: number): Int32Array {
    const block = new Int32Array(BLOCK_WORDS)
    this.#youngest[partition] = block
    return block
  }

  #write(partition: number, { buffer }: Int32Array): void {
    this.#fd ??= openSync(this.#file, 'w+', 0o600)
    const number = this.#blocks++
    const bytes = new Uint8Array(buffer)
    for (let at = 0; at < BLOCK_BYTES; )
      at += writeSync(this.#fd, bytes, at, BLOCK_BYTES - at, number * BLOCK_BYTES + at)
    this.#written[partition]?.push(number)
    this.#counts[partition] = 0
  }

  #readBlock(words: Int32Array, i: number, block: number): void {
    const bytes = new Uint8Array(words.buffer, i * BLOCK_BYTES, BLOCK_BYTES)
    let at = 0
    while (at < BLOCK_BYTES) {
      const read = readSync(this.#fd ?? -1, bytes, at, BLOCK_BYTES - at, block * BLOCK_BYTES + at)
      if (read === 0) throw new Error(`${this.#file} is shorter than what was written to it`)
      at += read
    }
  }
}
