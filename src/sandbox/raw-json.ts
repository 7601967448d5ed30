/**
 * The exact bytes of parts of a JSON text that JSON.parse has already accepted: a double must show what it
 * was sent, not what a parser made of it (a price of 3.10 or an integer beyond 2^53 would change).
 */

export interface Span {
  readonly start: number
  /** One past the last byte. */
  readonly end: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OBJECT = 0x7b
const OBJECT_END = 0x7d
const ARRAY = 0x5b
const ARRAY_END = 0x5d

/** The values of an object's members by name; with a repeated name the last one counts, as in JSON.parse. */
export function rawMembers(bytes: Buffer, span: Span = whole(bytes)): Map<string, Span> {
  const members = new Map<string, Span>()
  let at = skipSpace(bytes, span.start)
  if (bytes[at] !== OBJECT) return members
  at = skipSpace(bytes, at + 1)
  while (at < span.end && bytes[at] !== OBJECT_END) {
    const keyEnd = stringEnd(bytes, at)
    const key = JSON.parse(bytes.toString('utf8', at, keyEnd)) as string
    const start = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1) // over the colon
    const end = valueEnd(bytes, start)
    members.set(key, { start, end })
    at = skipSpace(bytes, end)
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1)
  }
  return members
}

/** The elements of an array in order. */
export function rawElements(bytes: Buffer, span: Span = whole(bytes)): Span[] {
  const elements: Span[] = []
  let at = skipSpace(bytes, span.start)
  if (bytes[at] !== ARRAY) return elements
  at = skipSpace(bytes, at + 1)
  while (at < span.end && bytes[at] !== ARRAY_END) {
    const end = valueEnd(bytes, at)
    elements.push({ start: at, end })
    at = skipSpace(bytes, end)
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1)
  }
  return elements
}

export function rawText(bytes: Buffer, span: Span): string {
  return bytes.toString('utf8', span.start, span.end)
}

function whole(bytes: Buffer): Span {
  return { start: 0, end: bytes.length }
}

function skipSpace(bytes: Buffer, at: number): number {
  let i = at
  while (i < bytes.length && isSpace(bytes[i])) i++
  return i
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function valueEnd(bytes: Buffer, start: number): number {
  const first = bytes[start]
  if (first === QUOTE) return stringEnd(bytes, start)
  if (first === OBJECT || first === ARRAY) return nestEnd(bytes, start)
  let i = start
  while (i < bytes.length && !endsScalar(bytes[i])) i++
  return i
}

function endsScalar(byte: number | undefined): boolean {
  return byte === COMMA || byte === OBJECT_END || byte === ARRAY_END || byte === COLON || isSpace(byte)
}

function stringEnd(bytes: Buffer, start: number): number {
  let i = start + 1
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1
  return i + 1
}

function nestEnd(bytes: Buffer, start: number): number {
  let depth = 0
  let i = start
  while (i < bytes.length) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      i = stringEnd(bytes, i)
      continue
    }
    if (byte === OBJECT || byte === ARRAY) depth++
    else if (byte === OBJECT_END || byte === ARRAY_END) {
      depth--
      if (depth === 0) return i + 1
    }
    i++
  }
  return i
}
