/**
 * The elements of the array in a document that is too large to be read at once: `[…]`, or the member `events`
 * of the outermost object. It follows brackets and strings only; whether an element is an event, the kernel says.
 */

import type { ByteStream } from './byte-stream.ts'
import { damaged } from './damage.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const EVENTS = /^\s*\{(?:.*,)?\s*"events"\s*:\s*\[/s
/** The member `events` begins within so many bytes. */
const WRAPPER_BYTES_MAX = 64 * 1024

export interface Element {
  readonly bytes: Buffer
  readonly at: number
}

export class Elements {
  readonly #stream: ByteStream
  readonly #bytesMax: number
  #inside = false

  /** The stream is at the start of the document. Elements of more than `bytesMax` bytes throw FILES_DAMAGED. */
  constructor(stream: ByteStream, bytesMax: number) {
    this.#stream = stream
    this.#bytesMax = bytesMax
  }

  /** The next element, to be dropped before the one after it; undefined behind the last. Throws FILES_DAMAGED. */
  async next(): Promise<Element | undefined> {
    if (!this.#inside) await this.#open()
    this.#inside = true
    if (!(await this.#dropSpace())) throw damaged('the document ends within its array')
    if (this.#stream.ahead[0] === CLOSE_BRACKET) return undefined
    const length = await this.#length()
    return { bytes: this.#stream.ahead.subarray(0, length), at: this.#stream.position }
  }

  drop({ bytes }: Element): void {
    this.#stream.drop(bytes.length)
  }

  async #open(): Promise<void> {
    const stream = this.#stream
    await this.#dropSpace()
    if (stream.ahead[0] === OPEN_BRACKET) {
      stream.drop(1)
      return
    }
    await stream.reach(WRAPPER_BYTES_MAX)
    const head = stream.ahead.subarray(0, WRAPPER_BYTES_MAX).toString('latin1')
    const [opening] = EVENTS.exec(head) ?? []
    if (opening === undefined) throw damaged('the document holds no array of events')
    stream.drop(opening.length)
  }

  /** White space, and the comma between two elements. */
  async #dropSpace(): Promise<boolean> {
    const stream = this.#stream
    while (await stream.reach(1)) {
      const { ahead } = stream
      let space = 0
      while (space < ahead.length && isSpace(ahead[space] as number)) space++
      stream.drop(space)
      if (space < ahead.length) return true
    }
    return false
  }

  async #length(): Promise<number> {
    const stream = this.#stream
    const state = { at: 0, depth: 0, inText: false }
    for (;;) {
      if (endOf(stream.ahead, state)) return state.at
      if (state.at > this.#bytesMax) throw damaged(`an element has more than ${this.#bytesMax} bytes`)
      if (!(await stream.more())) throw damaged('the document ends within an element')
    }
  }
}

interface Progress {
  at: number
  depth: number
  inText: boolean
}

/** Goes on from `state.at`; true: the element ends there. */
function endOf(bytes: Buffer, state: Progress): boolean {
  let { at, depth, inText } = state
  let ended = false
  for (; at < bytes.length; at++) {
    const byte = bytes[at]
    if (inText) {
      if (byte === BACKSLASH) {
        // The byte behind it is needed, too.
        if (at + 1 === bytes.length) break
        at++
      } else if (byte === QUOTE) inText = false
    } else if (byte === QUOTE) inText = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === COMMA && depth === 0) ended = true
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) ended = true
      else depth--
    }
    if (ended) break
  }
  Object.assign(state, { at, depth, inText })
  return ended
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === COMMA
}
