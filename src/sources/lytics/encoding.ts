/**
 * The bytes of a text file as UTF-8, whatever they were: UTF-8 with or without a byte order mark, UTF-16 (by its mark, or by
 * the zeros that plain letters have in it), Windows-1252 (Latin-1 and what stands in its gaps). A file is UTF-8 when
 * the first line that is not plain ASCII is; else it is Windows-1252, in which every byte is a letter. So the same bytes
 * are read alike however they are cut.
 */

import { isAscii, isUtf8 } from 'node:buffer'
import { ThalwegError } from '../../core/errors.ts'
import { NEWLINE } from './rows.ts'

export const ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'] as const
export type Encoding = (typeof ENCODINGS)[number]

/** UTF-16 is told from so much of the beginning; whether it may be, from so much. */
const HEAD_BYTES = 4096
const FIRST_BYTES = 4
/** A line beyond this is judged by what there is of it. */
const LINE_BYTES_MAX = 1024 * 1024
const NOTHING = Buffer.alloc(0)
const MARKS: readonly (readonly [mark: readonly number[], encoding: Encoding])[] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
]

/** Whether the encoding can be told from this beginning of a file, of which there is more. */
export function isHead(bytes: Buffer): boolean {
  if (bytes.length < FIRST_BYTES || bytes.length >= HEAD_BYTES) return bytes.length >= FIRST_BYTES
  return !bytes.subarray(0, FIRST_BYTES).includes(0) || markOf(bytes) !== undefined
}

function markOf(head: Buffer): { encoding: Encoding; markBytes: number } | undefined {
  for (const [mark, encoding] of MARKS)
    if (mark.every((byte, i) => head[i] === byte)) return { encoding, markBytes: mark.length }
  return undefined
}

/** By the beginning; undefined: UTF-8 or Windows-1252. */
function markedEncoding(head: Buffer): { encoding: Encoding; markBytes: number } | undefined {
  const marked = markOf(head)
  if (marked !== undefined) return marked
  const encoding = head.subarray(0, FIRST_BYTES).includes(0) ? zerosIn(head) : undefined
  return encoding === undefined ? undefined : { encoding, markBytes: 0 }
}

/** Text in UTF-16 has zeros on one side of most pairs; no other text has any. */
function zerosIn(head: Buffer): Encoding | undefined {
  let even = 0
  let odd = 0
  for (const [i, byte] of head.entries()) if (byte === 0) i % 2 === 0 ? even++ : odd++
  const pairs = head.length / 2
  if (even === 0 && odd > pairs / 2) return 'utf-16le'
  return odd === 0 && even > pairs / 2 ? 'utf-16be' : undefined
}

export class Utf8Text {
  #encoding: Encoding | undefined
  #decoder: InstanceType<typeof TextDecoder> | undefined
  #begun = false
  /** From the line that decides on, until its end has come. */
  #undecided: Buffer = NOTHING

  /** What was found out; undefined while everything was plain ASCII. */
  get encoding(): Encoding | undefined {
    return this.#encoding
  }

  /** The first call has what `isHead` asks for, or the whole file. Throws INPUT_INVALID when UTF-16 is broken. */
  push(bytes: Buffer): Buffer {
    const rest = this.#begun ? bytes : this.#begin(bytes)
    if (this.#encoding === undefined) return this.#decide(rest, false)
    return this.#decoded(rest, false)
  }

  /** The rest; nothing comes after. Throws INPUT_INVALID as `push`. */
  end(): Buffer {
    if (this.#encoding === undefined) return this.#decide(NOTHING, true)
    return this.#decoded(NOTHING, true)
  }

  #begin(head: Buffer): Buffer {
    this.#begun = true
    const marked = markedEncoding(head.subarray(0, HEAD_BYTES))
    if (marked === undefined) return head
    this.#settle(marked.encoding)
    return head.subarray(marked.markBytes)
  }

  #settle(encoding: Encoding): void {
    this.#encoding = encoding
    // UTF-8 is passed on as it is: who reads it judges each line.
    if (encoding !== 'utf-8') this.#decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  }

  #decide(bytes: Buffer, isLast: boolean): Buffer {
    const all = this.#undecided.length === 0 ? bytes : Buffer.concat([this.#undecided, bytes])
    if (isAscii(all)) return all
    const odd = all.findIndex((byte) => byte > 0x7f)
    const from = all.lastIndexOf(NEWLINE, odd) + 1
    const newline = all.indexOf(NEWLINE, odd)
    if (newline < 0 && !isLast && all.length - from < LINE_BYTES_MAX) {
      this.#undecided = all.subarray(from)
      return all.subarray(0, from)
    }
    this.#undecided = NOTHING
    const line = all.subarray(from, newline < 0 ? all.length : newline)
    // Cut in the middle of a character it is no worse.
    this.#settle(isUtf8(newline < 0 && !isLast ? cutAtCharacter(line) : line) ? 'utf-8' : 'windows-1252')
    return this.#decoded(all, isLast)
  }

  #decoded(bytes: Buffer, isLast: boolean): Buffer {
    if (this.#decoder === undefined) return bytes
    try {
      return Buffer.from(this.#decoder.decode(bytes, { stream: !isLast }))
    } catch (cause) {
      throw new ThalwegError('INPUT_INVALID', `The text cannot be read as ${this.#encoding}`, { cause })
    }
  }
}

/** Without the last bytes of a character that goes on behind them. */
function cutAtCharacter(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && end > bytes.length - 4 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end--
  return (bytes[end - 1] ?? 0) >= 0xc0 ? bytes.subarray(0, end - 1) : bytes
}
