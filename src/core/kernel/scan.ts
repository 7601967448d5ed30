/**
 * The plain JavaScript scan: the oracle of the WASM kernel (assembly/scan.ts and event.ts follow it rule by rule) and the
 * fallback where WASM cannot run. The rules:
 *
 * - The words are those of a vocabulary (VOCABULARIES); what follows says them as Currents does.
 * - A byte order mark at the start is skipped. Items are found in `{"events":[…]}`, `[…]`, `[{"events":[…]}, …]` or a bare object.
 *   An object whose `events` is an array is a wrapper unless its `event_type` is a string; then it is an event.
 *   Several `events` arrays all count; other members of a wrapper must be valid and are skipped.
 * - Separators between items are forgiven: a missing comma before `{`, and a comma too many. Nothing is lost by it.
 * - A bad item gets the fault that was seen first in it. Its end is found by matching its own kind of bracket, strings skipped
 *   (so that a `[` too many does not swallow the next event); if `,` or `]` or the end of the body follows, the next item is
 *   tried, else the rest of the body is one item with that fault.
 * - Bytes between or behind items that belong to none become an item `trailing_bytes`, which ends before the next `,`, `]` or `{`.
 * - Without one item that was made out from start to end, good or bad, the body is `broken`, and no items are given.
 * - Bytes beyond ASCII outside of strings are `invalid_json`; a number that touches the end of the body inside an array is `truncated`.
 */

import { ThalwegError } from '../errors.ts'
import { identityOf, personOf } from './identity.ts'
import {
  type BodyShape,
  ITEM_END,
  ITEM_FAULT,
  ITEM_FAULT_AT,
  ITEM_FAULTS,
  ITEM_FLAGS,
  ITEM_HAS_BRAZE_ID,
  ITEM_HAS_EXTERNAL_ID,
  ITEM_HAS_ID,
  ITEM_ID,
  ITEM_ODD,
  ITEM_PERSON,
  ITEM_SHAPE,
  ITEM_START,
  ITEM_TYPE,
  ITEM_WORDS,
  type ItemFault,
  type KernelOptions,
  type Scan,
  TYPE_NONE,
  TYPE_OTHER,
  type Vocabulary,
} from './kernel.ts'
import { SHAPE_DEPTH, ShapeSum } from './shape.ts'
import {
  BACKSLASH,
  BRACE_CLOSE,
  BRACE_OPEN,
  BRACKET_CLOSE,
  BRACKET_OPEN,
  COMMA,
  isNumberStart,
  isSpace,
  NO,
  QUOTE,
  Reader,
} from './syntax.ts'

const TYPE_BYTES_MAX = 256
const NOT_A_WRAPPER = -2

/** Refuses what is longer than the kernel was made for. */
export function checkBodyBytes(bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return
  throw new ThalwegError(
    'INPUT_INVALID',
    `The body has ${bytes} bytes; at most ${bytesMax} are allowed. Send smaller batches.`,
  )
}

export function tooManyItems(itemsMax: number, overflowAt: number): ThalwegError {
  return new ThalwegError(
    'INPUT_INVALID',
    `The body holds more than the ${itemsMax} items allowed: item ${itemsMax + 1} starts at byte ${overflowAt}. Send smaller batches.`,
  )
}

/** Event types by number; see Kernel.types. */
export class TypeNames {
  readonly names: string[] = ['']
  readonly #numbers = new Map<string, number>([['', TYPE_NONE]])

  numberOf(name: string): number {
    if (Buffer.byteLength(name) > TYPE_BYTES_MAX) return TYPE_OTHER
    // Half of a surrogate pair is kept as U+FFFD: the WASM kernel keeps names as UTF-8.
    const kept = name.toWellFormed()
    const known = this.#numbers.get(kept)
    if (known !== undefined) return known
    if (this.names.length >= TYPE_OTHER) return TYPE_OTHER
    this.#numbers.set(kept, this.names.length)
    return this.names.push(kept) - 1
  }
}

/** Where a string lies in the body, without its quotes. */
interface Place {
  readonly start: number
  readonly end: number
  readonly escaped: boolean
}

/** The keys of one vocabulary; see VOCABULARIES. */
interface Words {
  readonly list?: string
  readonly id?: string
  readonly type?: string
  /** Keys at the top that name persons. */
  readonly external?: string
  readonly own?: string
  /** The object whose `external_user_id`, `user_id` and `device_id` name persons. */
  readonly user?: string
  /** The object that projections look into. */
  readonly properties?: string
}

const WORDS: Readonly<Record<Vocabulary, Words>> = {
  currents: { list: 'events', id: 'id', type: 'event_type', user: 'user', properties: 'properties' },
  segment: { list: 'batch', id: 'messageId', type: 'type', external: 'userId', own: 'anonymousId' },
  rows: {},
}

/** What the header of an event needs. As in JSON.parse the last of several equal keys counts. */
interface Header {
  id: Place | undefined
  type: Place | undefined
  external: Place | undefined
  braze: Place | undefined
  device: Place | undefined
  odd: boolean
  readonly shape: ShapeSum
  /** The key of the list (`events`) with an array behind it was met. */
  holdsEvents: boolean
}

interface Found {
  readonly start: number
  readonly end: number
  readonly fault: ItemFault
  readonly faultAt: number
  readonly header: Header | undefined
}

export function scanBody(
  body: Uint8Array,
  options: KernelOptions,
  types: TypeNames,
  vocabulary: Vocabulary,
): Scan {
  checkBodyBytes(body.length, options.bodyBytesMax)
  return new BodyScan(body, options, types, WORDS[vocabulary]).run()
}

class BodyScan {
  readonly #reader: Reader
  readonly #options: KernelOptions
  readonly #types: TypeNames
  readonly #words: Words
  #rows: number[] = []
  #count = 0
  #overflowAt = 0
  #complete = 0
  #fault: ItemFault = 'none'
  #faultAt = 0
  #shape: BodyShape = 'array'

  constructor(body: Uint8Array, options: KernelOptions, types: TypeNames, words: Words) {
    this.#reader = new Reader(body)
    this.#options = options
    this.#types = types
    this.#words = words
  }

  run(): Scan {
    const reader = this.#reader
    const hasMark = reader.byte(0) === 0xef && reader.byte(1) === 0xbb && reader.byte(2) === 0xbf
    const at = reader.space(hasMark ? 3 : 0)
    if (at < reader.end) this.#body(at)
    if (this.#count > this.#options.itemsMax) throw tooManyItems(this.#options.itemsMax, this.#overflowAt)
    if (this.#complete > 0) {
      return {
        shape: this.#shape,
        count: this.#count,
        items: Uint32Array.from(this.#rows),
        fault: 'none',
        faultAt: 0,
      }
    }
    const shape = this.#fault === 'none' ? 'empty' : 'broken'
    return { shape, count: 0, items: new Uint32Array(0), fault: this.#fault, faultAt: this.#faultAt }
  }

  #body(at: number): void {
    const reader = this.#reader
    const c = reader.byte(at)
    if (c === BRACE_OPEN) {
      const behind = this.#wrapper(at)
      if (behind === NOT_A_WRAPPER) this.#bare(at)
      else this.#behind(behind)
    } else if (c === BRACKET_OPEN) {
      this.#behind(this.#items(at + 1, true))
    } else if (reader.value(at, 0) === NO) {
      this.#note(reader.fault, reader.faultAt)
    } else {
      this.#note('not_an_object', at)
    }
  }

  #note(fault: ItemFault, at: number): void {
    if (this.#fault !== 'none') return
    this.#fault = fault
    this.#faultAt = at
  }

  #push(found: Found): void {
    if (found.fault !== 'none') this.#note(found.fault, found.faultAt)
    if (this.#count === this.#options.itemsMax) this.#overflowAt = found.start
    this.#count++
    if (this.#count > this.#options.itemsMax) return
    const row = new Array<number>(ITEM_WORDS).fill(0)
    row[ITEM_START] = found.start
    row[ITEM_END] = found.end
    row[ITEM_FAULT] = ITEM_FAULTS.indexOf(found.fault)
    row[ITEM_FAULT_AT] = found.faultAt
    if (found.header !== undefined) this.#writeHeader(row, found.header)
    this.#rows.push(...row)
  }

  #pushBad(start: number, end: number, fault: ItemFault, faultAt: number): void {
    this.#push({ start, end, fault, faultAt, header: undefined })
  }

  #pushEvent(start: number, end: number, header: Header): void {
    this.#complete++
    this.#push({ start, end, fault: 'none', faultAt: 0, header })
  }

  /** Bytes that belong to no item. */
  #pushTrailing(start: number, end: number, at: number): void {
    if (start < end) this.#pushBad(start, end, 'trailing_bytes', at)
  }

  #behind(at: number): void {
    if (at === NO) return
    const start = this.#reader.space(at)
    this.#pushTrailing(start, this.#trimmed(start, this.#reader.end), start)
  }

  #bare(at: number): void {
    const reader = this.#reader
    this.#shape = 'bare'
    const first = reader.space(at + 1)
    if (reader.byte(first) === BRACE_CLOSE) {
      this.#behind(first + 1)
      return
    }
    const [end, header] = this.#event(at)
    if (end === NO) {
      this.#badBare(at)
      return
    }
    this.#pushEvent(at, end, header)
    this.#behind(end)
  }

  /** A bad bare object is an item when it closes where the body ends. */
  #badBare(at: number): void {
    const reader = this.#reader
    const { fault, faultAt } = reader
    const end = fault === 'truncated' ? NO : this.#afterBracket(at, BRACE_OPEN, BRACE_CLOSE, 0)
    if (end === NO || reader.space(end) < reader.end) {
      this.#note(fault, faultAt)
      return
    }
    this.#complete++
    this.#pushBad(at, end, fault, faultAt)
  }

  /** From behind `[` to behind `]`, or NO when the body ends before. */
  #items(at: number, isTop: boolean): number {
    const reader = this.#reader
    for (;;) {
      at = reader.space(at)
      const c = reader.byte(at)
      if (c === BRACKET_CLOSE) return at + 1
      if (c === COMMA) {
        at++
        continue
      }
      if (c === NO) {
        this.#note('truncated', reader.end)
        return NO
      }
      at = this.#item(at, isTop)
      if (at === NO) return NO
      at = reader.space(at)
      if (at === reader.end || this.#endsJunk(reader.byte(at))) continue
      const end = this.#junkEnd(at)
      this.#pushTrailing(at, this.#trimmed(at, end), at)
      at = end
    }
  }

  #item(at: number, isTop: boolean): number {
    const reader = this.#reader
    const c = reader.byte(at)
    if (c === BRACE_OPEN) return this.#objectItem(at, isTop)
    let end = reader.value(at, 0)
    if (end === reader.end && isNumberStart(c)) end = reader.refuse(end, 'truncated') // the number may go on
    if (end === NO) return this.#salvage(at)
    this.#complete++
    this.#pushBad(at, end, 'not_an_object', at)
    return end
  }

  #objectItem(at: number, isTop: boolean): number {
    const [end, header] = this.#event(at)
    if (isTop && header.holdsEvents && header.type === undefined) {
      const behind = this.#wrapper(at)
      if (behind !== NOT_A_WRAPPER) return behind
      // What was added was taken back; the fault, if any, must be the event's own again.
      this.#event(at)
    }
    if (end === NO) return this.#salvage(at)
    this.#pushEvent(at, end, header)
    return end
  }

  /** A row for the bad item at `at`; its end, or NO when it takes the rest of the body with it. */
  #salvage(at: number): number {
    const reader = this.#reader
    const { fault, faultAt } = reader
    const end = fault === 'truncated' ? NO : this.#lenientEnd(at)
    if (end !== NO) {
      const next = reader.byte(reader.space(end))
      const isWord = ![BRACE_OPEN, BRACKET_OPEN, QUOTE].includes(reader.byte(at))
      if (next === NO || next === COMMA || next === BRACKET_CLOSE || (isWord && next === BRACE_OPEN)) {
        this.#complete++
        this.#pushBad(at, end, fault, faultAt)
        return end
      }
    }
    this.#pushBad(at, this.#trimmed(at, reader.end), fault, faultAt)
    return NO
  }

  /** The end of the bad item at `at` by bracket and string matching alone; NO when it does not close. */
  #lenientEnd(at: number): number {
    const c = this.#reader.byte(at)
    if (c === BRACE_OPEN) return this.#afterBracket(at, BRACE_OPEN, BRACE_CLOSE, 0)
    if (c === BRACKET_OPEN) return this.#afterBracket(at, BRACKET_OPEN, BRACKET_CLOSE, 0)
    if (c === QUOTE) return this.#afterString(at + 1)
    const end = this.#junkEnd(at)
    return end === this.#reader.end ? NO : this.#trimmed(at, end)
  }

  #endsJunk(c: number): boolean {
    return c === COMMA || c === BRACKET_CLOSE || c === BRACE_OPEN
  }

  #junkEnd(at: number): number {
    const reader = this.#reader
    while (at !== NO && at < reader.end) {
      const c = reader.byte(at)
      if (this.#endsJunk(c)) return at
      at = c === QUOTE ? this.#afterString(at + 1) : at + 1
    }
    return reader.end
  }

  /** From behind an opening quote to behind the closing one, whatever lies between. */
  #afterString(at: number): number {
    const reader = this.#reader
    for (; at < reader.end; at++) {
      const c = reader.byte(at)
      if (c === QUOTE) return at + 1
      if (c === BACKSLASH) at++
    }
    return NO
  }

  /** Behind the bracket that matches `depth` open ones of its kind; other kinds are ignored. */
  #afterBracket(at: number, open: number, close: number, depth: number): number {
    const reader = this.#reader
    while (at !== NO && at < reader.end) {
      const c = reader.byte(at++)
      if (c === QUOTE) at = this.#afterString(at)
      else if (c === open) depth++
      else if (c === close && --depth === 0) return at
    }
    return NO
  }

  /** The end of [start, end) without white space at its end. */
  #trimmed(start: number, end: number): number {
    while (end > start && isSpace(this.#reader.byte(end - 1))) end--
    return end
  }

  /** Rows for the elements of a wrapper. Its end, NO when the body ends with it, or NOT_A_WRAPPER and nothing was added. */
  #wrapper(start: number): number {
    const reader = this.#reader
    const before = {
      count: this.#count,
      rows: this.#rows.length,
      complete: this.#complete,
      fault: this.#fault,
    }
    const state: WrapperState = { found: false, isEvent: false, exhausted: false, member: start + 1 }
    const end = this.#wrapperMembers(start, state)
    if (state.exhausted) {
      this.#shape = 'events'
      return NO
    }
    if (!state.found || state.isEvent) {
      this.#count = before.count
      this.#rows.length = before.rows
      this.#complete = before.complete
      this.#fault = before.fault
      return NOT_A_WRAPPER
    }
    this.#shape = 'events'
    if (end !== NO) return end
    // The events were found but the object around them is broken: what is left of it is of no item.
    const { fault, faultAt } = reader
    this.#note(fault, faultAt)
    const close = this.#afterBracket(state.member, BRACE_OPEN, BRACE_CLOSE, 1)
    this.#pushTrailing(
      state.member,
      this.#trimmed(state.member, close === NO ? reader.end : close - 1),
      faultAt,
    )
    return close
  }

  #wrapperMembers(start: number, state: WrapperState): number {
    const reader = this.#reader
    let at = reader.space(start + 1)
    for (;;) {
      if (reader.byte(at) === BRACE_CLOSE) return at + 1
      state.member = at
      if (reader.byte(at) !== QUOTE) return reader.refuse(at, 'invalid_json')
      const key = at + 1
      at = reader.string(key)
      if (at === NO) return NO
      const name = this.#keyText(key, at - 1, reader.escaped)
      at = reader.colon(at)
      if (at === NO) return NO
      at = this.#wrapperValue(at, name, state)
      if (at === NO) return NO
      at = reader.space(at)
      state.member = at
      if (reader.byte(at) === COMMA) at = reader.space(at + 1)
      else if (reader.byte(at) !== BRACE_CLOSE) return reader.refuse(at, 'invalid_json')
    }
  }

  #wrapperValue(at: number, name: string, state: WrapperState): number {
    const reader = this.#reader
    if (name === this.#words.list && reader.byte(at) === BRACKET_OPEN && !state.isEvent) {
      state.found = true
      const end = this.#items(at + 1, false)
      state.exhausted = end === NO
      return end
    }
    if (name === this.#words.type) state.isEvent = reader.byte(at) === QUOTE
    return reader.value(at, 1)
  }

  /** Our own keys have at most 16 characters, each at most 6 bytes as an escape; longer ones are none of them. */
  #keyText(start: number, end: number, escaped: boolean): string {
    return end - start > 96 ? '' : this.#reader.text(start, end, escaped)
  }

  #event(at: number): [end: number, header: Header] {
    const header: Header = {
      id: undefined,
      type: undefined,
      external: undefined,
      braze: undefined,
      device: undefined,
      odd: false,
      shape: new ShapeSum(this.#reader, this.#options.key),
      holdsEvents: false,
    }
    const { shape } = header
    const met = new Set<string>()
    const end = this.#reader.object(at, (key, keyEnd, start, escaped) => {
      if (escaped) header.odd = true
      const path = shape.below(shape.root, key, keyEnd)
      const end = this.#rootValue(header, met, this.#keyText(key, keyEnd, escaped), start, path)
      if (end !== NO) shape.note(path, start)
      return end
    })
    return [end, header]
  }

  #rootValue(header: Header, met: Set<string>, key: string, start: number, path: bigint): number {
    const reader = this.#reader
    const words = this.#words
    const c = reader.byte(start)
    if (key === words.properties && c === BRACE_OPEN) return this.#members(header, start, 2, path, true)
    if (key === words.list && c === BRACKET_OPEN) header.holdsEvents = true
    const wanted = [words.id, words.type, words.user, words.external, words.own].includes(key)
    if (!wanted) return this.#shaped(header, start, 1, path)
    if (met.has(key)) header.odd = true
    met.add(key)
    if (key === words.user) {
      header.external = header.braze = header.device = undefined
      return c === BRACE_OPEN ? this.#user(header, start, path) : reader.value(start, 1)
    }
    const end = this.#shaped(header, start, 1, path)
    const place = this.#stringPlace(header, start, end)
    if (key === words.id) header.id = place
    else if (key === words.external) header.external = place
    else if (key === words.own) header.braze = place
    else header.type = place
    return end
  }

  /** The place of the value just read if it is a string. */
  #stringPlace(header: Header, start: number, end: number): Place | undefined {
    const reader = this.#reader
    if (reader.byte(start) !== QUOTE) return undefined
    if (end !== NO && reader.escaped) header.odd = true
    return { start: start + 1, end: end - 1, escaped: reader.escaped }
  }

  #user(header: Header, at: number, parent: bigint): number {
    const met = new Set<string>()
    const { shape } = header
    return this.#reader.object(at, (key, keyEnd, start, escaped) => {
      if (escaped) header.odd = true
      const name = this.#keyText(key, keyEnd, escaped)
      const path = shape.below(parent, key, keyEnd)
      const end = this.#shaped(header, start, 2, path)
      if (end !== NO) shape.note(path, start)
      if (end === NO || (name !== 'external_user_id' && name !== 'user_id' && name !== 'device_id'))
        return end
      if (met.has(name)) header.odd = true
      met.add(name)
      const place = this.#stringPlace(header, start, end)
      if (name === 'external_user_id') header.external = place
      else if (name === 'user_id') header.braze = place
      else header.device = place
      return end
    })
  }

  /** Any value inside `depth` open containers. The members of objects are noted as far as shapes go. */
  #shaped(header: Header, start: number, depth: number, path: bigint): number {
    return this.#reader.byte(start) === BRACE_OPEN && depth < SHAPE_DEPTH
      ? this.#members(header, start, depth + 1, path, false)
      : this.#reader.value(start, depth)
  }

  /** The object that opens at `at`, with its members noted; they lie `depth` deep. `isRead`: an escape in a key makes the event odd. */
  #members(header: Header, at: number, depth: number, parent: bigint, isRead: boolean): number {
    const { shape } = header
    return this.#reader.object(at, (key, keyEnd, start, escaped) => {
      if (isRead && escaped) header.odd = true
      const path = shape.below(parent, key, keyEnd)
      const end = this.#shaped(header, start, depth, path)
      if (end !== NO) shape.note(path, start)
      return end
    })
  }

  #writeHeader(row: number[], header: Header): void {
    const id = this.#text(header.id)
    const external = this.#text(header.external)
    const braze = this.#text(header.braze)
    const person = external || braze || this.#text(header.device)
    if (id !== '') row.splice(ITEM_ID, 4, ...identityOf(id, this.#options.key))
    row[ITEM_PERSON] = person === '' ? 0 : personOf(person)
    row[ITEM_TYPE] = header.type === undefined ? TYPE_NONE : this.#types.numberOf(this.#text(header.type))
    row[ITEM_FLAGS] =
      (id === '' ? 0 : ITEM_HAS_ID) |
      (external === '' ? 0 : ITEM_HAS_EXTERNAL_ID) |
      (braze === '' ? 0 : ITEM_HAS_BRAZE_ID) |
      (header.odd ? ITEM_ODD : 0)
    row.splice(ITEM_SHAPE, 2, ...header.shape.words)
  }

  #text(place: Place | undefined): string {
    return place === undefined ? '' : this.#reader.text(place.start, place.end, place.escaped)
  }
}

interface WrapperState {
  found: boolean
  isEvent: boolean
  /** The body ended inside of an array of events. */
  exhausted: boolean
  /** Behind the last member that was whole. */
  member: number
}
