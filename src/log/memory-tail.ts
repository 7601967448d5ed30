/** The newest durable frames, in memory, in order without holes: what a reader that keeps up reads. */

import type { FrameView } from './frame.ts'

export interface TailEntry {
  readonly baseOffset: number
  readonly end: number
  readonly view: FrameView
  readonly slab: Buffer
}

export class MemoryTail {
  #entries: TailEntry[] = []
  #first = 0
  #bytes = 0

  /** Memory held, counted as whole slabs. */
  get bytes(): number {
    return this.#bytes
  }

  push(entry: TailEntry): void {
    this.#entries.push(entry)
    this.#bytes += entry.slab.length
  }

  holds(offset: number): boolean {
    const oldest = this.#entries[this.#first]
    return oldest !== undefined && offset >= oldest.baseOffset
  }

  /** Frames from the one that holds `from`, about `bytesMax` of them and at least one. Call only when it holds `from`. */
  read(from: number, bytesMax: number): FrameView[] {
    const frames: FrameView[] = []
    let bytes = 0
    for (let i = this.#indexOf(from); i < this.#entries.length; i++) {
      const view = this.#entries[i]?.view
      if (view === undefined) break
      bytes += view.bytes.length
      if (frames.length > 0 && bytes > bytesMax) break
      frames.push(view)
    }
    return frames
  }

  /** Puts other bytes of the same length in the place of a frame, if it is held. */
  replace(baseOffset: number, frame: Buffer): void {
    if (!this.holds(baseOffset)) return
    const entry = this.#entries[this.#indexOf(baseOffset)]
    if (entry?.baseOffset === baseOffset) entry.view.bytes.set(frame)
  }

  /** Forgets the oldest frame; the buffer it lay in. */
  evict(): Buffer | undefined {
    const entry = this.#entries[this.#first]
    if (entry === undefined) return undefined
    this.#first++
    this.#bytes -= entry.slab.length
    // Give the references up in larger steps: shifting each time would cost the length of the list.
    if (this.#first >= 512 || this.#first === this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first)
      this.#first = 0
    }
    return entry.slab
  }

  #indexOf(offset: number): number {
    let low = this.#first
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle]?.end ?? 0) > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}
