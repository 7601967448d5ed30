// Event types by number. A name keeps its number for the life of the kernel.

import { copy, TYPE_BYTES_MAX, TYPE_NAMES, TYPE_OTHER, TYPE_ROWS, TYPE_SLOTS } from './layout'
import { murmur } from './text'

export let typesCount: u32 = 1
let latest: u32 = 0
let seed: u32 = 0

/** Seeded so that nobody can choose names that all fall on one slot. */
export function setTypeSeed(to: u32): void {
  seed = to
}

function isNamed(type: u32, at: usize, length: u32): bool {
  if (load<u32>(TYPE_ROWS + ((<usize>type) << 3), 4) !== length) return false
  let name = TYPE_NAMES + ((<usize>type) << 8)
  const whole = at + (length & ~15)
  for (; at < whole; at += 16, name += 16) {
    if (v128.any_true(v128.xor(v128.load(at), v128.load(name)))) return false
  }
  const rest = length & 15
  if (!rest) return true
  const same = i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(name)))
  return (~same & ((1 << rest) - 1)) === 0
}

export function typeOf(at: usize, length: u32): u32 {
  if (!length) return 0
  if (length > TYPE_BYTES_MAX) return TYPE_OTHER
  // A batch mostly holds one type.
  if (latest && isNamed(latest, at, length)) return latest
  const hash = murmur(at, length, seed)
  let slot = hash & 16383
  // At most half of the slots are ever taken, so a free one ends the search.
  while (true) {
    const type: u32 = load<u16>(TYPE_SLOTS + ((<usize>slot) << 1))
    if (!type) break
    if (load<u32>(TYPE_ROWS + ((<usize>type) << 3)) === hash && isNamed(type, at, length)) {
      latest = type
      return type
    }
    slot = (slot + 1) & 16383
  }
  if (typesCount >= TYPE_OTHER) return TYPE_OTHER
  const type = typesCount++
  store<u16>(TYPE_SLOTS + ((<usize>slot) << 1), type)
  store<u32>(TYPE_ROWS + ((<usize>type) << 3), hash)
  store<u32>(TYPE_ROWS + ((<usize>type) << 3), length, 4)
  copy(TYPE_NAMES + ((<usize>type) << 8), at, length)
  latest = type
  return type
}
