/**
 * Turns an identity of a source into the key under which the dedupe table keeps it: a keyed permutation of the 128 bits, another one
 * for each source. As it is a permutation, equal keys of one source mean equal identities; as it is keyed with a secret of this
 * installation, nobody can choose ids that crowd one place of a table or meet another source's keys. The result is spread evenly, so
 * tables, runs and filters use its bits as they are.
 */

const SOURCES_KEPT_MAX = 4096

export class IdentityMix {
  readonly #secret: Uint32Array
  readonly #roundKeys = new Map<number, Uint32Array>()
  #source = -1
  #rounds: Uint32Array = new Uint32Array(4)

  /** `secret`: 16 random bytes. */
  constructor(secret: Uint8Array) {
    const view = new DataView(secret.buffer, secret.byteOffset, 16)
    this.#secret = Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(i * 4, true))
  }

  /** Chooses the source of the following calls of `mix`. */
  choose(source: number): void {
    if (source === this.#source) return
    this.#source = source
    this.#rounds = this.#roundKeys.get(source) ?? this.#derive(source)
  }

  /** Writes the key of the identity at items[word ..] to keys[at ..]; four words each. */
  mix(items: Uint32Array, word: number, keys: Uint32Array, at: number): void {
    const rounds = this.#rounds
    const k0 = rounds[0] as number
    const k1 = rounds[1] as number
    const k2 = rounds[2] as number
    const k3 = rounds[3] as number
    // Each line changes one word by the others only, so each can be undone: twice around, every word depends on all.
    let w = items[word] as number
    let x = (items[word + 1] as number) ^ scramble(w ^ k0)
    let y = (items[word + 2] as number) ^ scramble(x ^ k1)
    let z = (items[word + 3] as number) ^ scramble(y ^ k2)
    w ^= scramble(z ^ k3)
    x ^= scramble(w ^ k2)
    y ^= scramble(x ^ k3)
    z ^= scramble(y ^ k0)
    w ^= scramble(z ^ k1)
    keys[at] = w
    keys[at + 1] = x
    keys[at + 2] = y
    keys[at + 3] = z
  }

  #derive(source: number): Uint32Array {
    const rounds = new Uint32Array(4)
    let state = source
    for (let i = 0; i < 4; i++) {
      state = scramble((state + 0x9e3779b9 + i) ^ (this.#secret[i] ?? 0))
      rounds[i] = state ^ (this.#secret[(i + 1) % 4] ?? 0)
    }
    if (this.#roundKeys.size >= SOURCES_KEPT_MAX) this.#roundKeys.clear()
    this.#roundKeys.set(source, rounds)
    return rounds
  }
}

/** lowbias32 by Chris Wellons: a 32-bit mixer with little bias. */
function scramble(value: number): number {
  let x = value
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16)
}
