// Strict JSON over bytes: accepts exactly what JSON.parse accepts, in valid UTF-8. A function takes the position where its construct
// starts and gives the position behind it, or 0 with `fault` and `faultAt` set. There is no check against the end of input on the
// way: the zero bytes behind it fit nowhere in JSON, so that each refusal asks once whether it stands at the end.

import { DEPTH_MAX, INVALID_JSON, INVALID_UTF8, NESTING, SLACK, TOO_DEEP, TRUNCATED } from './layout'

/** One past the last byte of the input. */
export let end: usize = 0
export let fault: u32 = 0
export let faultAt: usize = 0
/** The last string read holds a backslash. */
export let escaped: bool = false
/** The last number read has a point or an exponent. */
export let decimal: bool = false

/** Declares the input, whose last byte lies before `stop`. The caller has reserved SLACK bytes behind it. */
export function setEnd(stop: usize): void {
  end = stop
  memory.fill(stop, 0, SLACK)
}

export function refuse(at: usize, why: u32): usize {
  if (at >= end) {
    fault = TRUNCATED
    faultAt = end
  } else {
    fault = why
    faultAt = at
  }
  return 0
}

export function space(at: usize): usize {
  return load<u8>(at) > 0x20 ? at : spaces(at)
}

function spaces(at: usize): usize {
  let c: u32 = load<u8>(at)
  while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = load<u8>(++at)
  return at
}

/** From behind the opening quote to behind the closing one. */
export function string(at: usize): usize {
  escaped = false
  while (true) {
    const block = v128.load(at)
    // Signed less-than finds control characters and bytes of 0x80 and more at once.
    const stops = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(block, i8x16.splat(0x22)), i8x16.eq(block, i8x16.splat(0x5c))),
        i8x16.lt_s(block, i8x16.splat(0x20)),
      ),
    )
    if (!stops) {
      at += 16
      continue
    }
    at += <usize>ctz(stops)
    const c: u32 = load<u8>(at)
    if (c === 0x22) return at + 1
    if (c === 0x5c) {
      escaped = true
      at = escapeSequence(at + 1)
    } else if (c >= 0x80) {
      at = multibyte(at)
    } else {
      return refuse(at, INVALID_JSON)
    }
    if (!at) return 0
  }
}

function escapeSequence(at: usize): usize {
  const c: u32 = load<u8>(at)
  if (c === 0x75) {
    for (let i = 0; i < 4; i++) {
      if (hex(load<u8>(++at)) > 15) return refuse(at, INVALID_JSON)
    }
    return at + 1
  }
  // " \ / b f n r t
  if (
    c === 0x22 ||
    c === 0x5c ||
    c === 0x2f ||
    c === 0x62 ||
    c === 0x66 ||
    c === 0x6e ||
    c === 0x72 ||
    c === 0x74
  )
    return at + 1
  return refuse(at, INVALID_JSON)
}

/** Value of a hexadecimal digit, or 255. */
export function hex(c: u32): u32 {
  if (c - 0x30 < 10) return c - 0x30
  const letter = (c | 0x20) - 0x61
  return letter < 6 ? letter + 10 : 255
}

/** A run of sequences beyond ASCII (Unicode 3.9, table 3-7). */
function multibyte(at: usize): usize {
  let lead: u32 = load<u8>(at)
  do {
    let low: u32 = 0x80
    let high: u32 = 0xbf
    let more = 1
    if (lead < 0xc2 || lead > 0xf4) return refuse(at, INVALID_UTF8)
    if (lead >= 0xf0) {
      more = 3
      if (lead === 0xf0) low = 0x90
      if (lead === 0xf4) high = 0x8f
    } else if (lead >= 0xe0) {
      more = 2
      if (lead === 0xe0) low = 0xa0
      if (lead === 0xed) high = 0x9f
    }
    for (let i = 1; i <= more; i++) {
      const c: u32 = load<u8>(at + i)
      if (c < low || c > high) return at + i >= end ? refuse(end, TRUNCATED) : refuse(at, INVALID_UTF8)
      low = 0x80
      high = 0xbf
    }
    at += more + 1
    lead = load<u8>(at)
  } while (lead >= 0x80)
  return at
}

function digits(at: usize): usize {
  if (<u32>load<u8>(at) - 0x30 > 9) return refuse(at, INVALID_JSON)
  do at++
  while (<u32>load<u8>(at) - 0x30 <= 9)
  return at
}

function number(at: usize): usize {
  decimal = false
  if (load<u8>(at) === 0x2d) at++
  if (load<u8>(at) === 0x30) at++
  else {
    at = digits(at)
    if (!at) return 0
  }
  if (load<u8>(at) === 0x2e) {
    decimal = true
    at = digits(at + 1)
    if (!at) return 0
  }
  if ((load<u8>(at) | 0x20) === 0x65) {
    decimal = true
    const sign: u32 = load<u8>(at + 1)
    at = digits(sign === 0x2b || sign === 0x2d ? at + 2 : at + 1)
  }
  return at
}

function literal(at: usize): usize {
  const word = load<u32>(at)
  if (word === 0x65757274 || word === 0x6c6c756e) return at + 4 // true, null
  if (word === 0x736c6166) return load<u8>(at + 4) === 0x65 ? at + 5 : refuse(at + 4, INVALID_JSON) // fals e
  const c: u32 = word & 0xff
  const right: u32 = c === 0x74 ? 0x65757274 : c === 0x6e ? 0x6c6c756e : c === 0x66 ? 0x736c6166 : 0
  if (!right) return refuse(at, INVALID_JSON)
  return refuse(at + <usize>(ctz(word ^ right) >> 3), INVALID_JSON)
}

/** Any value inside `depth` open containers. */
export function value(at: usize, depth: u32): usize {
  const c: u32 = load<u8>(at)
  if (c === 0x22) return string(at + 1)
  if (c === 0x7b || c === 0x5b) return container(at, depth)
  if (c - 0x30 <= 9 || c === 0x2d) return number(at)
  return literal(at)
}

/** From behind a key to the start of its value. */
export function colon(at: usize): usize {
  at = space(at)
  if (load<u8>(at) !== 0x3a) return refuse(at, INVALID_JSON)
  return space(at + 1)
}

/** From the opening quote of a key to the start of its value. */
function key(at: usize): usize {
  if (load<u8>(at) !== 0x22) return refuse(at, INVALID_JSON)
  at = string(at + 1)
  return at ? colon(at) : 0
}

function container(at: usize, base: u32): usize {
  let depth = base
  while (true) {
    // `at` is the start of a value.
    const c: u32 = load<u8>(at)
    if (c === 0x7b || c === 0x5b) {
      if (depth >= DEPTH_MAX) return refuse(at, TOO_DEEP)
      // Both closing brackets lie two above their opening ones.
      store<u8>(NESTING + depth, c + 2)
      depth++
      at = space(at + 1)
      if (load<u8>(at) !== c + 2) {
        if (c === 0x7b) {
          at = key(at)
          if (!at) return 0
        }
        continue
      }
    } else {
      at = c === 0x22 ? string(at + 1) : c - 0x30 <= 9 || c === 0x2d ? number(at) : literal(at)
      if (!at) return 0
      at = space(at)
    }
    // `at` is behind a value or at a closing bracket.
    while (true) {
      const close: u32 = load<u8>(NESTING + depth - 1)
      const next: u32 = load<u8>(at)
      if (next === close) {
        depth--
        if (depth === base) return at + 1
        at = space(at + 1)
        continue
      }
      if (next !== 0x2c) return refuse(at, INVALID_JSON)
      at = space(at + 1)
      if (close === 0x7d) {
        at = key(at)
        if (!at) return 0
      }
      break
    }
  }
}
