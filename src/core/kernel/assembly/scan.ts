// A body: which shape it has, where its items lie, and how to go on after a bad one. The rules stand in ../scan.ts, the twin.

import { EVENT_TYPE, EVENTS, event, holdsEvents, isTyped, meaningOf, writeHeader } from './event'
import { colon, end, escaped, fault, faultAt, refuse, space, string, value } from './json'
import { INVALID_JSON, NOT_AN_OBJECT, reserve, SLACK, TRAILING_BYTES, TRUNCATED } from './layout'

const ROW_BYTES: usize = 56
/** No object with events in it. A position is never 1. */
const NOT_A_WRAPPER: usize = 1

let base: usize = 0
export let rows: usize = 0
/** Rows found. Those past the limit are counted but not written. */
export let count: u32 = 0
let countMax: u32 = 0
/** Where the first item too many starts, in the body. */
export let overflowAt: u32 = 0
export let outOfMemory: bool = false
/** Items that were made out from start to end, good or bad. */
export let complete: u32 = 0
/** The first thing that was wrong. */
export let noted: u32 = 0
export let notedAt: usize = 0
export let wrappers: bool = false
export let bare: bool = false

function note(why: u32, at: usize): void {
  if (noted) return
  noted = why
  notedAt = at
}

/** Adds a row with everything but positions and fault 0; gives its address, or 0 when it was not written. */
function push(start: usize, stop: usize, why: u32, at: usize): usize {
  if (why) note(why, at)
  if (count >= countMax) {
    if (count++ === countMax) overflowAt = <u32>(start - base)
    return 0
  }
  const row = rows + <usize>count * ROW_BYTES
  if (!reserve(row + ROW_BYTES + SLACK)) {
    outOfMemory = true
    return 0
  }
  count++
  v128.store(row, i64x2(0, 0))
  v128.store(row, i64x2(0, 0), 16)
  v128.store(row, i64x2(0, 0), 32)
  store<u64>(row, 0, 48)
  store<u32>(row, <u32>(start - base))
  store<u32>(row, <u32>(stop - base), 4)
  store<u32>(row, why, 36)
  if (why) store<u32>(row, <u32>(at - base), 40)
  return row
}

function pushEvent(start: usize, stop: usize): void {
  complete++
  const row = push(start, stop, 0, 0)
  if (row && !writeHeader(row, row + ROW_BYTES)) outOfMemory = true
}

/** Bytes that belong to no item. */
function pushTrailing(start: usize, stop: usize, at: usize): void {
  if (start < stop) push(start, stop, TRAILING_BYTES, at)
}

/** The end of [start, stop) without white space at its end. */
function trimmed(start: usize, stop: usize): usize {
  while (stop > start) {
    const c: u32 = load<u8>(stop - 1)
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) break
    stop--
  }
  return stop
}

/** From behind an opening quote to behind the closing one, whatever lies between; 0 when there is none. */
function afterString(at: usize): usize {
  for (; at < end; at++) {
    const c: u32 = load<u8>(at)
    if (c === 0x22) return at + 1
    if (c === 0x5c) at++
  }
  return 0
}

/** Behind the bracket `close` that matches `depth` open ones of its kind, other kinds ignored and strings skipped; 0 when there is none. */
function afterBracket(at: usize, open: u32, close: u32, depth: u32): usize {
  while (at < end) {
    const c: u32 = load<u8>(at++)
    if (c === 0x22) {
      at = afterString(at)
      if (!at) return 0
    } else if (c === open) depth++
    else if (c === close && --depth === 0) return at
  }
  return 0
}

/** Where junk at item level ends: before a comma, `]` or `{`, strings skipped; `end` when there is none. */
function junkEnd(at: usize): usize {
  while (at && at < end) {
    const c: u32 = load<u8>(at)
    if (c === 0x2c || c === 0x5d || c === 0x7b) return at
    at = c === 0x22 ? afterString(at + 1) : at + 1
  }
  return end
}

/** The end of the bad item at `at` by bracket and string matching alone; 0 when it does not close. */
function lenientEnd(at: usize): usize {
  const c: u32 = load<u8>(at)
  if (c === 0x7b) return afterBracket(at, 0x7b, 0x7d, 0)
  if (c === 0x5b) return afterBracket(at, 0x5b, 0x5d, 0)
  if (c === 0x22) return afterString(at + 1)
  const stop = junkEnd(at)
  return stop === end ? 0 : trimmed(at, stop)
}

/** A row for the bad item at `at`; its end, or 0 when it takes the rest of the body with it. */
function salvage(at: usize): usize {
  const why = fault
  const whyAt = faultAt
  const stop = why === TRUNCATED ? <usize>0 : lenientEnd(at)
  if (stop) {
    const c: u32 = load<u8>(space(stop))
    const c0: u32 = load<u8>(at)
    const isWord = c0 !== 0x7b && c0 !== 0x5b && c0 !== 0x22
    if (space(stop) === end || c === 0x2c || c === 0x5d || (isWord && c === 0x7b)) {
      complete++
      push(at, stop, why, whyAt)
      return stop
    }
  }
  push(at, trimmed(at, end), why, whyAt)
  return 0
}

/** One item of an array; its end, or 0 when the body ends with it. */
function item(at: usize, isTop: bool): usize {
  const c: u32 = load<u8>(at)
  if (c === 0x7b) {
    let stop = event(at)
    if (isTop && holdsEvents && !isTyped()) {
      const behind = wrapper(at)
      if (behind !== NOT_A_WRAPPER) return behind
      stop = event(at)
    }
    if (!stop) return salvage(at)
    pushEvent(at, stop)
    return stop
  }
  const stop = value(at, 0)
  if (!stop) return salvage(at)
  if (stop === end && (c === 0x2d || c - 0x30 <= 9)) {
    refuse(end, TRUNCATED) // the number may go on
    return salvage(at)
  }
  complete++
  push(at, stop, NOT_AN_OBJECT, at)
  return stop
}

/** From behind `[` to behind `]`, or 0 when the body ends before. */
function items(at: usize, isTop: bool): usize {
  at = space(at)
  while (true) {
    const c: u32 = load<u8>(at)
    if (c === 0x5d) return at + 1
    if (at >= end) {
      note(TRUNCATED, end)
      return 0
    }
    if (c !== 0x2c) {
      at = item(at, isTop)
      if (!at) return 0
      at = space(at)
      const after: u32 = load<u8>(at)
      if (at < end && after !== 0x2c && after !== 0x5d && after !== 0x7b) {
        const stop = junkEnd(at)
        pushTrailing(at, trimmed(at, stop), at)
        at = stop
      }
    } else {
      at = space(at + 1)
    }
  }
}

/**
 * An object with an array `events` and no string `event_type`: its elements become rows. Gives its end, 0 when the body ends
 * with it, or NOT_A_WRAPPER, and then nothing was added.
 */
function wrapper(start: usize): usize {
  const countBefore = count
  const completeBefore = complete
  const notedBefore = noted
  let found = false
  let isEvent = false
  let stop: usize = 0
  let at = space(start + 1)
  let member = at
  while (true) {
    const c: u32 = load<u8>(at)
    if (c === 0x7d) {
      stop = at + 1
      break
    }
    member = at
    if (c !== 0x22) {
      refuse(at, INVALID_JSON)
      break
    }
    const key = at + 1
    at = string(key)
    if (!at) break
    const meaning = meaningOf(key, at - 1, escaped)
    at = colon(at)
    if (!at) break
    if (meaning === EVENTS && load<u8>(at) === 0x5b && !isEvent) {
      found = true
      at = items(at + 1, false)
      if (!at) {
        wrappers = true
        return 0
      }
    } else {
      if (meaning === EVENT_TYPE) isEvent = load<u8>(at) === 0x22
      at = value(at, 1)
      if (!at) break
    }
    at = space(at)
    member = at
    if (load<u8>(at) === 0x2c) at = space(at + 1)
    else if (load<u8>(at) !== 0x7d) {
      refuse(at, INVALID_JSON)
      break
    }
  }
  if (!found || isEvent) {
    count = countBefore
    complete = completeBefore
    noted = notedBefore
    return NOT_A_WRAPPER
  }
  wrappers = true
  if (stop) return stop
  // The events were found but the object around them is broken: what is left of it is of no item.
  const whyAt = faultAt
  note(fault, whyAt)
  stop = afterBracket(member, 0x7b, 0x7d, 1)
  pushTrailing(member, trimmed(member, stop ? stop - 1 : end), whyAt)
  return stop
}

function trailing(at: usize): void {
  if (!at) return
  at = space(at)
  pushTrailing(at, trimmed(at, end), at)
}

function bareEvent(at: usize): void {
  bare = true
  const first = space(at + 1)
  if (load<u8>(first) === 0x7d) {
    trailing(first + 1)
    return
  }
  let stop = event(at)
  if (stop) {
    pushEvent(at, stop)
    trailing(stop)
    return
  }
  const why = fault
  const whyAt = faultAt
  stop = why === TRUNCATED ? 0 : afterBracket(at, 0x7b, 0x7d, 0)
  if (stop && space(stop) === end) {
    complete++
    push(at, stop, why, whyAt)
  } else {
    note(why, whyAt)
  }
}

/** Scans the body at [from, stop), which setEnd has declared, with rows from `rowsAt` on. */
export function scanBody(from: usize, stop: usize, rowsAt: usize, itemsMax: u32): void {
  base = from
  rows = rowsAt
  count = 0
  countMax = itemsMax
  outOfMemory = false
  complete = 0
  noted = 0
  notedAt = from
  wrappers = false
  bare = false
  if ((load<u32>(from) & 0xffffff) === 0xbfbbef) from += 3
  const at = space(from)
  const c: u32 = load<u8>(at)
  if (at === stop) return
  if (c === 0x7b) {
    const behind = wrapper(at)
    if (behind === NOT_A_WRAPPER) bareEvent(at)
    else trailing(behind)
  } else if (c === 0x5b) {
    trailing(items(at + 1, true))
  } else if (value(at, 0)) {
    note(NOT_AN_OBJECT, at)
  } else {
    note(fault, faultAt)
  }
}
