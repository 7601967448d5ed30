/**
 * Who was erased stays out: the log blanks records that come in with one of their identifiers, before a byte is written. Only keyed hashes are
 * kept. While there are none, nothing is done per record. Owns the table suppressions.
 *
 * A record is looked through in one pass over its bytes: a quick hash of each text against a bitmap. What it does not rule out is parsed, and
 * compared by a hash that is none by chance.
 */

import { createHmac } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { isNamingMember, isTelling, type SubjectIdentifier, spellingsOf } from '../core/traces.ts'
import { Turns } from '../core/turns.ts'
import { absenceOf, blankRow, type FrameView, ROW_ERASED, ROW_SUPPRESSED } from '../log/frame.ts'
import type { Store } from '../store/store.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const PRIME = 0x01000193
const BITMAP_BITS = 20
const ROWS_AT_ONCE = 500
const DEPTH_MAX = 8

export interface SuppressionParts {
  readonly store: Store
  readonly clock: Clock
  readonly hashKey: Buffer
  /** Where the screen of the log is set and taken away. */
  readonly log: { screen: ((frame: FrameView) => void) | undefined }
}

export class Suppression {
  readonly #parts: SuppressionParts
  readonly #seed: number
  readonly #loads = new Turns()
  #hashes = new Set<string>()
  /** Of each hash 32 bits, and of those the first 20 as a bitmap. */
  #quicks = new Set<number>()
  #bitmap = new Uint32Array(0)
  /** Records blanked since the start. */
  blanked = 0

  constructor(parts: SuppressionParts) {
    this.#parts = parts
    this.#seed = parts.hashKey.readUInt32LE(0)
  }

  get size(): number {
    return this.#hashes.size
  }

  /** What the table says; sets the log's screen. Again after every change. */
  load(): Promise<void> {
    // One after another: what was read before a change must not undo it.
    return this.#loads.take(() => this.#read())
  }

  async #read(): Promise<void> {
    const rows = await this.#parts.store.db.selectFrom('suppressions').select(['hash', 'quick']).execute()
    this.#hashes = new Set(rows.map(({ hash }) => hash))
    this.#quicks = new Set(rows.map(({ quick }) => quick))
    this.#bitmap = new Uint32Array(rows.length === 0 ? 0 : 2 ** (BITMAP_BITS - 5))
    for (const { quick } of rows) setBit(this.#bitmap, quick)
    this.#parts.log.screen = rows.length === 0 ? undefined : (frame) => this.#screen(frame)
  }

  /** In effect when it resolves. Happens once, however often it is asked. */
  async add(identifiers: readonly SubjectIdentifier[], erasure: string): Promise<void> {
    const now = this.#parts.clock.now()
    const texts = new Set(
      identifiers.flatMap((identifier) =>
        spellingsOf(identifier).map((text) => wordOf(text, identifier.kind === 'email')),
      ),
    )
    const rows = Array.from(texts, (word) => ({
      hash: this.#hashOf(word),
      erasure,
      quick: this.#quickOf(Buffer.from(word.slice(1))),
      created_at: now,
    })).sort((a, b) => (a.hash < b.hash ? -1 : 1))
    await this.#parts.store.transaction(async (tx) => {
      for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
        await tx
          .insertInto('suppressions')
          .values(rows.slice(i, i + ROWS_AT_ONCE))
          .onConflict((conflict) => conflict.doNothing())
          .execute()
    })
    await this.load()
  }

  /** Lets those of an erasure in again; gives how many identifiers were held out by it. */
  async lift(erasure: string): Promise<number> {
    const { numDeletedRows } = await this.#parts.store.db
      .deleteFrom('suppressions')
      .where('erasure', '=', erasure)
      .executeTakeFirstOrThrow()
    await this.load()
    return Number(numDeletedRows)
  }

  /** Whether a record names somebody who stays out. */
  holdsOut(record: Uint8Array): boolean {
    if (!this.#mayHold(record, 0, record.length)) return false
    const text = Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString()
    try {
      return this.#owns(JSON.parse(text), '', '', 0)
    } catch {
      // What is cut or broken is kept in quarantine: by its texts, as far as they are whole.
      return [...text.matchAll(/"([^"\\]*)"/g)].some(
        ([, word = '']) => isTelling(word) && this.#isKnown(word.trim()),
      )
    }
  }

  #screen(frame: FrameView): void {
    for (let i = 0; i < frame.count; i++) {
      const record = frame.bytes.subarray(frame.rowStart(i), frame.rowEnd(i))
      if (absenceOf(frame.rowFlags(i)) !== undefined || !this.holdsOut(record)) continue
      blankRow(frame, i, ROW_ERASED | ROW_SUPPRESSED)
      this.blanked++
    }
  }

  /** False is certain. Addresses are hashed in lower case, and so is everything here. */
  #mayHold(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0
      let hash = this.#seed
      if (byte === QUOTE) {
        const from = at
        let hasEscapes = false
        for (at++; at < end; at++) {
          const inner = bytes[at] ?? 0
          if (inner === QUOTE) break
          hash = Math.imul(hash ^ folded(inner), PRIME)
          if (inner !== BACKSLASH) continue
          hasEscapes = true
          at++
        }
        if (hasEscapes ? this.#escapedMayHold(bytes.subarray(from, at + 1)) : this.#mayBe(finished(hash)))
          return true
      } else if (byte >= DIGIT_0 && byte <= DIGIT_9) {
        for (; at < end; at++) {
          const digit = bytes[at] ?? 0
          if (digit < DIGIT_0 || digit > DIGIT_9) break
          hash = Math.imul(hash ^ digit, PRIME)
        }
        if (this.#mayBe(finished(hash))) return true
        at--
      }
    }
    return false
  }

  /** A JSON text with escapes is not what its bytes say; and it may be JSON itself. */
  #escapedMayHold(token: Uint8Array): boolean {
    try {
      const text = JSON.parse(Buffer.from(token).toString()) as string
      return /^\s*[[{]/.test(text) || this.#mayBe(this.#quickOf(Buffer.from(text)))
    } catch {
      return true
    }
  }

  #mayBe(quick: number): boolean {
    return hasBit(this.#bitmap, quick) && this.#quicks.has(quick)
  }

  #owns(value: unknown, member: string, parent: string, depth: number): boolean {
    if (typeof value === 'string' || typeof value === 'number') {
      const text = String(value).trim()
      if (this.#isKnown(text))
        return (typeof value === 'string' && isTelling(text)) || isNamingMember(member, parent)
      return typeof value === 'string' && this.#ownsText(text, depth)
    }
    if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return false
    if (Array.isArray(value)) return value.some((item) => this.#owns(item, member, parent, depth + 1))
    return Object.entries(value).some(([name, inner]) => this.#owns(inner, name, member, depth + 1))
  }

  #ownsText(text: string, depth: number): boolean {
    if (depth > DEPTH_MAX || !/^[[{]/.test(text)) return false
    try {
      return this.#owns(JSON.parse(text), '', '', depth + 1)
    } catch {
      return false
    }
  }

  #isKnown(text: string): boolean {
    if (!this.#mayBe(this.#quickOf(Buffer.from(text)))) return false
    return (
      this.#hashes.has(this.#hashOf(wordOf(text, false))) ||
      this.#hashes.has(this.#hashOf(wordOf(text, true)))
    )
  }

  #quickOf(bytes: Uint8Array): number {
    let hash = this.#seed
    for (const byte of bytes) hash = Math.imul(hash ^ folded(byte), PRIME)
    return finished(hash)
  }

  #hashOf(word: string): string {
    return createHmac('sha256', this.#parts.hashKey).update('suppressed\0').update(word).digest('hex')
  }
}

/** What is hashed: addresses in any letters, everything else as it is. */
function wordOf(text: string, isAddress: boolean): string {
  return isAddress ? `@${text.toLowerCase()}` : `=${text}`
}

function folded(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
}

function finished(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

function setBit(bitmap: Uint32Array, quick: number): void {
  const bit = quick >>> (32 - BITMAP_BITS)
  bitmap[bit >>> 5] = (bitmap[bit >>> 5] ?? 0) | (1 << (bit & 31))
}

function hasBit(bitmap: Uint32Array, quick: number): boolean {
  const bit = quick >>> (32 - BITMAP_BITS)
  return ((bitmap[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0
}
