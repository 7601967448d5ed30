// Values by the program that ../avro-program.ts lays out. A node has four words: kind, and three that depend on it:
//
//   null, boolean, long, float, double, string, object text   –
//   bytes           scale + 1, or 0 for base64
//   fixed           scale + 1, or 0 for base64; size
//   enum            address of the symbols (address and length of each, quotes included); their count
//   array, map      node of the items
//   union           address of the branches (a node each); their count
//   record          address of the members (node, address and length of the key with its comma and colon); their count

import { value as json, setEnd } from '../../../core/kernel/assembly/json'
import { copy, SLACK } from '../../../core/kernel/assembly/layout'
import { bytes as bytesText, double as doubleText, float as floatText } from './host'
import { EMPTY_ITEMS, NO_BRANCH, TOO_DEEP } from './layout'
import { length, long, next, past, pastLong, pastText, refuse, whole } from './source'
import { byte, moveTo, number, room, text, to, word } from './target'

export const NULL: u32 = 0
export const BOOLEAN: u32 = 1
export const LONG: u32 = 2
export const FLOAT: u32 = 3
export const DOUBLE: u32 = 4
export const STRING: u32 = 5
export const OBJECT_TEXT: u32 = 6
export const BYTES: u32 = 7
export const FIXED: u32 = 8
export const ENUM: u32 = 9
export const ARRAY: u32 = 10
export const MAP: u32 = 11
export const UNION: u32 = 12
export const RECORD: u32 = 13

export const MEMBER_BYTES: usize = 12
/** Beyond what JSON may be nested: such a record is set aside by the scan. What is deeper still is damage. */
const LEVELS_MAX: u32 = 2048
/** Values without bytes in one record: nothing else bounds them. */
const EMPTY_ITEMS_MAX: u32 = 100_000
/** An object text lies in `properties`, in the event. */
const DEPTH_OF_PROPERTIES: u32 = 2

let levels: u32 = 0
let empties: u32 = 0

export function beginRecord(): void {
  levels = 0
  empties = 0
}

/** The branch or the symbol at `at` of those that `node` has: its index. */
function choice(node: usize, at: usize): usize {
  const index = long(at)
  if (!next) return 0
  return <u64>index >= <u64>load<u32>(node, 8) ? refuse(NO_BRANCH) : <usize>index
}

function branch(node: usize, at: usize): usize {
  const index = choice(node, at)
  return next ? <usize>load<u32>(<usize>load<u32>(node, 4) + (index << 2)) : 0
}

/** Past a value. */
export function skip(node: usize, at: usize): usize {
  const kind = load<u32>(node)
  if (kind === UNION) {
    const chosen = branch(node, at)
    return chosen ? skip(chosen, next) : 0
  }
  if (kind === STRING || kind === OBJECT_TEXT || kind === BYTES) return pastText(at)
  if (kind === LONG || kind === ENUM) return pastLong(at)
  if (kind === FLOAT) return past(at, 4)
  if (kind === DOUBLE) return past(at, 8)
  if (kind === BOOLEAN) return past(at, 1)
  if (kind === FIXED) return past(at, <usize>load<u32>(node, 8))
  if (kind === NULL) return at
  if (++levels > LEVELS_MAX) return refuse(TOO_DEEP)
  if (kind === RECORD) {
    let member = <usize>load<u32>(node, 4)
    for (let left = load<u32>(node, 8); left && at; left--, member += MEMBER_BYTES) {
      at = skip(<usize>load<u32>(member), at)
    }
  } else at = skipItems(node, at, kind === MAP)
  levels--
  return at
}

/** The count of the block of items at `at`, which may have its bytes behind it; 0 ends them, and so does a fault, with `next` 0. */
function itemsAt(at: usize): u64 {
  const said = whole(at)
  if (!next || said >= 0) return said
  whole(next)
  return -said
}

/** Whether another value from `from` to `at` is one too many. */
function isEmptyTooOften(from: usize, at: usize): bool {
  return at === from && ++empties > EMPTY_ITEMS_MAX
}

function skipItems(node: usize, at: usize, keyed: bool): usize {
  const item = <usize>load<u32>(node, 4)
  while (true) {
    let left = itemsAt(at)
    at = next
    if (!at || !left) return at
    for (; left; left--) {
      const from = at
      if (keyed) at = pastText(at)
      if (at) at = skip(item, at)
      if (!at) return 0
      if (isEmptyTooOften(from, at)) return refuse(EMPTY_ITEMS)
    }
  }
}

/** Writes the value at `at`, and gives the position behind it. Null writes nothing. */
export function write(node: usize, at: usize): usize {
  const kind = load<u32>(node)
  if (kind === UNION) {
    const chosen = branch(node, at)
    return chosen ? write(chosen, next) : 0
  }
  if (kind === STRING) {
    const bytes = length(at)
    if (!next) return 0
    at = next
    return text(at, bytes) ? at + bytes : 0
  }
  if (kind === LONG) {
    const value = long(at)
    if (next) number(value)
    return next
  }
  if (kind === NULL) return at
  if (kind === OBJECT_TEXT) return objectText(at)
  if (kind === ENUM) return symbol(node, at)
  if (kind <= DOUBLE) return scalar(kind, at)
  if (kind === BYTES) {
    const bytes = length(at)
    return next ? base64OrDecimal(next, bytes, load<u32>(node, 4)) : 0
  }
  if (kind === FIXED) {
    const bytes = <usize>load<u32>(node, 8)
    return past(at, bytes) ? base64OrDecimal(at, bytes, load<u32>(node, 4)) : 0
  }
  if (++levels > LEVELS_MAX) return refuse(TOO_DEEP)
  if (kind === RECORD) at = record(node, at)
  else at = kind === ARRAY ? array(node, at) : map(node, at)
  levels--
  return at
}

function scalar(kind: u32, at: usize): usize {
  const behind = past(at, kind === BOOLEAN ? 1 : kind === FLOAT ? 4 : 8)
  if (!behind) return 0
  if (kind === FLOAT) moveTo(floatText(load<f32>(at), to))
  else if (kind === DOUBLE) moveTo(doubleText(load<f64>(at), to))
  else if (load<u8>(at))
    word(0x65757274, 4) // true
  else {
    word(0x736c6166, 4) // fals
    byte(0x65) // e
  }
  return behind
}

function symbol(node: usize, at: usize): usize {
  const index = choice(node, at)
  if (!next) return 0
  const entry = <usize>load<u32>(node, 4) + (index << 3)
  const bytes = <usize>load<u32>(entry, 4)
  if (!room(bytes + 16)) return 0
  copy(to, <usize>load<u32>(entry), bytes)
  moveTo(to + bytes)
  return next
}

function base64OrDecimal(at: usize, bytes: usize, scale: u32): usize {
  // A byte makes at most two and a half digits.
  if (!room(bytes * 3 + <usize>scale)) return 0
  moveTo(bytesText(at, bytes, scale, to))
  return at + bytes
}

/** A text that holds a JSON object is written as that object; any other text stays a text. */
function objectText(at: usize): usize {
  const bytes = length(at)
  if (!next) return 0
  at = next
  if (bytes && load<u8>(at) === 0x7b) {
    if (!room(bytes + SLACK)) return 0
    memory.copy(to, at, bytes)
    setEnd(to + bytes)
    if (json(to, DEPTH_OF_PROPERTIES) === to + bytes) {
      moveTo(to + bytes)
      return at + bytes
    }
  }
  return text(at, bytes) ? at + bytes : 0
}

/** A member with its key, unless it is null. */
export function writeMember(member: usize, node: usize, at: usize): usize {
  const bytes = <usize>load<u32>(member, 8)
  if (!room(bytes + 16)) return 0
  const start = to
  copy(start, <usize>load<u32>(member, 4), bytes)
  const behindKey = start + bytes
  moveTo(behindKey)
  at = write(node, at)
  if (to === behindKey) moveTo(start)
  return at
}

/** Makes an object or an array of what was written since `open`, each piece with a comma before it. There is room for it. */
export function close(open: usize, opening: u32): void {
  if (to === open) moveTo(open + 1)
  store<u8>(open, opening)
  // Both closing brackets lie two above their opening ones.
  byte(opening + 2)
}

function record(node: usize, at: usize): usize {
  if (!room(0)) return 0
  const open = to
  let member = <usize>load<u32>(node, 4)
  for (let left = load<u32>(node, 8); left; left--, member += MEMBER_BYTES) {
    at = writeMember(member, <usize>load<u32>(member), at)
    if (!at) return 0
  }
  if (!room(0)) return 0
  close(open, 0x7b)
  return at
}

function array(node: usize, at: usize): usize {
  const item = <usize>load<u32>(node, 4)
  const open = to
  while (true) {
    let left = itemsAt(at)
    at = next
    if (!at || !room(0)) return 0
    if (!left) break
    for (; left; left--) {
      const from = at
      if (!room(0)) return 0
      byte(0x2c)
      const start = to
      at = write(item, at)
      if (!at) return 0
      if (to === start) word(0x6c6c756e, 4) // null
      if (isEmptyTooOften(from, at)) return refuse(EMPTY_ITEMS)
    }
  }
  close(open, 0x5b)
  return at
}

function map(node: usize, at: usize): usize {
  const item = <usize>load<u32>(node, 4)
  const open = to
  while (true) {
    let left = itemsAt(at)
    at = next
    if (!at || !room(0)) return 0
    if (!left) break
    for (; left; left--) {
      const start = to
      if (!room(0)) return 0
      byte(0x2c)
      const bytes = length(at)
      if (!next) return 0
      at = next
      if (!text(at, bytes) || !room(0)) return 0
      byte(0x3a)
      const value = to
      at = write(item, at + bytes)
      if (!at) return 0
      if (to === value) moveTo(start)
    }
  }
  close(open, 0x7b)
  return at
}
