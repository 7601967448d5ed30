/**
 * From an event's bytes to a row of a chunk. A value that is plain (a text without escapes, a few digits, true, JSON as it came) goes from its place
 * in the event to its cell without being made into anything. Any other value goes through the rules of all warehouses, destinations/cell.ts; and an
 * event that is not usual is read anew as values: one with a member that the catalog does not know at its top or in `user`, with a member twice, with
 * a value that does not fit, with half of a surrogate pair, or without `properties` and `user`.
 *
 * A row that came without both, as Treasure Data's doors take them, is flat: its members are its properties, except those called like a column of
 * the event itself, which stand in that column.
 */

import type { ColumnType } from '../../catalog/columns.ts'
import type { Kernel } from '../../core/kernel/kernel.ts'
import { MEMBER_WORDS, MemberTable } from '../../core/kernel/member-table.ts'
import { parseExact } from '../../core/kernel/project.ts'
import { cellText, columnTypeSeen } from '../../destinations/cell.ts'
import { isObject } from '../../destinations/exact.ts'
import { type Findings, kindOf } from './findings.ts'
import type { Keys } from './keys.ts'
import { FIXED_COLUMNS, type Layout, type PropertyColumn } from './layout.ts'
import type { CellVector, RowChunk } from './row-chunk.ts'

const [PARENT, KEY_START, KEY_END, VALUE_START, VALUE_END] = [0, 1, 2, 3, 4]
const ROOT = 0
const NOTHING = -1
/** Names that senders make up must not fill the memory. */
const WITHOUT_MAX = 10_000

type Values = Record<string, unknown>

/** A fixed column, with its place among the vectors of a chunk. */
interface OwnColumn {
  readonly index: number
  readonly type: ColumnType
}

const ofOrigin = (wanted: string): ReadonlyMap<string, OwnColumn> =>
  new Map(
    FIXED_COLUMNS.flatMap(({ member, origin, type }, index) =>
      origin === wanted ? [[member, { index, type }]] : [],
    ),
  )
const OF_EVENT = ofOrigin('event')
const OF_USER = ofOrigin('user')
const PROPERTIES = ofOrigin('properties').get('properties')?.index ?? NOTHING
const EXTRA = ofOrigin('extra').get('extra')?.index ?? NOTHING

/** What is known of an event's bytes before they are read. */
export interface Escapes {
  /** A backslash is among them. */
  readonly escapes: boolean
  /** They may hold half of a surrogate pair. */
  readonly mayHalve: boolean
}

/** What a name means at the top or in `user`. */
type Meaning = OwnColumn | 'user' | 'properties' | 'unknown'

export class EventReader {
  readonly #members: MemberTable
  readonly #keys: Keys
  #layout: Layout | undefined
  /** By number of the key: its column in the layout; null: none. */
  #columns: (PropertyColumn | null | undefined)[] = []
  /** Properties that the layout gave no column. */
  #without = new Set<string>()
  /** By number of the key, grown as keys are met. */
  readonly #atTop: Meaning[] = []
  readonly #inUser: Meaning[] = []

  constructor(kernel: Kernel, keys: Keys) {
    this.#members = new MemberTable(kernel)
    this.#keys = keys
  }

  /** Call before the first event for a layout, and when its columns changed otherwise than by reading. */
  begin(layout: Layout): void {
    this.#layout = layout
    this.#columns = []
    this.#without = new Set()
  }

  /** Begins a row of the chunk and fills the columns of event, user and properties. */
  read(event: Uint8Array, { escapes, mayHalve }: Escapes, chunk: RowChunk, findings: Findings): void {
    const place = chunk.begin(event)
    const count = this.#list(event)
    if (count === NOTHING) {
      put(
        chunk,
        { index: EXTRA, type: 'json' },
        { unreadable: chunk.heap.toString('utf8', place, place + event.length) },
      )
      return
    }
    if (!mayHalve && this.#readPlain(escapes, count, place, chunk)) return
    chunk.takeBack()
    const copy = Buffer.from(event)
    this.#readValues(copy, count, place, mayHalve, chunk, findings)
  }

  /** Number of members; NOTHING when the kernel does not take the bytes for an event. */
  #list(event: Uint8Array): number {
    try {
      return this.#members.list(event)
    } catch (error) {
      if (error instanceof TypeError) return NOTHING
      throw error
    }
  }

  /** False when the event is not usual; cells of the row may be filled then. */
  #readPlain(escapes: boolean, count: number, place: number, chunk: RowChunk): boolean {
    const { rows } = this.#members
    let user = NOTHING
    let properties = NOTHING
    let before = NOTHING
    for (let member = 0, at = 0; member < count; member++, at += MEMBER_WORDS) {
      const parent = rows[at + PARENT] ?? 0
      const start = place + (rows[at + VALUE_START] ?? 0)
      const end = place + (rows[at + VALUE_END] ?? 0)
      const key = this.#keys.numberOf(
        chunk.heap,
        place + (rows[at + KEY_START] ?? 0),
        place + (rows[at + KEY_END] ?? 0),
        before,
      )
      if (key === NOTHING) return false
      before = key
      if (parent !== ROOT && parent === properties) {
        const column = this.#columnAt(key)
        // A null says nothing about a column to come.
        if (column === undefined && chunk.heap[start] !== NULL_BYTE) return false
        if (column && !setPlain(chunk, column.vector, column.type, start, end, escapes)) return false
        continue
      }
      const meaning =
        parent === ROOT ? this.#topMeaning(key) : parent === user ? this.#userMeaning(key) : 'unknown'
      if (meaning === 'unknown') return false
      if (typeof meaning === 'object') {
        if (!setPlain(chunk, meaning.index, meaning.type, start, end, escapes)) return false
      } else {
        if (chunk.heap[start] !== BRACE) return false
        if ((meaning === 'user' ? user : properties) !== NOTHING) return false
        if (meaning === 'user') user = member + 1
        else {
          properties = member + 1
          chunk.vectorOf(PROPERTIES).setText(chunk.rows - 1, chunk.heap, start, end - start)
        }
      }
    }
    return user !== NOTHING || properties !== NOTHING
  }

  #topMeaning(key: number): Meaning {
    for (let next = this.#atTop.length; next <= key; next++) {
      const name = this.#keys.names[next] ?? ''
      this.#atTop.push(OF_EVENT.get(name) ?? (name === 'user' || name === 'properties' ? name : 'unknown'))
    }
    return this.#atTop[key] ?? 'unknown'
  }

  #userMeaning(key: number): Meaning {
    for (let next = this.#inUser.length; next <= key; next++)
      this.#inUser.push(OF_USER.get(this.#keys.names[next] ?? '') ?? 'unknown')
    return this.#inUser[key] ?? 'unknown'
  }

  /** null: the property gets none; undefined: it has none so far. */
  #columnAt(key: number): PropertyColumn | null | undefined {
    const held = this.#columns[key]
    if (held !== undefined) return held
    const member = this.#keys.names[key] ?? ''
    const column = this.#layout?.columnOf(member) ?? (this.#without.has(member) ? null : undefined)
    this.#columns[key] = column
    return column
  }

  #propose(member: string, value: unknown): PropertyColumn | undefined {
    const type = columnTypeSeen(value)
    const column = type === undefined ? undefined : this.#layout?.propose(member, type)
    if (column === undefined && this.#without.size < WITHOUT_MAX) this.#without.add(member)
    return column
  }

  #readValues(
    event: Buffer,
    count: number,
    place: number,
    mayHalve: boolean,
    chunk: RowChunk,
    findings: Findings,
  ): void {
    const value = parseExact(event.toString()) as Values
    const isFlat = !Object.hasOwn(value, 'properties') && !Object.hasOwn(value, 'user')
    const extra = bare()
    const whole = isFlat ? { value, start: 0, end: event.length } : this.#propertiesIn(value, event, count)
    if (mayHalve) {
      const unreadable = unreadableOf(event, value, whole)
      if (unreadable !== undefined) extra.unreadable = unreadable
    }
    if (isFlat) this.#putFlat(chunk, value, findings)
    else putOwn(chunk, value, extra)
    if (Object.keys(extra).length > 0) put(chunk, { index: EXTRA, type: 'json' }, extra)
    if (whole === undefined) return
    if (mayHalve && !isReadable(whole.value)) put(chunk, { index: PROPERTIES, type: 'json' }, whole.value)
    else {
      const { start, end } = whole
      chunk.vectorOf(PROPERTIES).setText(chunk.rows - 1, chunk.heap, place + start, end - start)
    }
    if (isFlat || !isObject(whole.value)) return
    for (const [member, one] of Object.entries(whole.value)) this.#property(member, one, chunk, findings)
  }

  #putFlat(chunk: RowChunk, value: Values, findings: Findings): void {
    for (const [member, one] of Object.entries(value)) {
      const own = OF_EVENT.get(member) ?? OF_USER.get(member)
      if (own === undefined || !put(chunk, own, one)) this.#property(member, one, chunk, findings)
    }
  }

  /** undefined: there are none, or null. Of several the last, as in JSON.parse. */
  #propertiesIn({ properties }: Values, event: Buffer, count: number): Whole | undefined {
    if (properties === undefined || properties === null) return undefined
    const { rows } = this.#members
    let found: Whole | undefined
    for (let member = 0, at = 0; member < count; member++, at += MEMBER_WORDS) {
      if (rows[at + PARENT] !== ROOT) continue
      if (this.#keys.nameAt(event, rows[at + KEY_START] ?? 0, rows[at + KEY_END] ?? 0) !== 'properties')
        continue
      found = { value: properties, start: rows[at + VALUE_START] ?? 0, end: rows[at + VALUE_END] ?? 0 }
    }
    return found
  }

  #property(member: string, value: unknown, chunk: RowChunk, findings: Findings): void {
    if (value === null) return
    const column = this.#layout?.columnOf(member) ?? this.#propose(member, value)
    if (column === undefined || put(chunk, { index: column.vector, type: column.type }, value)) return
    findings.misfit(column.name, kindOf(value), () => JSON.stringify(value))
    if (column.discovered && column.type === 'bigint' && cellText('double', value) !== undefined)
      findings.widen.add(column)
  }
}

/** The properties of an event, and where they lie in it. */
interface Whole {
  readonly value: unknown
  readonly start: number
  readonly end: number
}

const BACKSLASH = 0x5c
const QUOTE = 0x22
const BRACE = 0x7b
const BRACKET = 0x5b
const NULL_BYTE = 0x6e
const TRUE_BYTE = 0x74
const FALSE_BYTE = 0x66
/** As many digits are a whole number that a double holds. */
const PLAIN_DIGITS = 15
/** As many digits are seconds whose microseconds a double holds. */
const PLAIN_SECONDS_DIGITS = 9

/** Sets the cell of the last row by the value at heap[start .. end). False when it has one already, or the value does not fit. */
function setPlain(
  chunk: RowChunk,
  column: number,
  type: ColumnType,
  start: number,
  end: number,
  escapes: boolean,
): boolean {
  const { heap } = chunk
  const row = chunk.rows - 1
  const first = heap[start] ?? 0
  const vector = chunk.vectorOf(column)
  if (vector.has(row)) return false
  if (first === NULL_BYTE) return true
  switch (type) {
    case 'text':
      if (first === QUOTE && !(escapes && hasEscape(heap, start, end))) {
        vector.setText(row, heap, start + 1, end - start - 2)
        return true
      }
      break
    case 'json':
      vector.setText(row, heap, start, end - start)
      return true
    case 'boolean':
      if (first !== TRUE_BYTE && first !== FALSE_BYTE) return false
      vector.setBoolean(row, first === TRUE_BYTE)
      return true
    case 'bigint': {
      const whole = digitsAt(heap, start, end, PLAIN_DIGITS)
      if (whole === NOTHING) break
      vector.setWhole(row, whole)
      return true
    }
    case 'timestamp': {
      const seconds = digitsAt(heap, start, end, PLAIN_SECONDS_DIGITS + 1)
      if (seconds === NOTHING || seconds >= 10 ** PLAIN_SECONDS_DIGITS * 9) break
      vector.setWhole(row, seconds * 1e6)
      return true
    }
    case 'double':
      break
  }
  // What has members never fits here.
  if (first === BRACE || first === BRACKET) return false
  return put(chunk, { index: column, type }, parseExact(heap.toString('utf8', start, end)))
}

function hasEscape(heap: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (heap[at] === BACKSLASH) return true
  return false
}

/** NOTHING unless there are 1 to `max` digits and nothing else. */
function digitsAt(heap: Buffer, start: number, end: number, max: number): number {
  if (end - start > max) return NOTHING
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = (heap[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) return NOTHING
    value = value * 10 + digit
  }
  return value
}

/** Sets the cell of the last row, by the rules of all warehouses. True when the value has its place: it fits, or is null. */
function put(chunk: RowChunk, { index, type }: OwnColumn, value: unknown): boolean {
  if (value === null) return true
  const cell = cellText(type, value)
  if (cell === undefined) return false
  setCell(chunk, chunk.vectorOf(index), type, cell)
  return true
}

function setCell(chunk: RowChunk, vector: CellVector, type: ColumnType, cell: string): void {
  const row = chunk.rows - 1
  switch (type) {
    case 'text':
    case 'json': {
      const bytes = Buffer.from(cell)
      const at = chunk.keep(bytes)
      vector.setText(row, chunk.heap, at, bytes.length)
      return
    }
    case 'bigint':
      vector.setLong(row, BigInt(cell))
      return
    case 'double':
      vector.setDouble(row, Number(cell))
      return
    case 'boolean':
      vector.setBoolean(row, cell === 'true')
      return
    case 'timestamp':
      vector.setLong(row, microsOf(cell))
  }
}

const TO_THE_SECOND = '0000-00-00T00:00:00'.length

/** Of a time as cellText writes it. */
function microsOf(iso: string): bigint {
  const seconds = BigInt(Date.parse(`${iso.slice(0, TO_THE_SECOND)}Z`)) / 1000n
  return seconds * 1_000_000n + BigInt(iso.slice(TO_THE_SECOND + 1, -1))
}

/** The event's own members and those of its user: in their columns, or in `extra`. */
function putOwn(chunk: RowChunk, value: Values, extra: Values): void {
  const ofUser = bare()
  for (const [member, one] of Object.entries(value)) {
    if (member === 'properties' || one === null) continue
    const own = OF_EVENT.get(member)
    if (own !== undefined && put(chunk, own, one)) continue
    if (member === 'user' && isObject(one)) {
      for (const [name, said] of Object.entries(one)) {
        const column = OF_USER.get(name)
        if (column === undefined || !put(chunk, column, said)) ofUser[name] = said
      }
    } else extra[member] = one
  }
  if (Object.keys(ofUser).length > 0) extra.user = ofUser
}

/** What the engine does not take for JSON, with the bytes that came, as texts: the properties, and the event when it is elsewhere. */
function unreadableOf(event: Buffer, value: Values, whole: Whole | undefined): Values | undefined {
  const told = bare()
  if (whole !== undefined && !isReadable(whole.value))
    told.properties = event.toString('utf8', whole.start, whole.end)
  if (whole?.value !== value && !isReadable({ ...value, properties: null })) told.event = event.toString()
  return Object.keys(told).length > 0 ? told : undefined
}

/** False when half of a surrogate pair is in it; with one in reach, also when NUL is. */
function isReadable(value: unknown): boolean {
  return cellText('json', value) === JSON.stringify(value)
}

/** Without a prototype: a member called __proto__ is a name like any other. */
function bare(): Values {
  return Object.create(null) as Values
}
