/** The shapes that are known, by type and hash: a number for each, found without making anything. */

/** Known at a time; the table has twice as many slots. */
export const SHAPES_MAX = 16_384
const SLOTS = 2 * SHAPES_MAX
const SPREAD = 0x9e3779b1

export class ShapeTable {
  /** 1 + number of the shape in each slot; 0 = free. */
  readonly #slots = new Uint16Array(SLOTS)
  readonly #types = new Uint32Array(SHAPES_MAX)
  readonly #low = new Int32Array(SHAPES_MAX)
  readonly #high = new Int32Array(SHAPES_MAX)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** -1 when it is not known. The words of shapes are signed here. */
  find(type: number, low: number, high: number): number {
    return (this.#slots[this.#slotOf(type, low, high)] ?? 0) - 1
  }

  /** The number of a shape that is not known yet; numbers count up from 0. Throws RangeError past SHAPES_MAX. */
  add(type: number, low: number, high: number): number {
    if (this.#size >= SHAPES_MAX) throw new RangeError(`At most ${SHAPES_MAX} shapes are known at a time`)
    const shape = this.#size++
    this.#slots[this.#slotOf(type, low, high)] = shape + 1
    this.#types[shape] = type
    this.#low[shape] = low
    this.#high[shape] = high
    return shape
  }

  clear(): void {
    this.#slots.fill(0)
    this.#size = 0
  }

  /** The slot of this shape, or the free one where it would go: at least half of the slots are free. */
  #slotOf(type: number, low: number, high: number): number {
    let slot = (low ^ Math.imul(type, SPREAD)) & (SLOTS - 1)
    for (;;) {
      const shape = (this.#slots[slot] ?? 0) - 1
      if (shape < 0) return slot
      if (this.#low[shape] === low && this.#high[shape] === high && this.#types[shape] === type) return slot
      slot = (slot + 1) & (SLOTS - 1)
    }
  }
}
