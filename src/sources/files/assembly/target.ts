// The JSON text that is written, from `begin` on and as far as memory reaches.

import { reserve, SLACK } from '../../../core/kernel/assembly/layout'
import { TOO_LARGE } from './layout'
import { refuse } from './source'

/** As much as one piece of text may have; see TEXT_PIECE_BYTES_MAX of ../text-reader.ts. */
const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024
/** Room that is always there for a bracket, a number or a word. */
const ROOM: usize = 64
const ESCAPE_BYTES: usize = 6

/** Where the next byte goes. Memory reaches SLACK bytes beyond `limit`. */
export let to: usize = 0
let limit: usize = 0
let eventStart: usize = 0

export function setTarget(at: usize): void {
  to = at
  limit = 0
}

export function beginEvent(): void {
  eventStart = to
}

export function moveTo(at: usize): void {
  to = at
}

/** Makes room for `bytes` more and ROOM. False, with a fault, when the event may not or memory cannot be that large. */
export function room(bytes: usize): bool {
  return to + bytes + ROOM <= limit || moreRoom(bytes)
}

function moreRoom(bytes: usize): bool {
  const top = to + bytes + ROOM
  if (top - eventStart > EVENT_BYTES_MAX || !reserve(top + SLACK)) {
    refuse(TOO_LARGE)
    return false
  }
  limit = ((<usize>memory.size()) << 16) - SLACK
  // A text behind another may not pass unseen because memory happens to reach far.
  if (limit > eventStart + EVENT_BYTES_MAX) limit = eventStart + EVENT_BYTES_MAX
  return true
}

/** For what fits into ROOM. */
export function byte(c: u32): void {
  store<u8>(to++, c)
}

export function word(c: u32, bytes: usize): void {
  store<u32>(to, c)
  to += bytes
}

/** A string of UTF-8 at [from, from + bytes), which has SLACK bytes behind it. False: there is no room. */
export function text(from: usize, bytes: usize): bool {
  if (!room(bytes + 32)) return false
  const stop = from + bytes
  let at = to
  store<u8>(at++, 0x22)
  while (from < stop) {
    const block = v128.load(from)
    v128.store(at, block)
    const special = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(block, i8x16.splat(0x22)), i8x16.eq(block, i8x16.splat(0x5c))),
        i8x16.lt_u(block, i8x16.splat(0x20)),
      ),
    )
    const plain: usize = special ? <usize>ctz(special) : 16
    from += plain
    at += plain
    if (!special || from >= stop) continue
    to = at
    if (!room((stop - from) * ESCAPE_BYTES + 32)) return false
    at = escapeByte(load<u8>(from++), at)
  }
  at -= from - stop
  store<u8>(at, 0x22)
  to = at + 1
  return true
}

function escapeByte(c: u32, at: usize): usize {
  store<u8>(at, 0x5c)
  if (c >= 0x20) {
    store<u8>(at, c, 1)
    return at + 2
  }
  store<u32>(at, 0x30303075, 1) // u000
  store<u8>(at, 0x30 + (c >> 4), 4)
  const low = c & 15
  store<u8>(at, low < 10 ? 0x30 + low : 0x57 + low, 5)
  return at + ESCAPE_BYTES
}

const BILLION: u64 = 1_000_000_000

export function number(value: i64): void {
  let size: u64 = value
  if (value < 0) {
    store<u8>(to++, 0x2d)
    size = -value
  }
  if (size < BILLION) {
    digits(<u32>size, widthOf(<u32>size))
    return
  }
  const high = size / BILLION
  if (high < BILLION) digits(<u32>high, widthOf(<u32>high))
  else {
    const top = <u32>(high / BILLION)
    digits(top, widthOf(top))
    digits(<u32>(high % BILLION), 9)
  }
  digits(<u32>(size % BILLION), 9)
}

function widthOf(value: u32): usize {
  let width: usize = 1
  for (let power: u32 = 10; width < 9 && value >= power; power *= 10) width++
  return width
}

function digits(value: u32, width: usize): void {
  let at = to + width
  to = at
  for (let i: usize = 0; i < width; i++) {
    const rest = value / 10
    store<u8>(--at, 0x30 + (value - rest * 10))
    value = rest
  }
}
