/** Member names of events by their bytes, so that reading an event makes no text of a name that was met before. */

/** Distinct names that are kept; beyond it names are made into texts each time. Slots are twice as many, so that look-ups end soon. */
const KEYS_MAX = 4096
const SLOTS = 2 * KEYS_MAX
const BYTES_FIRST = 65_536

export class Keys {
  readonly names: string[] = []
  /** The bytes of all names; that of number n from #ends[n - 1] to #ends[n]. */
  #bytes = new Uint8Array(BYTES_FIRST)
  readonly #ends = new Uint32Array(KEYS_MAX)
  readonly #slots = new Int32Array(SLOTS).fill(-1)
  /** By the number of a name + 1, what came behind it last. */
  readonly #following = new Int32Array(KEYS_MAX + 1).fill(-1)

  /**
   * Number of the name whose raw JSON text, without quotes, lies at bytes[start .. end); -1 when no further names are kept. `before`: the number of
   * the name before it, or -1: events are much like those before them, so what followed it last time is tried first.
   */
  numberOf(bytes: Uint8Array, start: number, end: number, before: number): number {
    const expected = this.#following[before + 1] ?? -1
    if (expected >= 0 && this.#holds(expected, bytes, start, end)) return expected
    const number = this.#find(bytes, start, end)
    this.#following[before + 1] = number
    return number
  }

  #find(bytes: Uint8Array, start: number, end: number): number {
    let hash = end - start
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
    for (;;) {
      const number = this.#slots[slot] ?? -1
      if (number === -1) return this.#add(slot, bytes, start, end)
      if (this.#holds(number, bytes, start, end)) return number
      slot = (slot + 1) & (SLOTS - 1)
    }
  }

  /** The name itself. Also of those that are not kept. */
  nameAt(bytes: Uint8Array, start: number, end: number): string {
    return JSON.parse(
      `"${Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString()}"`,
    ) as string
  }

  #holds(number: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = number === 0 ? 0 : (this.#ends[number - 1] ?? 0)
    const length = (this.#ends[number] ?? 0) - from
    if (length !== end - start) return false
    const known = this.#bytes
    for (let i = 0; i < length; i++) if (known[from + i] !== bytes[start + i]) return false
    return true
  }

  #add(slot: number, bytes: Uint8Array, start: number, end: number): number {
    const number = this.names.length
    if (number >= KEYS_MAX) return -1
    this.#slots[slot] = number
    const from = number === 0 ? 0 : (this.#ends[number - 1] ?? 0)
    const to = from + end - start
    if (to > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(to, 2 * this.#bytes.length))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes.set(bytes.subarray(start, end), from)
    this.#ends[number] = to
    this.names.push(this.nameAt(bytes, start, end))
    return number
  }
}
