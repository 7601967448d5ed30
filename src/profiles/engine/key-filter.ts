/**
 * A Bloom filter for identifiers: says for certain that one was never added, and perhaps wrongly (in three of a hundred cases at most) that one was.
 * It grows with what is added, at some ten bits each. All bits of a key lie in one block of 64 bytes: each question waits for memory once.
 */

import { mixed } from './key-hash.ts'

const BITS_PER_KEY = 10
const PROBES = 6
const WORDS_PER_BLOCK = 16
const BLOCK_MASK = WORDS_PER_BLOCK * 32 - 1
/** log2 of the bits of each layer, the last of which takes all the rest: 0.4, 3, 27 and 215 million keys. */
const LAYER_BITS = [22, 25, 28, 31] as const

interface Layer {
  readonly words: Int32Array
  /** Of the number of a block. */
  readonly mask: number
  readonly room: number
}

export class KeyFilter {
  readonly #layers: Layer[] = [layer(LAYER_BITS[0])]
  /** Keys that were added to the last layer. */
  #added = 0

  /** `hash`: `hashOf` the key. */
  add(hash: number): void {
    if (this.mayHave(hash)) return
    const nextBits = LAYER_BITS[this.#layers.length]
    if (this.#added >= (this.#layers.at(-1) as Layer).room && nextBits !== undefined) {
      this.#layers.push(layer(nextBits))
      this.#added = 0
    }
    mark(this.#layers.at(-1) as Layer, hash)
    this.#added++
  }

  mayHave(hash: number): boolean {
    for (const one of this.#layers) if (isMarked(one, hash)) return true
    return false
  }
}

function layer(bits: number): Layer {
  const words = new Int32Array(2 ** bits / 32)
  return { words, mask: words.length / WORDS_PER_BLOCK - 1, room: Math.floor(2 ** bits / BITS_PER_KEY) }
}

function mark({ words, mask }: Layer, hash: number): void {
  const start = (hash & mask) * WORDS_PER_BLOCK
  const probes = mixed(hash)
  const step = (probes >>> 9) | 1
  for (let i = 0, bit = probes; i < PROBES; i++, bit = (bit + step) | 0) {
    const at = start + ((bit & BLOCK_MASK) >>> 5)
    words[at] = (words[at] as number) | (1 << (bit & 31))
  }
}

function isMarked({ words, mask }: Layer, hash: number): boolean {
  const start = (hash & mask) * WORDS_PER_BLOCK
  const probes = mixed(hash)
  const step = (probes >>> 9) | 1
  for (let i = 0, bit = probes; i < PROBES; i++, bit = (bit + step) | 0)
    if (((words[start + ((bit & BLOCK_MASK) >>> 5)] as number) & (1 << (bit & 31))) === 0) return false
  return true
}
