// The cells of a chunk's row, laid out as the engine has them (../row-chunk.ts). A cell that was set is not set again: `false` then.

import { hex } from '../../../core/kernel/assembly/json'
import { reserve } from '../../../core/kernel/assembly/layout'
import {
  CELL_BYTES,
  CHUNK_BYTES,
  CHUNK_HEAP,
  CHUNK_ROWS,
  CHUNK_USED,
  CHUNK_VECTORS,
  COLUMNS_MAX,
  HEAP,
} from './layout'

/** Texts up to here lie in the cell itself. */
const SHORT_BYTES_MAX: usize = 12
/** Zeros behind what is read. */
const SLACK: usize = 64

let top: usize = HEAP
let spareSmall: usize = 0
let spareLarge: usize = 0
const LARGE_ROWS: usize = 2048

/** Address of so many bytes, on a multiple of 16; traps when the host has no more. */
function allocate(bytes: usize): usize {
  const at = top
  top = (at + bytes + 15) & ~15
  if (!reserve(top + SLACK)) unreachable()
  return at
}

/** A chunk without rows, of vectors of `rows` rows. */
export function makeChunk(rows: u32, heapBytes: u32): usize {
  const chunk = allocate(CHUNK_VECTORS + COLUMNS_MAX * 4)
  memory.fill(chunk, 0, CHUNK_VECTORS + COLUMNS_MAX * 4)
  store<u32>(chunk, <u32>allocate(<usize>heapBytes + SLACK), CHUNK_HEAP)
  store<u32>(chunk, heapBytes, CHUNK_BYTES)
  store<u32>(chunk, rows, CHUNK_ROWS)
  return chunk
}

/** Gives the vectors back and forgets the heap. */
export function clearChunk(chunk: usize): void {
  const isLarge = <usize>load<u32>(chunk, CHUNK_ROWS) === LARGE_ROWS
  store<u32>(chunk, 0, CHUNK_USED)
  for (let i: usize = 0; i < COLUMNS_MAX; i++) {
    const held = chunk + CHUNK_VECTORS + (i << 2)
    const vector = <usize>load<u32>(held)
    if (!vector) continue
    store<u32>(held, 0)
    store<u32>(vector, <u32>(isLarge ? spareLarge : spareSmall))
    if (isLarge) spareLarge = vector
    else spareSmall = vector
  }
}

/** The vector of a column; made when missing. */
export function vectorOf(chunk: usize, column: u32): usize {
  const held = chunk + CHUNK_VECTORS + ((<usize>column) << 2)
  let vector = <usize>load<u32>(held)
  if (vector) return vector
  const rows = <usize>load<u32>(chunk, CHUNK_ROWS)
  const isLarge = rows === LARGE_ROWS
  const bytes = rows * CELL_BYTES + (rows >>> 3)
  vector = isLarge ? spareLarge : spareSmall
  if (!vector) vector = allocate(bytes)
  else if (isLarge) spareLarge = <usize>load<u32>(vector)
  else spareSmall = <usize>load<u32>(vector)
  memory.fill(vector, 0, bytes)
  store<u32>(held, <u32>vector)
  return vector
}

function flagsOf(chunk: usize, vector: usize, row: u32): usize {
  return vector + <usize>load<u32>(chunk, CHUNK_ROWS) * CELL_BYTES + (<usize>row >>> 3)
}

/** Whether the row has a value in the column. */
export function has(chunk: usize, column: u32, row: u32): bool {
  const vector = <usize>load<u32>(chunk + CHUNK_VECTORS + ((<usize>column) << 2))
  return vector !== 0 && (<u32>load<u8>(flagsOf(chunk, vector, row)) & (1 << (row & 7))) !== 0
}

/** The vector of a column, whose row has a value from now on. */
export function fill(chunk: usize, column: u32, row: u32): usize {
  const vector = vectorOf(chunk, column)
  const flags = flagsOf(chunk, vector, row)
  store<u8>(flags, <u32>load<u8>(flags) | (1 << (row & 7)))
  return vector
}

/** No column has a value for the row. */
export function clearRow(chunk: usize, row: u32): void {
  for (let i: usize = 0; i < COLUMNS_MAX; i++) {
    const vector = <usize>load<u32>(chunk + CHUNK_VECTORS + (i << 2))
    if (!vector) continue
    const flags = flagsOf(chunk, vector, row)
    store<u8>(flags, <u32>load<u8>(flags) & ~(1 << (row & 7)))
  }
}

export function setText(chunk: usize, column: u32, row: u32, from: usize, length: usize): void {
  const cell = fill(chunk, column, row) + <usize>row * CELL_BYTES
  store<u32>(cell, <u32>length)
  if (length > SHORT_BYTES_MAX) {
    store<u32>(cell, load<u32>(from), 4)
    store<u64>(cell, <u64>(from - <usize>load<u32>(chunk, CHUNK_HEAP)), 8)
    return
  }
  store<u32>(cell, 0, 4)
  store<u64>(cell, 0, 8)
  for (let i: usize = 0; i < length; i++) store<u8>(cell + i, load<u8>(from + i), 4)
}

export function setLong(chunk: usize, column: u32, row: u32, value: i64): void {
  store<i64>(fill(chunk, column, row) + <usize>row * 8, value)
}

export function setDouble(chunk: usize, column: u32, row: u32, value: f64): void {
  store<f64>(fill(chunk, column, row) + <usize>row * 8, value)
}

export function setBoolean(chunk: usize, column: u32, row: u32, value: bool): void {
  store<u8>(fill(chunk, column, row) + <usize>row, <u8>value)
}

/** Sets a text by its JSON in [from, stop) without the quotes, its escapes none of surrogates. False when the heap has no room for it. */
export function setEscaped(chunk: usize, column: u32, row: u32, from: usize, stop: usize): bool {
  const used = <usize>load<u32>(chunk, CHUNK_USED)
  // What is written is never longer than its JSON.
  if (used + (stop - from) > <usize>load<u32>(chunk, CHUNK_BYTES)) return false
  const start = <usize>load<u32>(chunk, CHUNK_HEAP) + used
  let to = start
  while (from < stop) {
    const c: u32 = load<u8>(from++)
    if (c !== 0x5c) {
      store<u8>(to++, <u8>c)
      continue
    }
    const letter: u32 = load<u8>(from++)
    if (letter !== 0x75) {
      store<u8>(to++, <u8>meant(letter))
      continue
    }
    let unit: u32 = 0
    for (let i = 0; i < 4; i++) unit = (unit << 4) | hex(load<u8>(from++))
    to = writeUnit(to, unit === 0 ? 0xfffd : unit)
  }
  memory.fill(to, 0, SLACK)
  store<u32>(chunk, <u32>(used + (to - start)), CHUNK_USED)
  setText(chunk, column, row, start, to - start)
  return true
}

/** Of a letter behind a backslash, other than u. */
function meant(letter: u32): u32 {
  if (letter === 0x6e) return 0x0a
  if (letter === 0x74) return 0x09
  if (letter === 0x72) return 0x0d
  if (letter === 0x62) return 0x08
  return letter === 0x66 ? 0x0c : letter
}

function writeUnit(to: usize, unit: u32): usize {
  if (unit < 0x80) {
    store<u8>(to, <u8>unit)
    return to + 1
  }
  if (unit < 0x800) {
    store<u8>(to, <u8>(0xc0 | (unit >>> 6)))
    store<u8>(to, <u8>(0x80 | (unit & 0x3f)), 1)
    return to + 2
  }
  store<u8>(to, <u8>(0xe0 | (unit >>> 12)))
  store<u8>(to, <u8>(0x80 | ((unit >>> 6) & 0x3f)), 1)
  store<u8>(to, <u8>(0x80 | (unit & 0x3f)), 2)
  return to + 3
}
