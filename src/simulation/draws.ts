/**
 * Chance that does not depend on the order of asking: a number follows from the seed, what it is for, and the instant. Two runs that were equal so
 * far draw equally, whatever the machine did in between.
 */

import { murmur3 } from '../core/kernel/identity.ts'
import type { WorldClock } from './time.ts'

const encoder = new TextEncoder()

/** The same words, the same number: from 0 to below 1. */
export function drawn(...words: readonly (string | number)[]): number {
  const bytes = encoder.encode(words.join('\n'))
  const high = murmur3(bytes, 0x7468616c)
  const low = murmur3(bytes, 0x7765672d)
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53
}

/** Draws of one world, keyed by the instant and by how often the same was drawn in it. */
export class Draws {
  readonly #seed: number
  readonly #clock: WorldClock
  #instant = -1
  readonly #counts = new Map<string, number>()

  constructor(seed: number, clock: WorldClock) {
    this.#seed = seed
    this.#clock = clock
  }

  next(what: string): number {
    const instant = this.#clock.elapsedMs
    if (instant !== this.#instant) {
      this.#instant = instant
      this.#counts.clear()
    }
    const count = this.#counts.get(what) ?? 0
    this.#counts.set(what, count + 1)
    return drawn(this.#seed, what, instant, count)
  }

  between(what: string, from: number, to: number): number {
    return from + (to - from) * this.next(what)
  }

  happens(what: string, chance: number): boolean {
    return this.next(what) < chance
  }
}
