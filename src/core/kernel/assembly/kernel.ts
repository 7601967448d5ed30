// What the module exports. Positions are addresses in its memory; 0 = no.

import { setVocabulary } from './event'
import { end, setEnd } from './json'
import { RESULT, reserve, SLACK } from './layout'
import { listMembers } from './members'
import { insertKey, projectEvent } from './project'
import {
  bare,
  complete,
  count,
  noted,
  notedAt,
  outOfMemory,
  overflowAt,
  rows,
  scanBody,
  wrappers,
} from './scan'
import { setShapeKey } from './shape'
import { setKey } from './text'
import { setTypeSeed, typesCount } from './types'

const EMPTY: u32 = 0
const EVENTS: u32 = 1
const ARRAY: u32 = 2
const BARE: u32 = 3
const BROKEN: u32 = 4
const OUT_OF_MEMORY: u32 = 5

/** Keys the identities and the shapes; the types' hash table is seeded from the same key. */
export function setup(low: u64, high: u64): void {
  setKey(low, high)
  setShapeKey(low, high)
  setTypeSeed(<u32>(high >> 32) ^ <u32>low)
}

/**
 * Scans the `length` bytes at `from`, an address after which everything is free. RESULT then holds: rows found, address of the
 * rows, fault and position (when the shape is broken), number of types, position of the first row too many. Gives the shape.
 * `vocabulary` is an index into VOCABULARIES of ../kernel.ts.
 */
export function scan(from: usize, length: usize, itemsMax: u32, vocabulary: u32): u32 {
  const stop = from + length
  const rowsAt = (stop + SLACK + 15) & ~15
  if (!reserve(rowsAt + SLACK)) return OUT_OF_MEMORY
  setEnd(stop)
  setVocabulary(vocabulary)
  scanBody(from, stop, rowsAt, itemsMax)
  store<u32>(RESULT, count)
  store<u32>(RESULT, rows, 4)
  store<u32>(RESULT, noted, 8)
  store<u32>(RESULT, <u32>(notedAt - from), 12)
  store<u32>(RESULT, typesCount, 16)
  store<u32>(RESULT, overflowAt, 20)
  if (outOfMemory) return OUT_OF_MEMORY
  if (!complete) return noted ? BROKEN : EMPTY
  if (bare) return BARE
  return wrappers ? EVENTS : ARRAY
}

/** Declares the input of `project` and `members`: the `length` bytes at `from`. False when there is no memory. */
export function begin(from: usize, length: usize): bool {
  if (!reserve(from + length + SLACK)) return false
  setEnd(from + length)
  return true
}

/** Makes memory reach up to `top`. */
export function grow(top: usize): bool {
  return reserve(top)
}

/** Adds a key to a key table of a compiled projection. */
export function insert(table: usize, key: usize, length: u32, slot: u32, child: u32): void {
  insertKey(table, key, length, slot, child)
}

/** Projects the event at [from, stop); see project.ts. */
export function project(
  program: usize,
  from: usize,
  stop: usize,
  out: usize,
  limit: usize,
  scratch: usize,
): usize {
  return projectEvent(program, from, stop, out, limit, scratch)
}

/** Writes the member rows of the event at `from` to `into`; gives their number, or -1 when it is not an event up to the input's end. */
export function members(from: usize, into: usize, rowsMax: u32): i32 {
  return listMembers(from, end, into, rowsMax)
}
