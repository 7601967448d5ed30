// Projections over raw bytes. A program (../plan.ts lays it out) knows the keys that matter at the top and in the objects there.
// An event is read once, noting where the values of those keys lie in slots; then the program's steps copy them to the output.
//
// Program, in words: 0 number of slots · 1 slots · 2 key table of the top · 3 steps · 4 number of steps · 5 children · 6 number of children
// Slot: value start, value end (0 = absent).
// Child (an object at the top with keys that matter): 0 key table · 1 is spliced · 2 rows · 3 number of rows (filled per event)
// Row of a spliced object: key start, key end, value start, value end, slot address (0 = a key that is not known)
// Key table: 0 mask, then from byte 16 entries of 32 bytes: u64 head, u64 tail, key (0 = free), length, slot address, child
// Step, 8 words: kind, text, length, then per kind:
//   TEXT · COPY slot · SUFFIXED slot, suffix, length · ISO_TIME slot · OPEN · CLOSE
//   REST child, actions, object number + 1 when its names must be compared with those of other spliced objects, else 0
// Actions: one word per slot of the program: 0 keep, 1 leave out, else the address of:
//   text, length (0 = keep its own name), number of blockers, then per blocker slot address, 1 = only if it holds a string

import { colon, escaped, space, string, value } from './json'
import { copy, reserve } from './layout'

/** The event must be projected by the twin. */
const ODD: usize = 0
/** The output does not fit. */
export const PROJECTION_FULL: usize = 1

const TEXT: u32 = 0
const COPY: u32 = 1
const SUFFIXED: u32 = 2
const ISO_TIME: u32 = 3
const OPEN: u32 = 4
const CLOSE: u32 = 5

/** Comparing every name with every other is for a few hundred names. */
const COMPARISONS_MAX: u32 = 65536
const OBJECTS: usize = 1536 // starts of the open objects, OBJECTS_MAX of ../plan.ts words

/** 2^64 divided by the golden ratio. */
const GOLDEN: u64 = ((<u64>0x9e3779b9) << 32) | 0x7f4a7c15

let program: usize = 0
let scratch: usize = 0
let limit: usize = 0

function head(key: usize, length: u32): u64 {
  return length >= 8 ? load<u64>(key) : load<u64>(key) & (((<u64>1) << (length << 3)) - 1)
}

function tail(key: usize, length: u32): u64 {
  return length > 8 ? load<u64>(key + length - 8) : 0
}

function place(a: u64, b: u64, length: u32): u32 {
  return <u32>((((a ^ rotl<u64>(b, 29)) + length) * GOLDEN) >> 40)
}

/** The keys' first and last 8 bytes are equal already; the last step may read into the latter. */
function sameMiddle(one: usize, other: usize, length: u32): bool {
  if (length <= 16) return true
  const stop = one + length - 8
  for (one += 8, other += 8; one < stop; one += 8, other += 8) {
    if (load<u64>(one) !== load<u64>(other)) return false
  }
  return true
}

/** The entry of a key, or 0. Tables are at most half full. */
function find(table: usize, key: usize, length: u32): usize {
  const a = head(key, length)
  const b = tail(key, length)
  const mask = load<u32>(table)
  let at = place(a, b, length) & mask
  while (true) {
    const entry = table + 16 + ((<usize>at) << 5)
    const known = load<u32>(entry, 16)
    if (!known) return 0
    if (
      load<u64>(entry) === a &&
      load<u64>(entry, 8) === b &&
      load<u32>(entry, 20) === length &&
      sameMiddle(known, key, length)
    ) {
      return entry
    }
    at = (at + 1) & mask
  }
}

export function insertKey(table: usize, key: usize, length: u32, slot: u32, child: u32): void {
  const a = head(key, length)
  const b = tail(key, length)
  const mask = load<u32>(table)
  let at = place(a, b, length) & mask
  while (load<u32>(table + 16 + ((<usize>at) << 5), 16)) at = (at + 1) & mask
  const entry = table + 16 + ((<usize>at) << 5)
  store<u64>(entry, a)
  store<u64>(entry, b, 8)
  store<u32>(entry, <u32>key, 16)
  store<u32>(entry, length, 20)
  store<u32>(entry, slot, 24)
  store<u32>(entry, child, 28)
}

/** Behind a member: the next key's quote or the closing brace; 0 when there is neither. */
function next(at: usize): usize {
  at = space(at)
  if (load<u8>(at) === 0x7d) return at
  if (load<u8>(at) !== 0x2c) return 0
  at = space(at + 1)
  return load<u8>(at) === 0x22 ? at : 0
}

/** Notes the slots of the event at `at`; its end, or 0 when the event is odd. */
function read(at: usize): usize {
  const table = load<u32>(program, 8)
  if (load<u8>(at) !== 0x7b) return 0
  at = space(at + 1)
  while (at && load<u8>(at) !== 0x7d) {
    if (load<u8>(at) !== 0x22) return 0
    const key = at + 1
    at = string(key)
    if (!at || escaped) return 0
    const entry = find(table, key, <u32>(at - 1 - key))
    const start = colon(at)
    if (!start) return 0
    if (entry) {
      const slot = load<u32>(entry, 24)
      if (load<u32>(slot, 4)) return 0 // a second one
      const child = load<u32>(entry, 28)
      at = child && load<u8>(start) === 0x7b ? readChild(child, start) : value(start, 1)
      store<u32>(slot, <u32>start)
      store<u32>(slot, <u32>at, 4)
    } else {
      at = value(start, 1)
    }
    if (!at) return 0
    at = next(at)
  }
  return at ? at + 1 : 0
}

function readChild(child: usize, at: usize): usize {
  const table = load<u32>(child)
  const isSpliced = load<u32>(child, 4)
  const rows = scratch
  at = space(at + 1)
  while (at && load<u8>(at) !== 0x7d) {
    if (load<u8>(at) !== 0x22) return 0
    const key = at + 1
    at = string(key)
    if (!at || escaped) return 0
    const keyEnd = at - 1
    const entry = find(table, key, <u32>(keyEnd - key))
    const start = colon(at)
    if (!start) return 0
    at = value(start, 2)
    if (!at) return 0
    let slot: u32 = 0
    if (entry) {
      slot = load<u32>(entry, 24)
      store<u32>(slot, <u32>start)
      store<u32>(slot, <u32>at, 4)
    }
    if (isSpliced) {
      if (!reserve(scratch + 64)) return 0
      store<u32>(scratch, <u32>key)
      store<u32>(scratch, <u32>keyEnd, 4)
      store<u32>(scratch, <u32>start, 8)
      store<u32>(scratch, <u32>at, 12)
      store<u32>(scratch, slot, 16)
      scratch += 20
    }
    at = next(at)
  }
  if (!at) return 0
  store<u32>(child, <u32>rows, 8)
  store<u32>(child, <u32>((scratch - rows) / 20), 12)
  return at + 1
}

function clear(): void {
  let slot: usize = load<u32>(program, 4)
  const stop = slot + ((<usize>load<u32>(program)) << 3)
  for (; slot < stop; slot += 8) store<u64>(slot, 0)
  let child: usize = load<u32>(program, 20)
  const last = child + ((<usize>load<u32>(program, 24)) << 4)
  for (; child < last; child += 16) store<u32>(child, 0, 12)
}

/** Writes the step's text and, behind it, [from, stop). */
function emit(out: usize, step: usize, from: usize, stop: usize): usize {
  const text = load<u32>(step, 4)
  const length = load<u32>(step, 8)
  if (out + length + (stop - from) > limit) return PROJECTION_FULL
  copy(out, text, length)
  out += length
  copy(out, from, stop - from)
  return out + (stop - from)
}

/**
 * Projects the event at [from, stop) to `out`, not past `to`, where 64 more bytes must be writable; `free` is where memory is
 * free without end. Gives the end of the output, or ODD, or PROJECTION_FULL.
 */
export function projectEvent(
  which: usize,
  from: usize,
  stop: usize,
  out: usize,
  to: usize,
  free: usize,
): usize {
  program = which
  scratch = free
  limit = to
  clear()
  if (read(from) !== stop) return ODD
  names = scratch
  namesEnd = scratch
  comparisons = 0
  if (out + 2 > limit) return PROJECTION_FULL
  let depth: usize = 0
  store<u32>(OBJECTS, <u32>out)
  let step: usize = load<u32>(program, 12)
  const last = step + ((<usize>load<u32>(program, 16)) << 5)
  for (; step < last; step += 32) {
    const kind = load<u32>(step)
    if (kind === COPY) {
      const slot = load<u32>(step, 12)
      const end: usize = load<u32>(slot, 4)
      if (end) out = emit(out, step, load<u32>(slot), end)
    } else if (kind === TEXT) {
      out = emit(out, step, 0, 0)
    } else if (kind === SUFFIXED) {
      out = emitSuffixed(out, step)
    } else if (kind === ISO_TIME) {
      out = emitTime(out, step)
    } else if (kind === OPEN) {
      out = emit(out, step, 0, 0)
      store<u32>(OBJECTS + (++depth << 2), <u32>out)
    } else if (kind === CLOSE) {
      out = close(out, depth--)
    } else {
      out = emitRest(out, step)
    }
    if (out <= PROJECTION_FULL) return out
  }
  return close(out, 0)
}

/** Each member was written with a comma before it; the first one's becomes the brace. */
function close(out: usize, depth: usize): usize {
  const start: usize = load<u32>(OBJECTS + (depth << 2))
  if (out + 2 > limit) return PROJECTION_FULL
  store<u8>(start, 0x7b)
  if (out === start) out++
  store<u8>(out, 0x7d)
  return out + 1
}

function emitSuffixed(out: usize, step: usize): usize {
  const slot = load<u32>(step, 12)
  const start: usize = load<u32>(slot)
  const end: usize = load<u32>(slot, 4)
  if (!end || load<u8>(start) !== 0x22) return out
  const length = load<u32>(step, 20)
  out = emit(out, step, start, end - 1)
  if (out <= PROJECTION_FULL || out + length + 1 > limit) return PROJECTION_FULL
  copy(out, load<u32>(step, 16), length)
  out += length
  store<u8>(out, 0x22)
  return out + 1
}

function emitTime(out: usize, step: usize): usize {
  const slot = load<u32>(step, 12)
  let at: usize = load<u32>(slot)
  const end: usize = load<u32>(slot, 4)
  if (!end) return out
  if (end - at > 12 || (load<u8>(at) === 0x30 && end - at > 1)) return ODD
  let seconds: u64 = 0
  for (; at < end; at++) {
    const digit = <u32>load<u8>(at) - 0x30
    if (digit > 9) return ODD
    seconds = seconds * 10 + digit
  }
  if (seconds >= 253402300800) return ODD
  if (out + 64 > limit) return PROJECTION_FULL
  out = emit(out, step, 0, 0)
  return out <= PROJECTION_FULL || out + 32 > limit ? PROJECTION_FULL : writeTime(out, seconds)
}

function two(out: usize, n: u32): void {
  store<u8>(out, 0x30 + n / 10)
  store<u8>(out, 0x30 + (n % 10), 1)
}

/** "YYYY-MM-DDTHH:MM:SS.000Z" with its quotes: 26 bytes. Days to date after Howard Hinnant's civil_from_days. */
function writeTime(out: usize, seconds: u64): usize {
  const days = <u32>(seconds / 86400) + 719468
  const rest = <u32>(seconds % 86400)
  const era = days / 146097
  const dayOfEra = days % 146097
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  const shifted = (5 * dayOfYear + 2) / 153
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  store<u8>(out, 0x22)
  two(out + 1, year / 100)
  two(out + 3, year % 100)
  store<u8>(out, 0x2d, 5)
  two(out + 6, month)
  store<u8>(out, 0x2d, 8)
  two(out + 9, dayOfYear - (153 * shifted + 2) / 5 + 1)
  store<u8>(out, 0x54, 11)
  two(out + 12, rest / 3600)
  store<u8>(out, 0x3a, 14)
  two(out + 15, (rest / 60) % 60)
  store<u8>(out, 0x3a, 17)
  two(out + 18, rest % 60)
  store<u32>(out, 0x3030302e, 20) // .000
  store<u16>(out, 0x225a, 24) // Z"
  return out + 26
}

// Names that spliced objects have written, for objects that splice several: name start, name end, object number.
let names: usize = 0
let namesEnd: usize = 0
let comparisons: u32 = 0

function isBlocked(action: usize): bool {
  const blockers = load<u32>(action, 8)
  for (let i: u32 = 0; i < blockers; i++) {
    const slot = load<u32>(action + (i << 3), 12)
    if (!load<u32>(slot, 4)) continue
    if (!load<u32>(action + (i << 3), 16) || load<u8>(load<u32>(slot)) === 0x22) return true
  }
  return false
}

/** One of the names up to `stop` was given to the same output object. */
function isTaken(name: usize, nameEnd: usize, object: u32, stop: usize): bool {
  const length = <u32>(nameEnd - name)
  for (let at = names; at < stop; at += 12) {
    comparisons++
    if (load<u32>(at, 8) !== object) continue
    const other: usize = load<u32>(at)
    if (<u32>(load<u32>(at, 4) - other) === length && memory.compare(name, other, length) === 0) return true
  }
  return false
}

function emitRest(out: usize, step: usize): usize {
  const child: usize = load<u32>(step, 12)
  const actions: usize = load<u32>(step, 16)
  const object = load<u32>(step, 20)
  let row: usize = load<u32>(child, 8)
  const last = row + <usize>load<u32>(child, 12) * 20
  const slots: usize = load<u32>(program, 4)
  const earlierNames = namesEnd
  // Members that stay as they are and lie behind one another are copied together: [runStart, runEnd).
  let runStart: usize = 0
  let runEnd: usize = 0
  for (; row < last; row += 20) {
    const slot: usize = load<u32>(row, 16)
    const action: usize = slot ? <usize>load<u32>(actions + ((slot - slots) >> 1)) : 0
    if (action === 1 || (action > 1 && isBlocked(action))) continue
    let name: usize = load<u32>(row)
    let nameEnd: usize = load<u32>(row, 4)
    const isRenamed = action > 1 && load<u32>(action, 4) !== 0
    if (isRenamed) {
      // The text is ,"name":
      name = load<u32>(action) + 2
      nameEnd = name + load<u32>(action, 4) - 4
    }
    if (object) {
      if (isTaken(name, nameEnd, object, earlierNames)) continue
      if (comparisons > COMPARISONS_MAX || !reserve(namesEnd + 64)) return ODD
      store<u32>(namesEnd, <u32>name)
      store<u32>(namesEnd, <u32>nameEnd, 4)
      store<u32>(namesEnd, object, 8)
      namesEnd += 12
    }
    const start: usize = load<u32>(row) - 1
    const end: usize = load<u32>(row, 12)
    if (!isRenamed && runEnd && start === runEnd + 1) {
      runEnd = end
      continue
    }
    out = emitRun(out, runStart, runEnd)
    if (out <= PROJECTION_FULL) return out
    runStart = start
    runEnd = end
    if (isRenamed) {
      runEnd = 0
      const length = load<u32>(action, 4)
      const from: usize = load<u32>(row, 8)
      if (out + length + (end - from) > limit) return PROJECTION_FULL
      copy(out, load<u32>(action), length)
      copy(out + length, from, end - from)
      out += <usize>length + (end - from)
    }
  }
  return emitRun(out, runStart, runEnd)
}

function emitRun(out: usize, start: usize, end: usize): usize {
  if (!end) return out
  if (out + 1 + (end - start) > limit) return PROJECTION_FULL
  store<u8>(out, 0x2c)
  copy(out + 1, start, end - start)
  return out + 1 + (end - start)
}
