/** Snappy's raw format: a length, then literals and copies of what came before. Decompression only. */

import { damaged } from './damage.ts'

const LITERAL = 0
const COPY_SHORT = 1
const COPY_MIDDLE = 2

/** Throws FILES_DAMAGED, also when the content would have more than `bytesMax` bytes. */
export function unsnappy(input: Uint8Array, bytesMax: number): Buffer {
  const { length, start } = lengthOf(input)
  if (length > bytesMax) throw damaged(`a block of ${length} bytes is larger than the ${bytesMax} allowed`)
  const out = Buffer.allocUnsafe(length)
  let at = start
  let to = 0
  while (at < input.length) {
    const tag = byteAt(input, at++)
    const kind = tag & 3
    if (kind === LITERAL) {
      const short = tag >>> 2
      const extra = short < 60 ? 0 : short - 59
      const size = (extra === 0 ? short : littleEndian(input, at, extra)) + 1
      at += extra
      if (at + size > input.length || to + size > length)
        throw damaged('a snappy literal ends behind the block')
      out.set(input.subarray(at, at + size), to)
      at += size
      to += size
    } else {
      const bytes = kind === COPY_SHORT ? 1 : kind === COPY_MIDDLE ? 2 : 4
      const size = kind === COPY_SHORT ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
      const far = littleEndian(input, at, bytes)
      const distance = kind === COPY_SHORT ? ((tag & 0xe0) << 3) | far : far
      at += bytes
      if (distance === 0 || distance > to || to + size > length) throw damaged('a snappy copy points outside')
      // The copy may overlap what it makes: byte by byte.
      for (const end = to + size; to < end; to++) out[to] = out[to - distance] as number
    }
  }
  if (to !== length) throw damaged('a snappy block is shorter than it says')
  return out
}

function lengthOf(input: Uint8Array): { length: number; start: number } {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = byteAt(input, i)
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { length, start: i + 1 }
  }
  throw damaged('a snappy block says no length')
}

function littleEndian(input: Uint8Array, at: number, bytes: number): number {
  let value = 0
  for (let i = 0; i < bytes; i++) value += byteAt(input, at + i) * 2 ** (8 * i)
  return value
}

function byteAt(input: Uint8Array, at: number): number {
  const byte = input[at]
  if (byte === undefined) throw damaged('a snappy block ends early')
  return byte
}
