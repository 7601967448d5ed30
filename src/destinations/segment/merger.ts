/**
 * Merges custom properties into the properties of a track call, in its bytes. A projection cannot splice an
 * object from the third level, so it carries the custom properties whole, as the last member of the call;
 * here they move to where they belong. What needs a decision (a name given twice, custom properties that are
 * no object) is left to the slow way.
 */

import type { Kernel, Member } from '../../core/kernel/kernel.ts'

/** The member that a merged call ends with. No track call has one of this name. */
const CARRIER = 'carrier'
/** Members of one call, context and all, to look through; a call with more goes the slow way. */
const ROWS_MAX = 1024
const ROW_WORDS = 5
/** A power of two, four times as many as there can be names. */
const SLOTS = 4096

const NOT_MERGED = -1

const BACKSLASH = 0x5c
const COMMA = 0x2c
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d

/** Carries the object at properties.<key>. */
export function carrierOf(key: string): Member {
  return { key: CARRIER, copy: ['properties', key] }
}

export class Merger {
  readonly #kernel: Kernel
  readonly #rows = new Uint32Array(ROWS_MAX * ROW_WORDS)
  /**
   * Open addressing, emptied by counting on: a slot is taken when it bears the number of the present call. A Set would rebuild its tables for every
   * call, and leave the old ones to the garbage collector.
   */
  readonly #hashes = new Uint32Array(SLOTS)
  readonly #takenBy = new Uint32Array(SLOTS)
  #call = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /**
   * Merges within the track call that lies at bytes[start .. end) and ends with the members `properties` and
   * perhaps the carrier. Returns the new end, never beyond the old one, or a negative number when the call
   * must go the slow way.
   */
  merge(bytes: Buffer, start: number, end: number): number {
    const call = bytes.subarray(start, end)
    const rows = this.#rows
    const count = this.#membersOf(call)
    if (count === NOT_MERGED) return NOT_MERGED
    let properties = 0
    let last = 0
    for (let row = 0; row < count; row++) {
      if (rows[row * ROW_WORDS] !== 0) continue
      properties = last
      last = row
    }
    const keyBytes = (rows[last * ROW_WORDS + 2] ?? 0) - (rows[last * ROW_WORDS + 1] ?? 0)
    if (keyBytes !== CARRIER.length) return end // The event has no custom properties: the last member is `properties`.
    const from = rows[last * ROW_WORDS + 3] ?? 0
    if (call[from] !== BRACE_OPEN) return NOT_MERGED
    if (!this.#areDistinct(call, properties + 1, count, last)) return NOT_MERGED
    return start + spliced(call, rows, properties, last, count)
  }

  /** Fills the rows. */
  #membersOf(call: Uint8Array): number {
    try {
      return this.#kernel.members(call, this.#rows)
    } catch (error) {
      if (error instanceof RangeError) return NOT_MERGED
      throw error
    }
  }

  /** Whether the members [from, to) but `carrier` have names without escapes, and surely each its own. */
  #areDistinct(call: Buffer, from: number, to: number, carrier: number): boolean {
    this.#call = (this.#call + 1) >>> 0
    if (this.#call === 0) {
      this.#takenBy.fill(0)
      this.#call = 1
    }
    for (let row = from; row < to; row++) {
      if (row === carrier) continue
      const at = row * ROW_WORDS
      const hash = nameHash(call, this.#rows[at + 1] ?? 0, this.#rows[at + 2] ?? 0)
      // Two names with one hash are told apart by the slow way.
      if (hash < 0 || !this.#isNew(hash)) return false
    }
    return true
  }

  /** Whether the present call has not had the hash before. */
  #isNew(hash: number): boolean {
    let slot = hash & (SLOTS - 1)
    while (this.#takenBy[slot] === this.#call) {
      if (this.#hashes[slot] === hash) return false
      slot = (slot + 1) & (SLOTS - 1)
    }
    this.#takenBy[slot] = this.#call
    this.#hashes[slot] = hash
    return true
  }
}

/** FNV-1a, 30 bits; negative when the name holds an escape. */
function nameHash(bytes: Buffer, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0
    if (byte === BACKSLASH) return -1
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  return (hash ^ (hash >>> 30)) & 0x3fffffff
}

/** Moves the inside of the carrier to the end of the properties; the new length of the call. */
function spliced(
  call: Buffer,
  rows: Uint32Array,
  properties: number,
  carrier: number,
  count: number,
): number {
  let at = (rows[properties * ROW_WORDS + 4] ?? 0) - 1
  const hasCustom = count > carrier + 1
  if (hasCustom) {
    const from = (rows[carrier * ROW_WORDS + 3] ?? 0) + 1
    const to = (rows[carrier * ROW_WORDS + 4] ?? 0) - 1
    const hasOwn = carrier > properties + 1
    if (hasOwn) call[at++] = COMMA
    call.copyWithin(at, from, to)
    at += to - from
  }
  call[at++] = BRACE_CLOSE
  call[at++] = BRACE_CLOSE
  return at
}
