/**
 * Strict JSON over bytes, plainly: accepts exactly the bytes that are valid UTF-8 and that JSON.parse accepts. The twin of
 * assembly/json.ts. A method takes the position where its construct starts and gives the position behind it, or NO with `fault`
 * and `faultAt` set: the first byte that fits nowhere, or `truncated` at the end of the input.
 */

import { DEPTH_MAX, type ItemFault } from './kernel.ts'

export const NO = -1

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const COMMA = 0x2c
export const COLON = 0x3a
export const BRACE_OPEN = 0x7b
export const BRACE_CLOSE = 0x7d
export const BRACKET_OPEN = 0x5b
export const BRACKET_CLOSE = 0x5d
const MINUS = 0x2d
const PLUS = 0x2b
const ZERO = 0x30
const POINT = 0x2e
const LETTER_U = 0x75
/** The bytes after a backslash that stand for one character: " \ / b f n r t */
const SHORT_ESCAPES = [0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74]
const LITERALS = ['true', 'false', 'null'].map((word) => new TextEncoder().encode(word))
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function isDigit(c: number): boolean {
  return c >= ZERO && c <= 0x39
}

export function isNumberStart(c: number): boolean {
  return c === MINUS || isDigit(c)
}

export function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09
}

function isHex(c: number): boolean {
  return isDigit(c) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46)
}

export class Reader {
  readonly bytes: Uint8Array
  readonly end: number
  fault: ItemFault = 'none'
  faultAt = 0
  /** The last string read holds a backslash. */
  escaped = false
  /** The last number read has a point or an exponent. */
  decimal = false

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.end = bytes.length
  }

  /** The byte at `at`; NO at the end. */
  byte(at: number): number {
    return at < this.end ? (this.bytes[at] ?? NO) : NO
  }

  refuse(at: number, why: ItemFault): number {
    const isEnd = at >= this.end
    this.fault = isEnd ? 'truncated' : why
    this.faultAt = isEnd ? this.end : at
    return NO
  }

  space(at: number): number {
    while (isSpace(this.byte(at))) at++
    return at
  }

  /** From behind the opening quote to behind the closing one. */
  string(at: number): number {
    this.escaped = false
    while (at !== NO) {
      const c = this.byte(at)
      if (c === QUOTE) return at + 1
      if (c === BACKSLASH) at = this.#escape(at + 1)
      else if (c >= 0x80) at = this.#multibyte(at)
      else if (c < 0x20) return this.refuse(at, 'invalid_json')
      else at++
    }
    return NO
  }

  /** The text of the string at [start, stop), already found valid. */
  text(start: number, stop: number, escaped: boolean): string {
    const raw = decoder.decode(this.bytes.subarray(start, stop))
    return escaped ? (JSON.parse(`"${raw}"`) as string) : raw
  }

  #escape(at: number): number {
    this.escaped = true
    const c = this.byte(at)
    if (c === LETTER_U) {
      for (let i = 1; i <= 4; i++) {
        if (!isHex(this.byte(at + i))) return this.refuse(at + i, 'invalid_json')
      }
      return at + 5
    }
    return SHORT_ESCAPES.includes(c) ? at + 1 : this.refuse(at, 'invalid_json')
  }

  /** One sequence beyond ASCII (Unicode, table 3-7). */
  #multibyte(at: number): number {
    const lead = this.byte(at)
    if (lead < 0xc2 || lead > 0xf4) return this.refuse(at, 'invalid_utf8')
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    for (let i = 1; i <= more; i++) {
      const c = this.byte(at + i)
      if (c === NO) return this.refuse(this.end, 'truncated')
      if (c < low || c > high) return this.refuse(at, 'invalid_utf8')
      low = 0x80
      high = 0xbf
    }
    return at + more + 1
  }

  #digits(at: number): number {
    if (!isDigit(this.byte(at))) return this.refuse(at, 'invalid_json')
    while (isDigit(this.byte(at))) at++
    return at
  }

  #number(at: number): number {
    this.decimal = false
    if (this.byte(at) === MINUS) at++
    at = this.byte(at) === ZERO ? at + 1 : this.#digits(at)
    if (at !== NO && this.byte(at) === POINT) {
      this.decimal = true
      at = this.#digits(at + 1)
    }
    if (at !== NO && (this.byte(at) === 0x65 || this.byte(at) === 0x45)) {
      this.decimal = true
      const sign = this.byte(at + 1)
      at = this.#digits(sign === PLUS || sign === MINUS ? at + 2 : at + 1)
    }
    return at
  }

  #literal(at: number): number {
    for (const word of LITERALS) {
      if (this.byte(at) !== word[0]) continue
      for (let i = 1; i < word.length; i++) {
        if (this.byte(at + i) !== word[i]) return this.refuse(at + i, 'invalid_json')
      }
      return at + word.length
    }
    return this.refuse(at, 'invalid_json')
  }

  /** Any value inside `depth` open containers. */
  value(at: number, depth: number): number {
    const c = this.byte(at)
    if (c === QUOTE) return this.string(at + 1)
    if (isNumberStart(c)) return this.#number(at)
    if (c !== BRACE_OPEN && c !== BRACKET_OPEN) return this.#literal(at)
    if (depth >= DEPTH_MAX) return this.refuse(at, 'too_deep')
    if (c === BRACE_OPEN) return this.object(at, (_key, _keyEnd, start) => this.value(start, depth + 1))
    return this.#array(at, depth + 1)
  }

  #array(at: number, depth: number): number {
    at = this.space(at + 1)
    if (this.byte(at) === BRACKET_CLOSE) return at + 1
    for (;;) {
      at = this.value(at, depth)
      if (at === NO) return NO
      at = this.space(at)
      if (this.byte(at) === BRACKET_CLOSE) return at + 1
      if (this.byte(at) !== COMMA) return this.refuse(at, 'invalid_json')
      at = this.space(at + 1)
    }
  }

  /** From behind a key to the start of its value. */
  colon(at: number): number {
    at = this.space(at)
    return this.byte(at) === COLON ? this.space(at + 1) : this.refuse(at, 'invalid_json')
  }

  /**
   * The object that opens at `at`. `readValue` is given each key's place (without quotes), the start of its value and whether the
   * key holds an escape; it gives the end of the value.
   */
  object(
    at: number,
    readValue: (key: number, keyEnd: number, start: number, keyEscaped: boolean) => number,
  ): number {
    at = this.space(at + 1)
    if (this.byte(at) === BRACE_CLOSE) return at + 1
    for (;;) {
      if (this.byte(at) !== QUOTE) return this.refuse(at, 'invalid_json')
      const key = at + 1
      at = this.string(key)
      if (at === NO) return NO
      const keyEscaped = this.escaped
      const keyEnd = at - 1
      at = this.colon(at)
      if (at === NO) return NO
      at = readValue(key, keyEnd, at, keyEscaped)
      if (at === NO) return NO
      at = this.space(at)
      if (this.byte(at) === BRACE_CLOSE) return at + 1
      if (this.byte(at) !== COMMA) return this.refuse(at, 'invalid_json')
      at = this.space(at + 1)
    }
  }
}
