/**
 * A blocked Bloom filter: says of most keys that a run does not hold, that it does not, from one place in memory. A key's seven bits lie in
 * one block of 512. With 10 bits per key about 2 % of the keys that are not there pass.
 */

const BLOCK_WORDS = 16
const BITS_PER_KEY = 10
const PROBES = 7
/** A run of more than 50 million keys gets fewer bits per key: more lookups go to the disk then, none goes wrong. */
const FILTER_BYTES_MAX = 64 * 1024 * 1024

export function filterFor(keysMax: number): Uint32Array {
  const bytes = Math.min(FILTER_BYTES_MAX, Math.ceil((keysMax * BITS_PER_KEY) / 8))
  const blocks = Math.max(1, Math.ceil(bytes / (BLOCK_WORDS * 4)))
  return new Uint32Array(new SharedArrayBuffer(blocks * BLOCK_WORDS * 4))
}

export function addToFilter(filter: Uint32Array, key: Uint32Array, at: number): void {
  const block = blockOf(filter, key[at + 1] as number)
  const step = (key[at + 3] as number) | 1
  let bit = key[at + 2] as number
  for (let i = 0; i < PROBES; i++) {
    const word = block + (bit >>> 28)
    filter[word] = (filter[word] as number) | (1 << ((bit >>> 23) & 31))
    bit = (bit + step) >>> 0
  }
}

/** Reads the blocks of `count` keys, one behind the other, ahead of `mayHold`: see IdentityTable.approach. */
export function approachFilter(filter: Uint32Array, keys: Uint32Array, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += filter[blockOf(filter, keys[i * 4 + 1] as number)] as number
  return sum
}

/** False: the key at keys[at ..] was never added. True: perhaps it was. */
export function mayHold(filter: Uint32Array, keys: Uint32Array, at = 0): boolean {
  const block = blockOf(filter, keys[at + 1] as number)
  const step = (keys[at + 3] as number) | 1
  let bit = keys[at + 2] as number
  for (let i = 0; i < PROBES; i++) {
    if (((filter[block + (bit >>> 28)] as number) & (1 << ((bit >>> 23) & 31))) === 0) return false
    bit = (bit + step) >>> 0
  }
  return true
}

function blockOf(filter: Uint32Array, word: number): number {
  return Math.floor((word * (filter.length / BLOCK_WORDS)) / 2 ** 32) * BLOCK_WORDS
}
