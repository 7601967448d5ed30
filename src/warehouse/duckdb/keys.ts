/** Member names of events by their bytes, so that reading an event makes no text of a name that was met before. */

/** Distinct names that are kept; beyond it names are made into texts each time. Slots are twice as many, so that look-ups end soon. */
const KEYS_MAX = 4096
const SLOTS = 2 * KEYS_MAX

export class Keys {
  readonly names: string[] = []
  readonly #bytes: Buffer[] = []
  readonly #slots = new Int32Array(SLOTS).fill(-1)

  /** Number of the name whose raw JSON text, without quotes, lies at bytes[start .. end); -1 when no further names are kept. */
  numberOf(bytes: Uint8Array, start: number, end: number): number {
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
    const known = this.#bytes[number]
    if (known === undefined || known.length !== end - start) return false
    for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false
    return true
  }

  #add(slot: number, bytes: Uint8Array, start: number, end: number): number {
    const number = this.names.length
    if (number >= KEYS_MAX) return -1
    this.#slots[slot] = number
    this.#bytes.push(Buffer.from(bytes.slice(start, end)))
    this.names.push(this.nameAt(bytes, start, end))
    return number
  }
}
