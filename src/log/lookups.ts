/**
 * What is answered from identity indexes alone, without touching an event: which record has an id, where a time begins, how many records
 * are of a source. The same for segments of files and for stretches of a stream.
 */

import type { FrameIdentities, SegmentIdentities } from './identity-index.ts'
import type { Identity } from './log.ts'

/** A part of a log that has an index of its own. */
export interface Indexed {
  readonly base: number
  readonly end: number
  /** Latest `receivedAt` in it. */
  readonly receivedAtMax: number
  /** Records per source of all of it, kept here once it is complete and somebody has asked. */
  tally: ReadonlyMap<number, number> | undefined
}

export interface LookupParts<Part extends Indexed> {
  readonly log: { readonly head: number; readonly tail: number }
  /** In order; grows and shrinks while the log lives. */
  readonly parts: readonly Part[]
  /** Nothing is added to it any more. */
  isComplete(part: Part): boolean
  identitiesOf(part: Part): Promise<SegmentIdentities>
}

/** Index of the last part whose base is at most `offset`; -1 when all lie behind it. */
export function partAt(parts: readonly Pick<Indexed, 'base'>[], offset: number): number {
  let low = 0
  let high = parts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((parts[middle]?.base ?? Number.POSITIVE_INFINITY) <= offset) low = middle + 1
    else high = middle
  }
  return low - 1
}

export class Lookups<Part extends Indexed> {
  readonly #of: LookupParts<Part>

  constructor(of: LookupParts<Part>) {
    this.#of = of
  }

  async offsetAt(timeMs: number): Promise<number> {
    const { log, parts, identitiesOf } = this.#of
    for (const part of [...parts]) {
      if (part.receivedAtMax < timeMs) continue
      const offset = (await identitiesOf(part)).receivedFrom(timeMs, log.tail)
      if (offset !== undefined) return offset
    }
    return log.head
  }

  async find(id: Identity): Promise<number[]> {
    const { log, parts, identitiesOf } = this.#of
    const offsets: number[] = []
    for (const part of [...parts]) (await identitiesOf(part)).find(id, offsets)
    return offsets.filter((offset) => offset >= log.tail)
  }

  async count(sources: ReadonlySet<number>, from: number, to: number): Promise<number> {
    const { log, parts } = this.#of
    let ofOthers = 0
    for (const part of [...parts]) {
      // Retention may have freed it while an earlier one was looked at.
      if (part.end <= from || part.base >= to || part.end <= log.tail) continue
      for (const [source, records] of await this.#tally(part, from, to))
        if (!sources.has(source)) ofOthers += records
    }
    return to - from - ofOthers
  }

  async *identities(from: number): AsyncGenerator<FrameIdentities> {
    const { log, parts, identitiesOf } = this.#of
    let next = Math.max(from, log.tail)
    while (next < log.head) {
      const part = parts.find(({ end }) => end > next)
      // Behind the last one only records are missing.
      if (part === undefined) return
      for (const frame of (await identitiesOf(part)).from(next)) {
        yield frame
        next = frame.baseOffset + frame.count
      }
      next = Math.max(next, part.end)
    }
  }

  /** Records per source among the offsets [from, to). */
  async #tally(part: Part, from: number, to: number): Promise<ReadonlyMap<number, number>> {
    const { identitiesOf, isComplete } = this.#of
    const isWhole = from <= part.base && to >= part.end
    if (!isWhole || !isComplete(part)) return (await identitiesOf(part)).tally(from, to)
    part.tally ??= (await identitiesOf(part)).tally(part.base, part.end)
    return part.tally
  }
}
