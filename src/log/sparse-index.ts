/** Where frames lie in a segment, one entry per block of about 256 KB: enough to start reading near any offset. */

export const BLOCK_BYTES = 256 * 1024

export interface Mark {
  readonly offset: number
  readonly position: number
}

export class SparseIndex {
  readonly #marks: Mark[] = []

  /** Frames are added in order. */
  add(offset: number, position: number): void {
    const last = this.#marks.at(-1)
    if (last === undefined || position - last.position >= BLOCK_BYTES) this.#marks.push({ offset, position })
  }

  /** The last noted frame that starts at or before `offset`; undefined when there is none. */
  before(offset: number): Mark | undefined {
    let low = 0
    let high = this.#marks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#marks[middle]?.offset ?? 0) > offset) high = middle
      else low = middle + 1
    }
    return this.#marks[low - 1]
  }
}
