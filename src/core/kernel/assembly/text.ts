// Strings without their escapes, and the hashes over them. Everything here has a twin in ../identity.ts that must agree for ever:
// identities and person hashes are on disk.

import { hex } from './json'

function hex4(at: usize): u32 {
  return (
    (hex(load<u8>(at)) << 12) |
    (hex(load<u8>(at + 1)) << 8) |
    (hex(load<u8>(at + 2)) << 4) |
    hex(load<u8>(at + 3))
  )
}

/** Writes the string at [from, stop), already found valid, to `to` as UTF-8; gives the end. Never longer than the source. */
export function withoutEscapes(from: usize, stop: usize, to: usize): usize {
  while (from < stop) {
    let c: u32 = load<u8>(from)
    if (c !== 0x5c) {
      store<u8>(to++, c)
      from++
      continue
    }
    c = load<u8>(from + 1)
    if (c !== 0x75) {
      if (c === 0x62) c = 0x08
      else if (c === 0x66) c = 0x0c
      else if (c === 0x6e) c = 0x0a
      else if (c === 0x72) c = 0x0d
      else if (c === 0x74) c = 0x09
      store<u8>(to++, c)
      from += 2
      continue
    }
    let unit = hex4(from + 2)
    from += 6
    if ((unit & 0xfc00) === 0xd800 && from + 6 <= stop && load<u16>(from) === 0x755c) {
      const low = hex4(from + 2)
      if ((low & 0xfc00) === 0xdc00) {
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
        from += 6
      }
    }
    if ((unit & 0xfffff800) === 0xd800) unit = 0xfffd // half of a pair: what TextEncoder makes of it
    to = encode(unit, to)
  }
  return to
}

function encode(point: u32, to: usize): usize {
  if (point < 0x80) {
    store<u8>(to, point)
    return to + 1
  }
  if (point < 0x800) {
    store<u8>(to, 0xc0 | (point >> 6))
    store<u8>(to, 0x80 | (point & 63), 1)
    return to + 2
  }
  if (point < 0x10000) {
    store<u8>(to, 0xe0 | (point >> 12))
    store<u8>(to, 0x80 | ((point >> 6) & 63), 1)
    store<u8>(to, 0x80 | (point & 63), 2)
    return to + 3
  }
  store<u8>(to, 0xf0 | (point >> 18))
  store<u8>(to, 0x80 | ((point >> 12) & 63), 1)
  store<u8>(to, 0x80 | ((point >> 6) & 63), 2)
  store<u8>(to, 0x80 | (point & 63), 3)
  return to + 4
}

/** MurmurHash3, 32 bits (Austin Appleby, public domain). */
export function murmur(at: usize, length: u32, seed: u32): u32 {
  let h = seed
  const stop = at + (length & ~3)
  for (; at < stop; at += 4) {
    h = rotl<u32>(h ^ (rotl<u32>(load<u32>(at) * 0xcc9e2d51, 15) * 0x1b873593), 13) * 5 + 0xe6546b64
  }
  const rest = length & 3
  if (rest) {
    const tail = load<u32>(at) & ((1 << (rest << 3)) - 1)
    h ^= rotl<u32>(tail * 0xcc9e2d51, 15) * 0x1b873593
  }
  h ^= length
  h = (h ^ (h >> 16)) * 0x85ebca6b
  h = (h ^ (h >> 13)) * 0xc2b2ae35
  return h ^ (h >> 16)
}

const PERSON_SEED: u32 = 0x7468616c

/** Never 0: that means nobody. */
export function person(at: usize, length: u32): u32 {
  const h = murmur(at, length, PERSON_SEED)
  return h ? h : 1
}

// Wide constants are written as halves: to tools that read this as TypeScript they would be inexact numbers.
const SIP_0: u64 = ((<u64>0x736f6d65) << 32) | 0x70736575
const SIP_1: u64 = ((<u64>0x646f7261) << 32) | 0x6e646f6d
const SIP_2: u64 = ((<u64>0x6c796765) << 32) | 0x6e657261
const SIP_3: u64 = ((<u64>0x74656462) << 32) | 0x79746573

let key0: u64 = 0
let key1: u64 = 0

export function setKey(low: u64, high: u64): void {
  key0 = low
  key1 = high
}

let v0: u64 = 0
let v1: u64 = 0
let v2: u64 = 0
let v3: u64 = 0

function round(): void {
  let a = v0 + v1
  let b = rotl<u64>(v1, 13) ^ a
  a = rotl<u64>(a, 32)
  let c = v2 + v3
  let d = rotl<u64>(v3, 16) ^ c
  a += d
  d = rotl<u64>(d, 21) ^ a
  c += b
  b = rotl<u64>(b, 17) ^ c
  c = rotl<u64>(c, 32)
  v0 = a
  v1 = b
  v2 = c
  v3 = d
}

/** SipHash-2-4 with 128 bits of output (Aumasson and Bernstein), written as 16 bytes to `to`. */
function siphash(at: usize, length: u32, to: usize): void {
  v0 = key0 ^ SIP_0
  v1 = key1 ^ SIP_1 ^ 0xee
  v2 = key0 ^ SIP_2
  v3 = key1 ^ SIP_3
  const stop = at + (length & ~7)
  for (; at < stop; at += 8) {
    const m = load<u64>(at)
    v3 ^= m
    round()
    round()
    v0 ^= m
  }
  const rest = <u64>(length & 7)
  const last = ((<u64>length) << 56) | (load<u64>(at) & (((<u64>1) << (rest << 3)) - 1))
  v3 ^= last
  round()
  round()
  v0 ^= last
  v2 ^= 0xee
  for (let i = 0; i < 4; i++) round()
  store<u64>(to, v0 ^ v1 ^ v2 ^ v3)
  v1 ^= 0xdd
  for (let i = 0; i < 4; i++) round()
  store<u64>(to, v0 ^ v1 ^ v2 ^ v3, 8)
}

/** Writes the four words of the identity of an id to `to`; see identityOf in ../identity.ts. */
export function identity(at: usize, length: u32, to: usize): void {
  if (length !== 36 || !uuid(at, to)) siphash(at, length, to)
  if ((load<u64>(to) | load<u64>(to, 8)) === 0) {
    v128.store(to, i32x4(0x7468616c, 0x7765672d, 0x6e696c2d, 0x69643030))
  }
}

/** The 128 bits of a lower-case UUID as four big-endian words; false when the 36 bytes are none. */
function uuid(at: usize, to: usize): bool {
  if (
    load<u8>(at, 8) !== 0x2d ||
    load<u8>(at, 13) !== 0x2d ||
    load<u8>(at, 18) !== 0x2d ||
    load<u8>(at, 23) !== 0x2d
  )
    return false
  // The 32 digits without the hyphens: 0-7 and 9-12 and 14-17 from the first half, 19-22 and 24-35 from the second.
  const first = v128.shuffle<u8>(
    v128.load(at),
    v128.load(at, 4),
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    9,
    10,
    11,
    12,
    14,
    15,
    28,
    29,
  )
  const second = v128.shuffle<u8>(
    v128.load(at, 19),
    v128.load(at, 20),
    0,
    1,
    2,
    3,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    31,
  )
  const high = nibbles(first)
  const low = nibbles(second)
  if (v128.any_true(i8x16.gt_u(v128.or(high, low), i8x16.splat(15)))) return false
  const bytes = v128.narrow<u16>(pairs(high), pairs(low))
  v128.store(to, v128.shuffle<u8>(bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12))
  return true
}

/** Digits 0-9 and a-f to their values, anything else to a byte above 15. */
function nibbles(digits: v128): v128 {
  const numeric = i8x16.sub(digits, i8x16.splat(0x30))
  const letter = i8x16.sub(digits, i8x16.splat(0x61))
  const isNumeric = i8x16.lt_u(numeric, i8x16.splat(10))
  const isLetter = i8x16.lt_u(letter, i8x16.splat(6))
  const ok = v128.or(isNumeric, isLetter)
  const values = v128.bitselect(numeric, i8x16.add(letter, i8x16.splat(10)), isNumeric)
  return v128.or(v128.and(values, ok), v128.not(ok))
}

/** Two values 0-15 in each 16-bit lane to one byte. */
function pairs(values: v128): v128 {
  return v128.and(v128.or(i16x8.shl(values, 4), i16x8.shr_u(values, 8)), i16x8.splat(0xff))
}
