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

/** False: the key was never added. True: perhaps it was. */
export function mayHold(filter: Uint32Array, key: Uint32Array): boolean {
  const block = blockOf(filter, key[1] as number)
  const step = (key[3] as number) | 1
  let bit = key[2] as number
  for (let i = 0; i < PROBES; i++) {
    if (((filter[block + (bit >>> 28)] as number) & (1 << ((bit >>> 23) & 31))) === 0) return false
    bit = (bit + step) >>> 0
  }
  return true
}

function blockOf(filter: Uint32Array, word: number): number {
  return Math.floor((word * (filter.length / BLOCK_WORDS)) / 2 ** 32) * BLOCK_WORDS
}
