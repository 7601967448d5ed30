/** What two sets of keys (partitions.ts) differ by, in one pass over both. */

import { ENTRY_WORDS, PARTITIONS, type Partition, type Partitions } from './partitions.ts'

export interface Difference {
  /** Different keys among those that came. */
  readonly distinct: number
  /** References, ascending: of what came and is not surely known, one for each key. */
  readonly entering: Uint32Array
  /** References of the known ones that did not come, ascending and without their last bit. */
  readonly leaving: { readonly certain: Uint32Array; readonly doubted: Uint32Array }
}

/** The last bit of a known one's reference: whether it is certain. What is not certain counts as different either way. */
export function knownReference(place: number, isCertain: boolean): number {
  return place * 2 + (isCertain ? 1 : 0)
}

/** `known`: each key at most once as certain, and at most once as doubted. */
export function differenceOf(came: Partitions, known: Partitions): Difference {
  const found = {
    distinct: 0,
    entering: new References(),
    certain: new References(),
    doubted: new References(),
  }
  const table = new Table()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    table.fill(came.read(partition))
    found.distinct += table.distinct
    const { words, count } = known.read(partition)
    for (let at = 0; at < count * ENTRY_WORDS; at += ENTRY_WORDS) {
      const reference = words[at + ENTRY_WORDS - 1] ?? 0
      const isCertain = (reference & 1) === 1
      if (!table.meets(words, at, isCertain)) (isCertain ? found.certain : found.doubted).add(reference >>> 1)
    }
    table.eachUnmet((reference) => found.entering.add(reference))
  }
  return {
    distinct: found.distinct,
    entering: found.entering.ascending(),
    leaving: { certain: found.certain.ascending(), doubted: found.doubted.ascending() },
  }
}

/** The different keys of one partition, by open addressing. */
class Table {
  distinct = 0
  /** Number of an entry + 1; 0: free. Its length is a power of two, at least twice the entries. */
  #slots = new Int32Array(0)
  #mask = 0
  #words = new Int32Array(0)
  #count = 0
  /** Of each entry: 0 not met, 1 met, 2 a repeat. */
  #states = new Uint8Array(0)

  fill({ words, count }: Partition): void {
    const length = 2 ** Math.ceil(Math.log2(Math.max(2, count * 2)))
    if (this.#slots.length < length) this.#slots = new Int32Array(length)
    else this.#slots.fill(0, 0, length)
    if (this.#states.length < count) this.#states = new Uint8Array(Math.ceil(count * 1.25))
    else this.#states.fill(0, 0, count)
    this.#mask = length - 1
    this.#words = words
    this.#count = count
    this.distinct = count
    for (let entry = 0; entry < count; entry++) {
      const slot = this.#slotOf(words, entry * ENTRY_WORDS)
      if (this.#slots[slot] === 0) {
        this.#slots[slot] = entry + 1
        continue
      }
      this.#states[entry] = 2
      this.distinct--
    }
  }

  /** Whether the key at words[at] is there; `marks`: from now on it counts as met. */
  meets(words: Int32Array, at: number, marks: boolean): boolean {
    const entry = this.#slots[this.#slotOf(words, at)] ?? 0
    if (entry === 0) return false
    if (marks) this.#states[entry - 1] = 1
    return true
  }

  eachUnmet(visit: (reference: number) => void): void {
    for (let entry = 0; entry < this.#count; entry++)
      if (this.#states[entry] === 0) visit((this.#words[entry * ENTRY_WORDS + ENTRY_WORDS - 1] ?? 0) >>> 0)
  }

  /** Where the key is, or the free slot where it would be. The first word has chosen the partition; the second one chooses here. */
  #slotOf(words: Int32Array, at: number): number {
    const slots = this.#slots
    const mask = this.#mask
    const own = this.#words
    const second = words[at + 1] ?? 0
    let slot = second & mask
    for (;;) {
      const entry = slots[slot] ?? 0
      if (entry === 0) return slot
      const there = (entry - 1) * ENTRY_WORDS
      if (
        own[there + 1] === second &&
        own[there] === words[at] &&
        own[there + 2] === words[at + 2] &&
        own[there + 3] === words[at + 3]
      )
        return slot
      slot = (slot + 1) & mask
    }
  }
}

class References {
  #list = new Uint32Array(1_024)
  #count = 0

  add(reference: number): void {
    if (this.#count === this.#list.length) {
      const grown = new Uint32Array(this.#count * 2)
      grown.set(this.#list)
      this.#list = grown
    }
    this.#list[this.#count++] = reference
  }

  ascending(): Uint32Array {
    return this.#list.subarray(0, this.#count).sort()
  }
}
