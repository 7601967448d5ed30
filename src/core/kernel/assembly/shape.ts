// The shape of an event: a hash over the paths of its members and the kinds of their values. The rules stand in ../shape.ts, the twin.

import { decimal } from './json'

const NAME: u64 = ((<u64>0x9e3779b1) << 32) | 0x85ebca87
const WORD: u64 = ((<u64>0xc2b2ae3d) << 32) | 0x27d4eb4f
const KIND: u64 = ((<u64>0x165667b1) << 32) | 0x9e3779f9

/** Members of objects this deep count for themselves; what lies deeper is only the kind of its parent. */
export const SHAPE_DEPTH: u32 = 3
const KEY_BYTES_MAX: usize = 256

/** The path of the event itself. */
export let root: u64 = 0
let sum: u64 = 0

/** Keyed, so that nobody can choose two events whose shapes meet. */
export function setShapeKey(low: u64, high: u64): void {
  root = (low * NAME) ^ high
}

export function beginShape(): void {
  sum = 0
}

/** Never 0: that means that no shape was taken. */
export function shape(): u64 {
  return sum ? sum : 1
}

/** The path of the key at [at, stop), as it is written, below the path `parent`. */
export function below(parent: u64, at: usize, stop: usize): u64 {
  const length = stop - at
  const bytes = length < KEY_BYTES_MAX ? length : KEY_BYTES_MAX
  let path = parent ^ (<u64>length * NAME)
  const whole = at + (bytes & ~7)
  for (; at < whole; at += 8) path = rotl<u64>(path ^ (load<u64>(at) * WORD), 29) * NAME
  const rest = <u64>(bytes & 7)
  if (rest) {
    const tail = load<u64>(at) & (((<u64>1) << (rest << 3)) - 1)
    path = rotl<u64>(path ^ (tail * WORD), 29) * NAME
  }
  return path
}

/** Adds the member at `path`, whose value begins with the byte at `value` and was the last to be read. */
export function noteMember(path: u64, value: usize): void {
  let member = path + kindOf(load<u8>(value)) * KIND
  member = (member ^ (member >> 32)) * WORD
  sum += member ^ (member >> 29)
}

/** Index into KINDS of ../shape.ts. */
function kindOf(c: u32): u64 {
  if (c === 0x22) return 0
  if (c === 0x74 || c === 0x66) return 3
  if (c === 0x6e) return 4
  if (c === 0x5b) return 5
  if (c === 0x7b) return 6
  return decimal ? 2 : 1
}
