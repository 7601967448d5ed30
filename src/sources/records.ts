/** What is special about the body and the answer of Treasure Data's Data Ingestion API ("records"). */

import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FAULTS,
  ITEM_START,
  ITEM_WORDS,
  type Scan,
} from '../core/kernel/kernel.ts'
import type { Items } from './intake.ts'
import { type Refusal, refusal } from './refusals.ts'

/** Treasure Data, limits page: 1–500 records per request, 1,000 KB each, 5 MB together. */
export const RECORDS_MAX = 500
export const RECORD_BYTES_MAX = 1_000 * 1024
export const RECORDS_BYTES_MAX = 5 * 1024 * 1024

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** The same number of bytes, so that nothing moves. */
const RECORDS_KEY = Buffer.from('"records"')
const EVENTS_KEY = Buffer.from('"events" ')

/**
 * Renames the wrapper `{"records":[…]}` in place to `{"events" :[…]}`, the one the kernel opens; the records
 * themselves are not touched. A body that says `events`, or neither, stays as it is. Tolerates any bytes.
 * Returns the key's position for `closeRecords`; -1 when nothing was renamed.
 */
export function openRecords(body: Buffer): number {
  const at = findRecords(body)
  if (at >= 0) EVENTS_KEY.copy(body, at)
  return at
}

/** Takes the renaming back: the object turned out to be a record itself. */
export function closeRecords(body: Buffer, at: number): void {
  if (at >= 0) RECORDS_KEY.copy(body, at)
}

/**
 * Position of the outermost object's member `records` if its value is an array; -1 when there is none, or an
 * `events` array comes first.
 */
function findRecords(body: Buffer): number {
  let at = contentStart(body)
  if (body[at] !== OPEN_BRACE) return -1
  let depth = 1
  let keyNext = true
  for (at++; at < body.length; at++) {
    const byte = body[at]
    if (byte === QUOTE) {
      const end = afterString(body, at)
      if (depth === 1 && keyNext && holdsArray(body, end)) {
        if (sameBytes(body, at, end, RECORDS_KEY)) return at
        if (sameBytes(body, at, end, EVENTS_KEY.subarray(0, -1))) return -1
      }
      keyNext = false
      at = end - 1
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (--depth === 0) return -1
    } else if (byte === COMMA && depth === 1) keyNext = true
  }
  return -1
}

/** Where the JSON text begins: behind white space, and a byte order mark, which the kernel forgives too. */
export function contentStart(body: Buffer): number {
  const marked = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf
  return afterSpace(body, marked ? 3 : 0)
}

/** The first position that is not white space of JSON. */
function afterSpace(body: Buffer, from: number): number {
  let at = from
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at++
  return at
}

function afterString(body: Buffer, quote: number): number {
  let at = quote + 1
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1
  return Math.min(at + 1, body.length)
}

function holdsArray(body: Buffer, keyEnd: number): boolean {
  const colon = afterSpace(body, keyEnd)
  return body[colon] === COLON && body[afterSpace(body, colon + 1)] === OPEN_BRACKET
}

function sameBytes(body: Buffer, start: number, end: number, bytes: Buffer): boolean {
  return end - start === bytes.length && body.compare(bytes, 0, bytes.length, start, end) === 0
}

/**
 * The whole body as one record, whatever its members are called; undefined when it is not one JSON object.
 */
export function singleRecord(body: Buffer): Items | undefined {
  const start = contentStart(body)
  let end = body.length
  while (end > start && body[end - 1] !== CLOSE_BRACE) end--
  if (body[start] !== OPEN_BRACE || afterSpace(body, end) !== body.length) return undefined
  try {
    JSON.parse(decoder.decode(body.subarray(start, end)))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
  const items = new Uint32Array(ITEM_WORDS)
  items[ITEM_START] = start
  items[ITEM_END] = end
  return { count: 1, items }
}

/** Refuses bytes that are not UTF-8, as the scan does. */
const decoder = new TextDecoder('utf-8', { fatal: true })

const TRAILING_BYTES = ITEM_FAULTS.indexOf('trailing_bytes')

/** What the limits of the records API say against the items; undefined when nothing. */
export function recordsRefusal({ count, items }: Items): Refusal | undefined {
  let records = 0
  for (let i = 0, at = 0; i < count; i++, at += ITEM_WORDS) {
    if (items[at + ITEM_FAULT] === TRAILING_BYTES) continue
    const bytes = (items[at + ITEM_END] ?? 0) - (items[at + ITEM_START] ?? 0)
    if (bytes > RECORD_BYTES_MAX) {
      const message = `Record ${records} has ${bytes} bytes, at most ${RECORD_BYTES_MAX} are allowed: shorten it or leave it out`
      return refusal('RECORD_OVERSIZED', message, { record: records, bytesMax: RECORD_BYTES_MAX })
    }
    records++
  }
  if (records <= RECORDS_MAX) return undefined
  const message = `The request has ${records} records, at most ${RECORDS_MAX} are allowed: send several requests`
  return refusal('BODY_ITEMS', message, { itemsMax: RECORDS_MAX })
}

const TAKEN = '{"success":true}'
/** The name that Treasure Data's own clients read as "drop the record, do not send it again". */
const REFUSED = '{"success":false,"error":{"name":"InvalidPropertyValueError"}}'

/** One receipt per record, in order. Bytes outside of any record have none. */
export function receiptsOf({ count, items }: Items | Scan): string {
  const receipts: string[] = []
  for (let i = 0, at = 0; i < count; i++, at += ITEM_WORDS) {
    const fault = items[at + ITEM_FAULT] ?? 0
    if (fault !== TRAILING_BYTES) receipts.push(fault === 0 ? TAKEN : REFUSED)
  }
  return `{"receipts":[${receipts.join(',')}]}`
}
