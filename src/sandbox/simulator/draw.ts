/**
 * Drawing things from a stream of random numbers. Every draw takes a fixed or bounded number of them, so
 * that a seed tells all.
 */

import type { Random } from '../../core/random.ts'

export function chance(random: Random, probability: number): boolean {
  return random() < probability
}

/** An integer from `from` up to and including `to`. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1))
}

export function decimal(random: Random, from: number, to: number, digits: number): number {
  return Number((from + random() * (to - from)).toFixed(digits))
}

/** One of the items. Throws RangeError when there is none. */
export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new RangeError('Nothing to pick from')
  return item
}

/** One of the items, by their weights. Throws RangeError when there is none. */
export function weighted<T extends { readonly weight: number }>(random: Random, items: readonly T[]): T {
  let left = random() * items.reduce((sum, item) => sum + item.weight, 0)
  for (const item of items) {
    left -= item.weight
    if (left < 0) return item
  }
  return pick(random, items)
}

/** Lower-case hexadecimal digits. */
export function hex(random: Random, digits: number): string {
  let text = ''
  while (text.length < digits) {
    text += Math.floor(random() * 0x100000000)
      .toString(16)
      .padStart(8, '0')
  }
  return text.slice(0, digits)
}

/** A version 4 UUID. */
export function uuid(random: Random): string {
  const digits = hex(random, 32)
  const variant = '89ab'[Number.parseInt(digits.charAt(16), 16) & 3]
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20),
  ].join('-')
}
