/** Whose some hundred thousand identifiers are: a hash table that takes a hash that was made before, and is half as dear as a map. */

import type { IdentifierKey } from '../profile.ts'

/** Slots for each key that there is room for: short ways to a free one. */
const SLOTS_PER_KEY = 2
const ROOM_FIRST = 4_096

export class KeyTable {
  readonly #keys: IdentifierKey[] = []
  #hashes = new Int32Array(ROOM_FIRST)
  /** 0: taken out. */
  #owners = new Float64Array(ROOM_FIRST)
  /** Place of a key plus one, by its hash; 0: free. */
  #slots = new Int32Array(ROOM_FIRST * SLOTS_PER_KEY)

  /** Keys that were put in, also those that were taken out again. */
  get size(): number {
    return this.#keys.length
  }

  /** `hash`: `hashOf` the key. undefined: not here. */
  get(key: IdentifierKey, hash: number): number | undefined {
    const place = this.#placeOf(key, hash)
    return place === -1 ? undefined : this.#owners[place] || undefined
  }

  /** `owner`: above 0. */
  set(key: IdentifierKey, hash: number, owner: number): void {
    const known = this.#placeOf(key, hash)
    if (known !== -1) {
      this.#owners[known] = owner
      return
    }
    const place = this.#keys.length
    if (place === this.#owners.length) this.#grow()
    this.#keys.push(key)
    this.#hashes[place] = hash
    this.#owners[place] = owner
    this.#slots[this.#freeSlot(hash)] = place + 1
  }

  delete(key: IdentifierKey, hash: number): void {
    const place = this.#placeOf(key, hash)
    if (place !== -1) this.#owners[place] = 0
  }

  /** Whether it was ever put in. */
  knows(key: IdentifierKey, hash: number): boolean {
    return this.#placeOf(key, hash) !== -1
  }

  /** Of those that are here. */
  forEach(visit: (key: IdentifierKey, hash: number, owner: number) => void): void {
    this.#keys.forEach((key, place) => {
      const owner = this.#owners[place] as number
      if (owner !== 0) visit(key, this.#hashes[place] as number, owner)
    })
  }

  #grow(): void {
    const room = this.#owners.length * 2
    this.#hashes = grown(this.#hashes, new Int32Array(room))
    this.#owners = grown(this.#owners, new Float64Array(room))
    this.#slots = new Int32Array(room * SLOTS_PER_KEY)
    for (let place = 0; place < this.#keys.length; place++)
      this.#slots[this.#freeSlot(this.#hashes[place] as number)] = place + 1
  }

  #freeSlot(hash: number): number {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    return slot
  }

  /** -1: none. */
  #placeOf(key: IdentifierKey, hash: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = (this.#slots[slot] as number) - 1
      if (place === -1 || (this.#hashes[place] === hash && this.#keys[place] === key)) return place
    }
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, into: T): T {
  into.set(from)
  return into
}
