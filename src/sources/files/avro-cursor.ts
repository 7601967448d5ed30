/** Reads Avro's primitives from the bytes of a block. Every read is within the block, or throws FILES_DAMAGED. */

import { damaged } from './damage.ts'
import { viewOf } from './json-writer.ts'

/** Bytes of a varint below this many make a number that a double holds. */
const EXACT_BYTES = 7
const LONG_BYTES_MAX = 10

export class Cursor {
  readonly bytes: Buffer
  readonly view: DataView
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.view = viewOf(bytes)
  }

  byte(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw damaged('a record ends behind its block')
    this.at++
    return byte
  }

  /** An int or a long that a double holds exactly; throws FILES_DAMAGED for others. */
  whole(): number {
    const first = this.bytes[this.at]
    // Branches, lengths and small numbers.
    if (first !== undefined && first < 0x80) {
      this.at++
      return (first >>> 1) ^ -(first & 1)
    }
    const from = this.at
    let value = 0
    let unit = 1
    for (let i = 0; i < EXACT_BYTES; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      unit *= 128
    }
    this.at = from
    const exact = this.#long()
    if (exact > Number.MAX_SAFE_INTEGER || exact < Number.MIN_SAFE_INTEGER)
      throw damaged('a length or a count is out of bounds')
    return Number(exact)
  }

  /** A long in decimal digits, whatever its size. */
  wholeText(): string {
    const from = this.at
    for (let i = 0; i < EXACT_BYTES; i++) {
      if (this.byte() >= 0x80) continue
      this.at = from
      return String(this.whole())
    }
    this.at = from
    return String(this.#long())
  }

  skipWhole(): void {
    for (let i = 0; i < LONG_BYTES_MAX; i++) if (this.byte() < 0x80) return
    throw damaged('a number has too many bytes')
  }

  /** The length of a string or of bytes, which lie within the block. */
  length(): number {
    const length = this.whole()
    if (length < 0 || length > this.bytes.length - this.at) throw damaged('a text ends behind its block')
    return length
  }

  skip(bytes: number): void {
    if (bytes > this.bytes.length - this.at) throw damaged('a record ends behind its block')
    this.at += bytes
  }

  take(bytes: number): Buffer {
    const from = this.at
    this.skip(bytes)
    return this.bytes.subarray(from, this.at)
  }

  #long(): bigint {
    let value = 0n
    for (let i = 0n; i < LONG_BYTES_MAX; i++) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << (7n * i)
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw damaged('a number has too many bytes')
  }
}
