/**
 * Keys in memory, by open addressing in one typed array: five words per slot, four of the key and the second it was marked (0: the slot is
 * empty). A key's home is proportional to its first word and nothing wraps around, so the table is nearly in order of keys: sorting it for
 * a run moves each entry a few places only.
 */

export const ENTRY_WORDS = 5
const LOAD = 0.75
/** Slots behind the last home, for what is pushed on: with keys spread evenly a crowd of so many in a row does not happen. */
const OVERHANG_MAX = 4096

export class IdentityTable {
  readonly words: Uint32Array
  /** How many ids it takes. */
  readonly capacity: number
  size = 0
  /** The earliest second in it; Infinity when empty. Removing does not raise it. */
  oldestSeconds = Number.POSITIVE_INFINITY
  readonly #homes: number
  readonly #scale: number

  constructor(capacity: number) {
    this.capacity = capacity
    this.#homes = Math.ceil(capacity / LOAD)
    this.#scale = this.#homes / 2 ** 32
    const slots = this.#homes + Math.min(capacity, OVERHANG_MAX) + 1
    // Shared, so that a worker can read it without a copy while lookups go on.
    this.words = new Uint32Array(new SharedArrayBuffer(slots * ENTRY_WORDS * 4))
  }

  get bytes(): number {
    return this.words.byteLength
  }

  /**
   * Reads where the searches for `count` keys, one behind the other, begin. These reads do not wait for each other, as those of one search after
   * the other do: the table is far larger than the processor's caches, and afterwards what is searched is in them. The sum means nothing; it is
   * there so that the reads are not left out.
   */
  approach(keys: Uint32Array, count: number): number {
    const words = this.words
    let sum = 0
    for (let i = 0; i < count; i++) sum += words[this.#home(keys[i * 4] as number) + 4] as number
    return sum
  }

  /** Position of the entry of the key at keys[from ..], or -1 - position of the slot where it would go. */
  find(keys: Uint32Array, from = 0): number {
    const words = this.words
    const a = keys[from] as number
    const b = keys[from + 1] as number
    const c = keys[from + 2] as number
    const d = keys[from + 3] as number
    let at = this.#home(a)
    while (words[at + 4] !== 0) {
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return at
      at += ENTRY_WORDS
    }
    return -1 - at
  }

  /** The second at which the entry at `position` was marked. */
  secondsAt(position: number): number {
    return this.words[position + 4] as number
  }

  /** `seconds` is at least 1. */
  setSeconds(position: number, seconds: number): void {
    this.words[position + 4] = seconds
    if (seconds < this.oldestSeconds) this.oldestSeconds = seconds
  }

  /** Puts the key at keys[from ..] where `find` said it goes. The caller keeps to `capacity`. */
  insert(position: number, keys: Uint32Array, from: number, seconds: number): void {
    const words = this.words
    if (position + ENTRY_WORDS >= words.length)
      throw new RangeError('the keys of the dedupe table are not spread evenly')
    // Word by word: a call of the array's own methods costs more than the copy.
    for (let word = 0; word < 4; word++) words[position + word] = keys[from + word] as number
    this.setSeconds(position, seconds)
    this.size++
  }

  /** Takes an entry out and moves those behind it up, so that no trace stays. */
  remove(position: number): void {
    const words = this.words
    let hole = position
    for (let at = position + ENTRY_WORDS; words[at + 4] !== 0; at += ENTRY_WORDS) {
      if (this.#home(words[at] as number) > hole) continue
      words.copyWithin(hole, at, at + ENTRY_WORDS)
      hole = at
    }
    words.fill(0, hole, hole + ENTRY_WORDS)
    this.size--
  }

  clear(): void {
    this.words.fill(0)
    this.size = 0
    this.oldestSeconds = Number.POSITIVE_INFINITY
  }

  #home(a: number): number {
    return Math.floor(a * this.#scale) * ENTRY_WORDS
  }
}

/** How many entries of a table's words were marked at or after `sinceSeconds`. */
export function entriesSince(words: Uint32Array, sinceSeconds: number): number {
  let count = 0
  for (let at = 4; at < words.length; at += ENTRY_WORDS) {
    const seconds = words[at] as number
    if (seconds !== 0 && seconds >= sinceSeconds) count++
  }
  return count
}

/**
 * Shows the entries of a table's words in order of their keys, without those marked before `sinceSeconds`. A copy of the table is not made:
 * homes are in the order of keys, so a crowd, the entries between two empty slots, is sorted by itself. `visit` gets an array that is used again,
 * and the place in it.
 */
export function visitSorted(
  words: Uint32Array,
  sinceSeconds: number,
  visit: (entries: Uint32Array, at: number) => void,
): void {
  let crowd = new Uint32Array(CROWD_ENTRIES * ENTRY_WORDS)
  let end = 0
  for (let at = 0; at < words.length; at += ENTRY_WORDS) {
    const seconds = words[at + 4] as number
    if (seconds === 0) {
      for (let from = 0; from < end; from += ENTRY_WORDS) visit(crowd, from)
      end = 0
    } else if (seconds >= sinceSeconds) {
      if (end === crowd.length) crowd = grown(crowd)
      insertSorted(crowd, end, words, at)
      end += ENTRY_WORDS
    }
  }
  for (let from = 0; from < end; from += ENTRY_WORDS) visit(crowd, from)
}

/** Usual crowds are of tens. */
const CROWD_ENTRIES = 256

function grown(entries: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(entries.length * 2)
  larger.set(entries)
  return larger
}

/** Puts words[at ..] in its place among the sorted entries before `end`. */
function insertSorted(entries: Uint32Array, end: number, words: Uint32Array, at: number): void {
  let to = end
  while (to > 0 && compareKeys(entries, to - ENTRY_WORDS, words, at) > 0) {
    copyEntry(entries, to - ENTRY_WORDS, entries, to)
    to -= ENTRY_WORDS
  }
  copyEntry(words, at, entries, to)
}

/** Word by word: for so few, a call of the array's own methods costs more than the copy. */
export function copyEntry(from: Uint32Array, at: number, into: Uint32Array, to: number): void {
  for (let word = 0; word < ENTRY_WORDS; word++) into[to + word] = from[at + word] as number
}

/** Below, at or above zero as the key at x[i] is before, equal to or behind the one at y[j]. */
export function compareKeys(x: Uint32Array, i: number, y: Uint32Array, j: number): number {
  for (let word = 0; word < 4; word++) {
    const difference = (x[i + word] as number) - (y[j + word] as number)
    if (difference !== 0) return difference
  }
  return 0
}
