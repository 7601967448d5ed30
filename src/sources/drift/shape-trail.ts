/**
 * The shapes of the records that came in last, as the doors' scan found them: what the radar reads a moment later, so that no event is
 * scanned twice. Only a convenience: a shape that is not here any more is taken again from the record's bytes.
 */

/** Records remembered, a power of two: two seconds at full load, in 4 MB. */
const RECORDS = 262_144

export class ShapeTrail {
  /** Which record each place holds. */
  readonly #offsets = new Float64Array(RECORDS).fill(-1)
  /** Signed: V8 hands on a larger number as an object of its own, and there are two per record. */
  readonly #words = new Int32Array(2 * RECORDS)

  /**
   * Remembers the shapes of a frame when it has its place: two words per record. A frame that the log lost has none, and whoever waits for
   * `appended` hears of it.
   */
  follow(appended: Promise<number>, shapes: Uint32Array): void {
    appended.then(
      (offset) => this.#put(offset, shapes),
      () => undefined,
    )
  }

  /** Where the shape of a record is, for `low` and `high`, which are signed; -1 when it is not remembered. */
  placeOf(offset: number): number {
    const place = offset % RECORDS
    return this.#offsets[place] === offset ? place : -1
  }

  low(place: number): number {
    return this.#words[2 * place] ?? 0
  }

  high(place: number): number {
    return this.#words[2 * place + 1] ?? 0
  }

  #put(offset: number, shapes: Uint32Array): void {
    for (let i = 0; 2 * i < shapes.length; i++) {
      const place = (offset + i) % RECORDS
      this.#offsets[place] = offset + i
      this.#words[2 * place] = shapes[2 * i] ?? 0
      this.#words[2 * place + 1] = shapes[2 * i + 1] ?? 0
    }
  }
}
