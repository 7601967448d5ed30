/**
 * Rows out of Treasure Data's format msgpack: MessagePack arrays, one per row, one after the other, cut anywhere by the
 * network. Integers keep all their digits, which is why this format is read and not JSON.
 */

import { ThalwegError } from '../../core/errors.ts'
import type { Cell } from '../warehouse.ts'

/** Of one row, and so of what is kept between two pieces. */
export const ROW_BYTES_MAX = 67_108_864
const DEPTH_MAX = 64

type Value = null | boolean | number | string | bigint | Value[] | { [key: string]: Value }

export class RowReader {
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  /** Set while reading when the bytes end within the row. */
  #short = false

  /** Adds what came; throws QUERY_FAILED when a single row is longer than ROW_BYTES_MAX. */
  push(piece: Buffer): void {
    const rest = this.#bytes.subarray(this.#at)
    if (rest.length > ROW_BYTES_MAX) throw broken(`a row is longer than ${ROW_BYTES_MAX} bytes`)
    this.#bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    this.#at = 0
  }

  /** The whole rows among the bytes so far. Throws QUERY_FAILED for bytes that are no rows. */
  rows(): Cell[][] {
    const rows: Cell[][] = []
    for (let row = this.#next(); row !== undefined; row = this.#next()) rows.push(row)
    return rows
  }

  #next(): Cell[] | undefined {
    const start = this.#at
    if (start >= this.#bytes.length) return undefined
    this.#short = false
    const row = this.#value(0)
    if (this.#short) {
      this.#at = start
      return undefined
    }
    if (!Array.isArray(row)) throw broken('a row is no array')
    return row.map(cellOf)
  }

  /** Whether the bytes end in the middle of a row. */
  get isWithinRow(): boolean {
    return this.#at < this.#bytes.length
  }

  #value(depth: number): Value {
    if (depth > DEPTH_MAX) throw broken(`values lie deeper than ${DEPTH_MAX}`)
    const head = this.#uint(1)
    if (head < 0x80) return head
    if (head < 0x90) return this.#map(head & 0x0f, depth)
    if (head < 0xa0) return this.#array(head & 0x0f, depth)
    if (head < 0xc0) return this.#text(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    return this.#marked(head, depth)
  }

  #marked(head: number, depth: number): Value {
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xd9:
        return this.#text(this.#uint(1))
      case 0xc5:
      case 0xda:
        return this.#text(this.#uint(2))
      case 0xc6:
      case 0xdb:
        return this.#text(this.#uint(4))
      case 0xca:
        return this.#take(4) ? this.#bytes.readFloatBE(this.#at - 4) : 0
      case 0xcb:
        return this.#take(8) ? this.#bytes.readDoubleBE(this.#at - 8) : 0
      case 0xcc:
        return this.#uint(1)
      case 0xcd:
        return this.#uint(2)
      case 0xce:
        return this.#uint(4)
      case 0xcf:
        return this.#take(8) ? this.#bytes.readBigUInt64BE(this.#at - 8) : 0
      case 0xd0:
        return this.#int(1)
      case 0xd1:
        return this.#int(2)
      case 0xd2:
        return this.#int(4)
      case 0xd3:
        return this.#take(8) ? this.#bytes.readBigInt64BE(this.#at - 8) : 0
      case 0xdc:
        return this.#array(this.#uint(2), depth)
      case 0xdd:
        return this.#array(this.#uint(4), depth)
      case 0xde:
        return this.#map(this.#uint(2), depth)
      case 0xdf:
        return this.#map(this.#uint(4), depth)
      default:
        throw broken(`the byte 0x${head.toString(16)} begins no value`)
    }
  }

  #array(length: number, depth: number): Value[] {
    const values: Value[] = []
    // Ends at the bytes' end, whatever length they claim.
    for (let i = 0; i < length && !this.#short; i++) values.push(this.#value(depth + 1))
    return values
  }

  #map(length: number, depth: number): { [key: string]: Value } {
    const map: { [key: string]: Value } = Object.create(null) as { [key: string]: Value }
    for (let i = 0; i < length && !this.#short; i++)
      map[String(this.#value(depth + 1))] = this.#value(depth + 1)
    return map
  }

  #text(bytes: number): string {
    return this.#take(bytes) ? this.#bytes.toString('utf8', this.#at - bytes, this.#at) : ''
  }

  #uint(bytes: 1 | 2 | 4): number {
    return this.#take(bytes) ? this.#bytes.readUIntBE(this.#at - bytes, bytes) : 0
  }

  #int(bytes: 1 | 2 | 4): number {
    return this.#take(bytes) ? this.#bytes.readIntBE(this.#at - bytes, bytes) : 0
  }

  #take(bytes: number): boolean {
    if (this.#short || this.#at + bytes > this.#bytes.length) {
      this.#short = true
      return false
    }
    this.#at += bytes
    return true
  }
}

function cellOf(value: Value): Cell {
  if (typeof value === 'bigint') return exact(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value === null || typeof value !== 'object') return value
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? exact(inner) : inner))
}

/** A number where it fits one, else its text. */
function exact(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

function broken(what: string): ThalwegError {
  return new ThalwegError('QUERY_FAILED', `The result that Treasure Data sent cannot be read: ${what}`)
}
