/** Reads what is around the records of an Avro file: its header and the heads of its blocks. Every read is within the bytes, or throws FILES_DAMAGED. */

import { damaged } from './damage.ts'

/** Bytes of a varint below this many make a number that a double holds, and no length is larger. */
const WHOLE_BYTES_MAX = 7

export class Cursor {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** An int or a long, of which larger ones than a length or a count can be throw FILES_DAMAGED. */
  whole(): number {
    let value = 0
    let unit = 1
    for (let i = 0; i < WHOLE_BYTES_MAX; i++) {
      const byte = this.#byte()
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      unit *= 128
    }
    throw damaged('a length or a count is out of bounds')
  }

  /** A text or bytes, behind their length. */
  text(): Buffer {
    const length = this.whole()
    if (length < 0) throw damaged('a length or a count is out of bounds')
    return this.take(length)
  }

  take(bytes: number): Buffer {
    if (bytes > this.bytes.length - this.at)
      throw damaged('the file ends within its header or the head of a block')
    const from = this.at
    this.at += bytes
    return this.bytes.subarray(from, this.at)
  }

  #byte(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw damaged('the file ends within its header or the head of a block')
    this.at++
    return byte
  }
}
