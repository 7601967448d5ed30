/**
 * The sheet on which one exchange lays out its mapped events: joined by commas behind the opening of the
 * body, so that the usual request is one piece of memory. Sheets are reused, since fresh buffers of this size
 * for every batch cost a fifth of the time in garbage collection; a sheet belongs to one exchange until that
 * exchange ends.
 */

import { BATCH_ENVELOPE } from '../envelope.ts'
import type { Laid } from '../parcels.ts'

const [OPEN, CLOSE] = BATCH_ENVELOPE
const COMMA = 0x2c
const BYTES_FIRST = 65_536

export class Sheet {
  bytes: Buffer = Buffer.allocUnsafeSlow(BYTES_FIRST)
  /** Where the next event begins; the byte before it is free for a comma. */
  next = OPEN.length
  /** Place of each record's mapped event. */
  starts = new Uint32Array(0)
  ends = new Uint32Array(0)
  /**
   * The events that the kernel maps, closed up: which record, where it came from, how, and where the kernel
   * left it.
   */
  records = new Uint32Array(0)
  sourceStarts = new Uint32Array(0)
  sourceEnds = new Uint32Array(0)
  projections = new Uint32Array(0)
  eventEnds = new Uint32Array(0)

  /** Clears the sheet for a batch of `count` records. */
  begin(count: number): void {
    this.next = OPEN.length
    this.bytes.set(OPEN)
    if (this.starts.length >= count) return
    for (const column of [
      'starts',
      'ends',
      'records',
      'sourceStarts',
      'sourceEnds',
      'projections',
      'eventEnds',
    ] as const) {
      this[column] = new Uint32Array(count)
    }
  }

  /** Makes room for `bytes` more and the end of the body. */
  reserve(bytes: number): void {
    const needed = this.next + bytes + CLOSE.length
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(needed + (needed >>> 2))
    grown.set(this.bytes.subarray(0, this.next))
    this.bytes = grown
  }

  /** Writes the comma that an event at `next` needs before it. */
  comma(): void {
    if (this.next > OPEN.length) this.bytes[this.next - 1] = COMMA
  }

  /** Notes that record i's event lies at [next, end). */
  place(i: number, end: number): void {
    this.starts[i] = this.next
    this.ends[i] = end
    this.next = end + 1
  }

  /**
   * Takes the event at [start, end), which the kernel left there or behind a gap, as record i's; closes the
   * gap.
   */
  keep(i: number, start: number, end: number): void {
    this.comma()
    if (start !== this.next) this.bytes.copyWithin(this.next, start, end)
    this.place(i, this.next + end - start)
  }

  append(i: number, json: string): void {
    const bytes = Buffer.byteLength(json)
    this.reserve(bytes)
    this.comma()
    this.place(i, this.next + this.bytes.write(json, this.next))
  }

  laid(count: number): Laid {
    return { bytes: this.bytes, starts: this.starts, ends: this.ends, count }
  }

  /** The body of a request with these pieces: one piece of the sheet when they are all that it holds. */
  body(pieces: readonly Uint8Array[]): Uint8Array | readonly Uint8Array[] {
    const end = this.next - 1
    const [only] = pieces
    if (pieces.length === 1 && only?.length === end - OPEN.length) {
      this.bytes.set(CLOSE, end)
      return this.bytes.subarray(0, end + CLOSE.length)
    }
    return [OPEN, ...pieces, CLOSE]
  }
}
