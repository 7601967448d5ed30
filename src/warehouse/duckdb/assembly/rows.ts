// From the bytes of events to rows of a chunk: values that are plain go from their place in the event to their cell. ../event-reader.ts is told
// which event is not usual and which cells are not plain, and deals with them.

import { colon, escaped, space, value } from '../../../core/kernel/assembly/json'
import {
  clearChunk,
  clearRow,
  fill,
  has,
  makeChunk,
  setBoolean,
  setDouble,
  setEscaped,
  setLong,
  setText,
  vectorOf,
} from './cells'
import { beginKeys, isKnown, keepKey, key, readKey } from './keys'
import {
  AT_TOP,
  BIGINT,
  BOOLEAN,
  CELL_BYTES,
  CHUNK_HEAP,
  CHUNK_USED,
  CHUNK_VECTORS,
  DOUBLE,
  ENDS,
  IN_PROPERTIES,
  IN_USER,
  JSON_KIND,
  NO_TEXT,
  OFFSETS,
  PUT_OFF,
  PUT_OFF_BYTES,
  PUT_OFF_MAX,
  RECEIVED,
  RESULT,
  SOURCES,
  STARTS,
  TEXT,
  TIMESTAMP,
  UNKNOWN,
  USER,
} from './layout'

export { clearChunk, keepKey, makeChunk, vectorOf }

/** As many digits are whole numbers that a double and a long hold. */
const DIGITS_MAX: usize = 15
const LONG_DIGITS_MAX: usize = 18
const SECONDS_MAX: i64 = 9000000000
const SHORT_BYTES_MAX: u32 = 12
const ANNEX: u32 = 0x80000000

let chunk: usize = 0
let heap: usize = 0
let row: u32 = 0
let putOff: u32 = 0
let hasUser: bool = false
let hasProperties: bool = false
/** The columns that hold the whole of `properties`, and what the record says. */
let propertiesColumn: u32 = 0
let offsetColumn: u32 = 0
let receivedColumn: u32 = 0
let sourceColumn: u32 = 0

export function setColumns(properties: u32, offset: u32, received: u32, source: u32): void {
  propertiesColumn = properties
  offsetColumn = offset
  receivedColumn = received
  sourceColumn = source
}

/**
 * Reads the staged events `from` to before `count` into rows from `first` + `from` on. Gives the number of the first that is not usual, whose row
 * holds only what its record says, or `count`. Into RESULT: how many cells were put off; 1 when a name was met that is not known.
 */
export function read(into: usize, first: u32, from: u32, count: u32): u32 {
  chunk = into
  heap = <usize>load<u32>(into, CHUNK_HEAP)
  putOff = 0
  store<u32>(RESULT, 0, 4)
  memory.fill(heap + <usize>load<u32>(into, CHUNK_USED), 0, 64)
  let i = from
  for (; i < count; i++) {
    row = first + i
    const kept = putOff
    const isUsual = readEvent(i)
    if (!isUsual) {
      putOff = kept
      clearRow(into, row)
    }
    setRecord(i)
    if (!isUsual) break
  }
  store<u32>(RESULT, putOff)
  return i
}

/** Makes the row of a staged event one that holds only what its record says. */
export function again(into: usize, first: u32, i: u32): void {
  chunk = into
  heap = <usize>load<u32>(into, CHUNK_HEAP)
  row = first + i
  clearRow(into, row)
  setRecord(i)
}

function setRecord(i: u32): void {
  const double = (<usize>i) << 3
  setLong(chunk, offsetColumn, row, <i64>load<f64>(OFFSETS + double))
  setLong(chunk, receivedColumn, row, <i64>Math.floor(load<f64>(RECEIVED + double) * 1000 + 0.5))
  const source = SOURCES + ((<usize>i) << 4)
  if (load<u32>(source) !== NO_TEXT)
    v128.store(fill(chunk, sourceColumn, row) + <usize>row * CELL_BYTES, v128.load(source))
}

function readEvent(i: u32): bool {
  const word = (<usize>i) << 2
  const end = <usize>load<u32>(ENDS + word)
  const start = heap + <usize>load<u32>(STARTS + word)
  if (!end || load<u8>(start) !== 0x7b) return false
  hasUser = false
  hasProperties = false
  beginKeys()
  return readObject(start, AT_TOP) === heap + end && (hasUser || hasProperties)
}

/** From an object's brace to behind it, or 0 when something is not usual. */
function readObject(at: usize, plan: usize): usize {
  at = space(at + 1)
  if (load<u8>(at) === 0x7d) return at + 1
  while (true) {
    if (load<u8>(at) !== 0x22) return 0
    at = readKey(at + 1)
    if (!at) return 0
    if (!isKnown()) return unknown()
    const meaning = load<u32>(plan + ((<usize>key) << 2))
    at = colon(at)
    if (!at) return 0
    at = readMember(at, plan, meaning)
    if (!at) return 0
    at = space(at)
    const c: u32 = load<u8>(at)
    if (c === 0x7d) return at + 1
    if (c !== 0x2c) return 0
    at = space(at + 1)
  }
}

function readMember(start: usize, plan: usize, meaning: u32): usize {
  const kind = meaning & 0xff
  if (kind >= USER) {
    if (load<u8>(start) !== 0x7b) return 0
    if (kind === USER) {
      if (hasUser) return 0
      hasUser = true
      return readObject(start, IN_USER)
    }
    if (hasProperties) return 0
    hasProperties = true
    const end = readObject(start, IN_PROPERTIES)
    if (end) setText(chunk, propertiesColumn, row, start, end - start)
    return end
  }
  const end = value(start, plan === AT_TOP ? 1 : 2)
  if (!end) return 0
  if (kind >= TEXT) return readCell(meaning >>> 8, kind, start, end) ? end : 0
  // A null says nothing about a column to come.
  if (kind === UNKNOWN && (plan !== IN_PROPERTIES || load<u8>(start) !== 0x6e)) return unknown()
  return end
}

function unknown(): usize {
  store<u32>(RESULT, 1, 4)
  return 0
}

/** False when the row has a value there already, or when this one cannot fit. */
function readCell(column: u32, kind: u32, start: usize, end: usize): bool {
  if (has(chunk, column, row)) return false
  const first: u32 = load<u8>(start)
  if (first === 0x6e) return true
  if (kind === JSON_KIND) {
    setText(chunk, column, row, start, end - start)
    return true
  }
  if (kind === BOOLEAN) {
    if (first !== 0x74 && first !== 0x66) return false
    setBoolean(chunk, column, row, first === 0x74)
    return true
  }
  // What has members never fits the others.
  if (first === 0x7b || first === 0x5b) return false
  if (kind === TEXT && first === 0x22) {
    if (!escaped) {
      setText(chunk, column, row, start + 1, end - start - 2)
      return true
    }
    if (setEscaped(chunk, column, row, start + 1, end - 1)) return true
  }
  if (kind === BIGINT && readWhole(column, start, end)) return true
  if (kind === DOUBLE && readDecimal(column, start, end)) return true
  if (kind === TIMESTAMP && readSeconds(column, start, end)) return true
  return putOffCell(column, kind, start, end)
}

function readWhole(column: u32, start: usize, end: usize): bool {
  const isBelow = load<u8>(start) === 0x2d
  const whole = digits(isBelow ? start + 1 : start, end, LONG_DIGITS_MAX)
  if (whole < 0) return false
  setLong(chunk, column, row, isBelow ? -whole : whole)
  return true
}

function readSeconds(column: u32, start: usize, end: usize): bool {
  const seconds = digits(start, end, LONG_DIGITS_MAX)
  if (seconds < 0 || seconds >= SECONDS_MAX) return false
  setLong(chunk, column, row, seconds * 1000000)
  return true
}

/** Digits with a point at most: both parts of the quotient are exact, so it is rounded once. */
function readDecimal(column: u32, start: usize, end: usize): bool {
  const isBelow = load<u8>(start) === 0x2d
  if (isBelow) start++
  let point = start
  while (point < end && load<u8>(point) !== 0x2e) point++
  let all = digits(start, point, DIGITS_MAX)
  if (all < 0) return false
  let scale: f64 = 1
  if (point < end) {
    if (end - start - 1 > DIGITS_MAX) return false
    const fraction = digits(point + 1, end, DIGITS_MAX)
    if (fraction < 0) return false
    let ten: i64 = 1
    for (let at = point + 1; at < end; at++) ten *= 10
    all = all * ten + fraction
    scale = <f64>ten
  }
  // No zero has a sign.
  setDouble(chunk, column, row, isBelow && all ? -(<f64>all / scale) : <f64>all / scale)
  return true
}

/** Of 1 to `most` digits and nothing else; otherwise -1. */
function digits(at: usize, end: usize, most: usize): i64 {
  if (at === end || end - at > most) return -1
  let sum: i64 = 0
  for (; at < end; at++) {
    const digit = <u32>load<u8>(at) - 0x30
    if (digit > 9) return -1
    sum = sum * 10 + <i64>digit
  }
  return sum
}

/** JavaScript sets it. The row has a value there from now on. */
function putOffCell(column: u32, kind: u32, start: usize, end: usize): bool {
  if (putOff === PUT_OFF_MAX) return false
  const at = PUT_OFF + <usize>putOff * PUT_OFF_BYTES
  putOff++
  fill(chunk, column, row)
  store<u32>(at, row)
  store<u32>(at, column, 4)
  store<u32>(at, kind, 8)
  store<u32>(at, <u32>(start - heap), 12)
  store<u32>(at, <u32>(end - heap), 16)
  return true
}

/** Turns the places of a column's texts into the engine's addresses, given in two words each. */
export function point(
  into: usize,
  column: u32,
  rows: u32,
  heapLow: u32,
  heapHigh: u32,
  annexLow: u32,
  annexHigh: u32,
): void {
  const ofHeap = ((<u64>heapHigh) << 32) | heapLow
  const ofAnnex = ((<u64>annexHigh) << 32) | annexLow
  let cell = <usize>load<u32>(into + CHUNK_VECTORS + ((<usize>column) << 2))
  const stop = cell + <usize>rows * CELL_BYTES
  for (; cell < stop; cell += CELL_BYTES) {
    if (load<u32>(cell) <= SHORT_BYTES_MAX) continue
    const place = load<u32>(cell, 8)
    store<u64>(cell, place >= ANNEX ? ofAnnex + (place - ANNEX) : ofHeap + place, 8)
  }
}
