/** The newest durable frames, in memory, in order without holes: what a reader that keeps up reads. */

import type { FrameView } from './frame.ts'
import type { LogRun } from './log.ts'

export interface TailEntry {
  readonly baseOffset: number
  readonly end: number
  readonly view: FrameView
  readonly slab: Buffer
}

/** Room at first, a power of two, as it stays when it doubles. */
const ROOM_FIRST = 512

export class MemoryTail {
  /** A ring: a list that is shifted or cut would be copied again and again, and keep what it no longer holds from being freed. */
  #ring: (TailEntry | undefined)[] = new Array<undefined>(ROOM_FIRST).fill(undefined)
  /** Entries given up since the ring was made: the oldest one's place, modulo the room. */
  #first = 0
  #count = 0
  #bytes = 0

  /** Memory held, counted as whole slabs. */
  get bytes(): number {
    return this.#bytes
  }

  push(entry: TailEntry): void {
    if (this.#count === this.#ring.length) this.#grow()
    this.#ring[(this.#first + this.#count) & (this.#ring.length - 1)] = entry
    this.#count++
    this.#bytes += entry.slab.length
  }

  holds(offset: number): boolean {
    const oldest = this.#at(0)
    return oldest !== undefined && offset >= oldest.baseOffset
  }

  /** Frames from the one that holds `from`, about `bytesMax` of them and at least one. Call only when it holds `from`. */
  read(from: number, bytesMax: number): FrameView[] {
    const frames: FrameView[] = []
    let bytes = 0
    for (let i = this.#indexOf(from); i < this.#count; i++) {
      const view = this.#at(i)?.view
      if (view === undefined) break
      bytes += view.bytes.length
      if (frames.length > 0 && bytes > bytesMax) break
      frames.push(view)
    }
    return frames
  }

  /** The same as an answer of the log. */
  run(from: number, bytesMax: number): LogRun {
    const frames = this.read(from, bytesMax)
    const last = frames.at(-1)
    return { frames, next: last === undefined ? from : last.baseOffset + last.count, gaps: [] }
  }

  /** Puts other bytes of the same length in the place of a frame, if it is held. */
  replace(baseOffset: number, frame: Buffer): void {
    if (!this.holds(baseOffset)) return
    const entry = this.#at(this.#indexOf(baseOffset))
    if (entry?.baseOffset === baseOffset) entry.view.bytes.set(frame)
  }

  /** Forgets the oldest frame; the buffer it lay in. */
  evict(): Buffer | undefined {
    const entry = this.#at(0)
    if (entry === undefined) return undefined
    this.#ring[this.#first & (this.#ring.length - 1)] = undefined
    this.#first++
    this.#count--
    this.#bytes -= entry.slab.length
    return entry.slab
  }

  /** The i-th oldest; undefined when there are no more. */
  #at(i: number): TailEntry | undefined {
    return i < this.#count ? this.#ring[(this.#first + i) & (this.#ring.length - 1)] : undefined
  }

  #grow(): void {
    const entries = Array.from({ length: this.#count }, (_, i) => this.#at(i))
    this.#ring = [...entries, ...new Array<undefined>(this.#count).fill(undefined)]
    this.#first = 0
  }

  #indexOf(offset: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#at(middle)?.end ?? 0) > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}
