// The bytes of a block of Avro records. A function takes the position where a value begins; the position behind it is in `next`,
// or given back. 0 = no, and then `fault` is set. Behind the block lie zero bytes: whoever reads over its end reads those, and asks afterwards.

import { SLACK } from '../../../core/kernel/assembly/layout'
import { ENDS, OUT_OF_BOUNDS, TEXT_ENDS, TOO_MANY_BYTES } from './layout'

const LONG_BYTES_MAX: usize = 10
/** 2^53 - 1: what a length or a count may be. */
const WHOLE_MAX: i64 = ((<i64>0x1fffff) << 32) | 0xffffffff

/** One past the last byte of the block. */
export let stop: usize = 0
export let fault: u32 = 0
/** Behind what was read last. */
export let next: usize = 0

/** Declares the block, whose last byte lies before `end`. There are SLACK bytes behind it. */
export function setSource(end: usize): void {
  stop = end
  memory.fill(end, 0, SLACK)
}

export function clearFault(): void {
  fault = 0
}

/** Where the next value begins. */
export function moveSource(at: usize): void {
  next = at
}

export function refuse(why: u32): usize {
  fault = why
  next = 0
  return 0
}

/** An int or a long. */
export function long(at: usize): i64 {
  let word: u64 = load<u8>(at)
  let bytes: usize = 1
  if (word >= 0x80) {
    word &= 0x7f
    while (true) {
      const c: u64 = load<u8>(at + bytes)
      word |= (c & 0x7f) << (7 * bytes)
      bytes++
      if (c < 0x80) {
        // The tenth byte holds the last of 64 bits.
        if (bytes === LONG_BYTES_MAX && c > 1) return refuse(TOO_MANY_BYTES)
        break
      }
      if (bytes === LONG_BYTES_MAX) return refuse(TOO_MANY_BYTES)
    }
  }
  next = at + bytes
  if (next > stop) return refuse(ENDS)
  return <i64>(word >> 1) ^ -(<i64>(word & 1))
}

/** A count; negative ones have a meaning. */
export function whole(at: usize): i64 {
  const value = long(at)
  return value > WHOLE_MAX || value < -WHOLE_MAX ? refuse(OUT_OF_BOUNDS) : value
}

/** The length of a string or of bytes, which lie within the block. */
export function length(at: usize): usize {
  const value = whole(at)
  if (!next) return 0
  return value < 0 || value > <i64>(stop - next) ? refuse(TEXT_ENDS) : <usize>value
}

/** Past `bytes` bytes. */
export function past(at: usize, bytes: usize): usize {
  return bytes > stop - at ? refuse(ENDS) : at + bytes
}

export function pastLong(at: usize): usize {
  const last = at + LONG_BYTES_MAX
  while (at < last) {
    if (load<u8>(at++) < 0x80) return at > stop ? refuse(ENDS) : at
  }
  return refuse(TOO_MANY_BYTES)
}

/** Past a string or bytes. */
export function pastText(at: usize): usize {
  const bytes = length(at)
  return next ? next + bytes : 0
}
