/**
 * The shape of an event: 64 bits that two events share when they have the same members with the same kinds of values. It lets whoever
 * counts fields look into one event of each shape, and only count the others. The WASM kernel takes it on its way through the bytes
 * (assembly/shape.ts); ShapeSum is the twin, and `eachMember` says in words what it is taken over. The rules:
 *
 * - A member counts with its path and the kind of its value, down to SHAPE_DEPTH: `properties.custom_properties.plan` counts for
 *   itself, what lies in an object there only as "an object". Elements of arrays never count.
 * - Neither values nor the order of members matter, for the members' hashes are added up.
 * - Keys count as they are written, the first 256 bytes and the length: two spellings of one key (`"id"`, `"\u0069d"`) make two
 *   shapes. A key that stands twice counts twice. Both only mean that one more event is looked into. Keys that differ only behind
 *   their first 256 bytes count as one.
 * - The hash is keyed. It is good enough to count with and is no proof: it is never stored and says nothing outside of this process.
 */

import { BRACE_OPEN, BRACKET_OPEN, NO, QUOTE, Reader } from './syntax.ts'

/** What a value can be. A number with a point or an exponent is a decimal, whatever its value. */
export const KINDS = ['string', 'integer', 'decimal', 'boolean', 'null', 'array', 'object'] as const
export type Kind = (typeof KINDS)[number]

/** Members of objects this deep count for themselves; the event's own members have depth 1. */
export const SHAPE_DEPTH = 3

const KEY_BYTES_MAX = 256
const NAME = 0x9e3779b185ebca87n
const WORD = 0xc2b2ae3d27d4eb4fn
const KIND = 0x165667b19e3779f9n
const MASK = (1n << 64n) - 1n
const LETTER_T = 0x74
const LETTER_F = 0x66
const LETTER_N = 0x6e

/** The kind of the value that begins at `start` and was the last that `reader` read. */
function kindAt(reader: Reader, start: number): number {
  const c = reader.byte(start)
  if (c === QUOTE) return 0
  if (c === LETTER_T || c === LETTER_F) return 3
  if (c === LETTER_N) return 4
  if (c === BRACKET_OPEN) return 5
  if (c === BRACE_OPEN) return 6
  return reader.decimal ? 2 : 1
}

/** Adds up the shape of one event. */
export class ShapeSum {
  /** The path of the event itself. */
  readonly root: bigint
  readonly #reader: Reader
  #sum = 0n

  constructor(reader: Reader, key: Uint8Array) {
    this.#reader = reader
    const { buffer, byteOffset, byteLength } = key
    const view = new DataView(buffer, byteOffset, byteLength)
    this.root = ((view.getBigUint64(0, true) * NAME) & MASK) ^ view.getBigUint64(8, true)
  }

  /** Low word first; never both 0. */
  get words(): [low: number, high: number] {
    const shape = this.#sum === 0n ? 1n : this.#sum
    return [Number(shape & 0xffffffffn), Number(shape >> 32n)]
  }

  /** The path of the key at [start, end), as it is written, below the path `parent`. */
  below(parent: bigint, start: number, end: number): bigint {
    const bytes = Math.min(end - start, KEY_BYTES_MAX)
    let path = parent ^ ((BigInt(end - start) * NAME) & MASK)
    for (let at = 0; at < bytes; at += 8) {
      const word = littleEndian(this.#reader.bytes, start + at, Math.min(8, bytes - at))
      path = (rotated(path ^ ((word * WORD) & MASK), 29n) * NAME) & MASK
    }
    return path
  }

  /** Adds the member at `path`, whose value begins at `start` and was the last to be read. */
  note(path: bigint, start: number): void {
    let member = (path + BigInt(kindAt(this.#reader, start)) * KIND) & MASK
    member = ((member ^ (member >> 32n)) * WORD) & MASK
    this.#sum = (this.#sum + (member ^ (member >> 29n))) & MASK
  }
}

function rotated(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & MASK
}

function littleEndian(bytes: Uint8Array, at: number, count: number): bigint {
  let word = 0n
  for (let i = count - 1; i >= 0; i--) word = (word << 8n) | BigInt(bytes[at + i] ?? 0)
  return word
}

/** One member of an event: its keys from the root on, and where its value lies. */
export interface ShapeMember {
  /** Read-only, and valid during the call only. */
  readonly path: readonly string[]
  readonly kind: Kind
  readonly start: number
  readonly end: number
}

/**
 * Visits the members that the shape of `event` is taken over, members of an object before the object itself. Linear in the bytes.
 * Throws TypeError when the bytes are not one event that a scan accepts.
 */
export function eachMember(event: Uint8Array, visit: (member: ShapeMember) => void): void {
  const reader = new Reader(event)
  const path: string[] = []
  const members = (at: number): number =>
    reader.object(at, (key, keyEnd, start, escaped) => {
      path.push(reader.text(key, keyEnd, escaped))
      const isOpen = reader.byte(start) === BRACE_OPEN && path.length < SHAPE_DEPTH
      const end = isOpen ? members(start) : reader.value(start, path.length)
      if (end !== NO) visit({ path, kind: KINDS[kindAt(reader, start)] ?? 'null', start, end })
      path.pop()
      return end
    })
  if (reader.byte(0) !== BRACE_OPEN || members(0) !== event.length) {
    throw new TypeError('These bytes are not an event that a scan accepted')
  }
}
