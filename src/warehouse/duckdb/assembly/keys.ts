// Member names by their bytes. Events are much like those before them, so what followed a name last time is tried first.

import { string } from '../../../core/kernel/assembly/json'
import { FOLLOWING, KEY_BYTES, KEY_BYTES_MAX, KEY_ROWS, KEYS_MAX, SLOTS, SLOTS_COUNT } from './layout'

const NONE: u32 = 0xffffffff
let count: u32 = 0
let bytes: usize = KEY_BYTES
/** Of the key read last; NONE = it is not kept. */
export let key: u32 = NONE

/** Before the first key of an event. */
export function beginKeys(): void {
  key = NONE
}

export function isKnown(): bool {
  return key !== NONE
}

/** From behind the opening quote of a key to behind the closing one, or 0. */
export function readKey(at: usize): usize {
  const link = FOLLOWING + ((<usize>(key + 1)) << 2)
  const expected = load<u32>(link)
  if (expected) {
    const row = KEY_ROWS + ((<usize>(expected - 1)) << 3)
    const length = <usize>load<u32>(row, 4)
    if (load<u8>(at + length) === 0x22 && isSame(<usize>load<u32>(row), at, length)) {
      key = expected - 1
      return at + length + 1
    }
  }
  const stop = string(at)
  if (!stop) return 0
  key = find(at, stop - 1 - at)
  if (key !== NONE) store<u32>(link, key + 1)
  return stop
}

function isSame(a: usize, b: usize, length: usize): bool {
  const stop = a + length
  while (a + 8 <= stop) {
    if (load<u64>(a) !== load<u64>(b)) return false
    a += 8
    b += 8
  }
  while (a < stop) if (load<u8>(a++) !== load<u8>(b++)) return false
  return true
}

function slotOf(at: usize, length: usize): u32 {
  let hash: u32 = <u32>length
  for (let i: usize = 0; i < length; i++) hash = hash * 31 + <u32>load<u8>(at + i)
  return (hash ^ (hash >>> 15)) & (SLOTS_COUNT - 1)
}

function find(at: usize, length: usize): u32 {
  let slot = slotOf(at, length)
  while (true) {
    const held = <u32>load<u16>(SLOTS + ((<usize>slot) << 1))
    if (!held) return NONE
    const row = KEY_ROWS + ((<usize>(held - 1)) << 3)
    if (<usize>load<u32>(row, 4) === length && isSame(<usize>load<u32>(row), at, length)) return held - 1
    slot = (slot + 1) & (SLOTS_COUNT - 1)
  }
}

/** Number of the key whose bytes, without quotes, lie at `at`, kept from now on; NONE when there is no room. */
export function keepKey(at: usize, length: usize): u32 {
  const known = find(at, length)
  if (known !== NONE || count === KEYS_MAX || bytes + length > KEY_BYTES + KEY_BYTES_MAX) return known
  let slot = slotOf(at, length)
  while (load<u16>(SLOTS + ((<usize>slot) << 1))) slot = (slot + 1) & (SLOTS_COUNT - 1)
  const row = KEY_ROWS + ((<usize>count) << 3)
  memory.copy(bytes, at, length)
  store<u32>(row, <u32>bytes)
  store<u32>(row, <u32>length, 4)
  bytes += length
  count++
  store<u16>(SLOTS + ((<usize>slot) << 1), count)
  return count - 1
}
