// The members of an event down to depth two, as rows of five words: parent, key start, key end, value start, value end.

import { colon, setEnd, space, string, value } from './json'

let into: usize = 0
let rowsMax: u32 = 0
let count: u32 = 0
let base: usize = 0

/** Gives the number of rows (only the first `most` are written), or -1 when [from, stop) is not one object. */
export function listMembers(from: usize, stop: usize, to: usize, most: u32): i32 {
  setEnd(stop)
  base = from
  into = to
  rowsMax = most
  count = 0
  if (load<u8>(from) !== 0x7b) return -1
  return list(from, 0) === stop ? <i32>count : -1
}

/** The members of the object at `at`; those of objects among the root's members follow their row. */
function list(at: usize, parent: u32): usize {
  at = space(at + 1)
  if (load<u8>(at) === 0x7d) return at + 1
  while (true) {
    if (load<u8>(at) !== 0x22) return 0
    const key = at + 1
    at = string(key)
    if (!at) return 0
    const keyEnd = at - 1
    at = colon(at)
    if (!at) return 0
    const start = at
    const index = count++
    at = !parent && load<u8>(at) === 0x7b ? list(at, index + 1) : value(at, parent ? 2 : 1)
    if (!at) return 0
    if (index < rowsMax) write(into + <usize>index * 20, parent, key, keyEnd, start, at)
    at = space(at)
    const c: u32 = load<u8>(at)
    if (c === 0x7d) return at + 1
    if (c !== 0x2c) return 0
    at = space(at + 1)
  }
}

function write(row: usize, parent: u32, key: usize, keyEnd: usize, start: usize, stop: usize): void {
  store<u32>(row, parent)
  store<u32>(row, <u32>(key - base), 4)
  store<u32>(row, <u32>(keyEnd - base), 8)
  store<u32>(row, <u32>(start - base), 12)
  store<u32>(row, <u32>(stop - base), 16)
}
