/**
 * From events' bytes to rows of a chunk. The module in assembly/ takes an event apart and puts values that are plain (a text, digits, true, JSON as
 * it came) from their place in the event into their cells, without making anything of them. Any other value goes through the rules of all warehouses,
 * destinations/cell.ts; and an event that is not usual is read anew as values: one with a name that was not met before, with a member that the
 * catalog does not know at its top or in `user`, with a member twice, with a value that does not fit, with half of a surrogate pair, or without
 * `properties` and `user`.
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
import { FIXED_COLUMNS, type Layout, type PropertyColumn } from './layout.ts'
import type { LoadRows } from './load-rows.ts'
import type { RowChunk } from './row-chunk.ts'
import {
  AT_TOP,
  CELL_BYTES,
  ENDS,
  IN_PROPERTIES,
  IN_USER,
  KEYS_MAX,
  OFFSETS,
  PUT_OFF,
  PUT_OFF_WORDS,
  RECEIVED,
  RESULT,
  type RowMemory,
  SOURCES,
  STAGE_ROWS,
  STARTS,
} from './row-memory.ts'

const [PARENT, KEY_START, KEY_END, VALUE_START, VALUE_END] = [0, 1, 2, 3, 4]
const ROOT = 0
const NOTHING = -1
/** Longer names are not kept. */
const NAME_BYTES_MAX = 1024
/** Names that senders make up must not fill the memory. */
const WITHOUT_MAX = 10_000

type Values = Record<string, unknown>

/** A column with its place among the vectors of a chunk. */
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

const OFFSET = placeOf('_offset')
const RECEIVED_AT = placeOf('_received_at')
const SOURCE = placeOf('_source')

function placeOf(name: string): number {
  return FIXED_COLUMNS.findIndex((column) => column.name === name)
}

/** What a member is for the module: these, or the number of a type and from bit 8 on a column. */
const UNKNOWN = 0
const IGNORED = 1
const KINDS: readonly (ColumnType | undefined)[] = [
  undefined,
  undefined,
  'text',
  'json',
  'bigint',
  'double',
  'boolean',
  'timestamp',
]
const USER_MEMBER = 8
const PROPERTIES_MEMBER = 9

function meaningOf(column: OwnColumn | undefined): number {
  return column === undefined ? UNKNOWN : (column.index << 8) | KINDS.indexOf(column.type)
}

export class EventReader {
  readonly #memory: RowMemory
  readonly #members: MemberTable
  /** Of the keys that the module keeps. */
  readonly #names: string[] = []
  #layout: Layout | undefined
  /** Properties that the layout gave no column. */
  #without = new Set<string>()
  /** Where the staged events begin and end in the chunk; an end of 0: the module is not to read it. */
  readonly #starts = new Uint32Array(STAGE_ROWS)
  readonly #ends = new Uint32Array(STAGE_ROWS)

  constructor(memory: RowMemory, kernel: Kernel) {
    this.#memory = memory
    this.#members = new MemberTable(kernel)
    memory.exports.setColumns(PROPERTIES, OFFSET, RECEIVED_AT, SOURCE)
  }

  /** Call before the first event for a layout, and when its columns changed otherwise than by reading. */
  begin(layout: Layout): void {
    this.#layout = layout
    this.#without = new Set()
    for (const key of this.#names.keys()) this.#tellProperty(key)
  }

  /**
   * Reads records into rows of the chunk, the first of them `rows.places[from]`: as many as there is room for, STAGE_ROWS at most. Gives how
   * many; 0: the chunk is full. An empty chunk takes at least one.
   */
  read(rows: LoadRows, from: number, chunk: RowChunk, findings: Findings): number {
    const first = chunk.rows
    const count = this.#stage(rows, from, chunk)
    chunk.rows += count
    const { exports } = this.#memory
    const anew = (n: number): void =>
      this.#readAnew(rows, from + n, first + n, this.#starts[n] ?? 0, chunk, findings)
    for (let next = 0; next < count; next++) {
      next = exports.read(chunk.address, first, next, count)
      const isNew = this.#memory.words[RESULT / 4 + 1] === 1
      for (const row of this.#setPutOff(chunk)) {
        exports.again(chunk.address, first, row - first)
        anew(row - first)
      }
      if (next === count) break
      anew(next)
      if (isNew) this.#learn(rows.bytesOf(rows.places[from + next] ?? 0))
    }
    return count
  }

  /** Tells the module what is to be read. Gives how many. */
  #stage(rows: LoadRows, from: number, chunk: RowChunk): number {
    const most = Math.min(STAGE_ROWS, chunk.rowsLeft, rows.places.length - from)
    let done = 0
    while (done < most) {
      const run = this.#stageRun(rows, from + done, most - done, done, chunk)
      if (run === 0) break
      done += run
    }
    return done
  }

  /** Of records that lie behind one another, copied together. */
  #stageRun(rows: LoadRows, from: number, most: number, slot: number, chunk: RowChunk): number {
    const first = rows.places[from] ?? 0
    const start = rows.startOf(first)
    const endMax = start + chunk.bytesLeft
    let end = rows.endOf(first)
    if (end > endMax) {
      if (chunk.rows + slot > 0) return 0
      // What no heap holds is a chunk of its own.
      this.#stageRecord(slot, chunk.keepApart(rows.bytesOf(first)), 0)
      this.#stageOrigins(rows, from, 1, slot, chunk)
      return 1
    }
    let count = 1
    for (; count < most; count++) {
      const i = rows.places[from + count] ?? 0
      const gap = rows.startOf(i) - end
      if (gap < 0 || gap > GAP_BYTES_MAX || rows.endOf(i) > endMax) break
      end = rows.endOf(i)
    }
    const shift = chunk.keep(rows.stretch(start, end)) - start
    for (let n = 0; n < count; n++) {
      const i = rows.places[from + n] ?? 0
      this.#stageRecord(slot + n, rows.startOf(i) + shift, rows.mayHalveIn(i) ? 0 : rows.endOf(i) + shift)
    }
    this.#stageOrigins(rows, from, count, slot, chunk)
    return count
  }

  #stageRecord(slot: number, start: number, end: number): void {
    this.#starts[slot] = start
    this.#ends[slot] = end
  }

  #stageOrigins(rows: LoadRows, from: number, count: number, slot: number, chunk: RowChunk): void {
    const { words, doubles } = this.#memory
    words.set(this.#starts.subarray(slot, slot + count), STARTS / 4 + slot)
    words.set(this.#ends.subarray(slot, slot + count), ENDS / 4 + slot)
    for (let n = 0; n < count; n++) {
      const i = rows.places[from + n] ?? 0
      doubles[OFFSETS / 8 + slot + n] = rows.offsetOf(i)
      doubles[RECEIVED / 8 + slot + n] = rows.receivedAtOf(i)
      const cell = chunk.sourceCell(rows.sourceNumberOf(i), () => rows.sourceOf(i))
      const at = (SOURCES + (slot + n) * CELL_BYTES) / 4
      for (let word = 0; word < cell.length; word++) words[at + word] = cell[word] ?? 0
    }
  }

  /** Sets the cells that the module put off. Gives the rows of those that do not fit. */
  #setPutOff(chunk: RowChunk): ReadonlySet<number> {
    const count = this.#memory.words[RESULT / 4] ?? 0
    if (count === 0) return NO_ROWS
    // The memory may grow meanwhile.
    const cells = this.#memory.words.slice(PUT_OFF / 4, PUT_OFF / 4 + count * PUT_OFF_WORDS)
    const misfits = new Set<number>()
    for (let at = 0; at < cells.length; at += PUT_OFF_WORDS) {
      const [row = 0, index = 0, kind = 0, start = 0, end = 0] = cells.subarray(at, at + PUT_OFF_WORDS)
      const type = KINDS[kind]
      if (type === undefined || misfits.has(row)) continue
      const value = parseExact(chunk.bytesAt(start, end - start).toString())
      if (!put(chunk, row, { index, type }, value)) misfits.add(row)
    }
    return misfits
  }

  /** Keeps the names of an event whose members are listed, and tells what they mean. */
  #learn(event: Uint8Array): void {
    const { rows } = this.#members
    const count = this.#list(event)
    for (let member = 0, at = 0; member < count; member++, at += MEMBER_WORDS) {
      const bytes = event.subarray(rows[at + KEY_START] ?? 0, rows[at + KEY_END] ?? 0)
      if (bytes.length > NAME_BYTES_MAX) continue
      // The cells that were put off have been set.
      this.#memory.bytes.set(bytes, PUT_OFF)
      const key = this.#memory.exports.keepKey(PUT_OFF, bytes.length) >>> 0
      if (key >= KEYS_MAX) continue
      if (key === this.#names.length) {
        this.#names.push(nameOf(bytes))
        this.#tellOwn(key)
      }
      this.#tellProperty(key)
    }
  }

  #tellOwn(key: number): void {
    const name = this.#names[key] ?? ''
    const atTop =
      name === 'user'
        ? USER_MEMBER
        : name === 'properties'
          ? PROPERTIES_MEMBER
          : meaningOf(OF_EVENT.get(name))
    this.#memory.words[AT_TOP / 4 + key] = atTop
    this.#memory.words[IN_USER / 4 + key] = meaningOf(OF_USER.get(name))
  }

  #tellProperty(key: number): void {
    const name = this.#names[key] ?? ''
    const column = this.#layout?.columnOf(name)
    this.#memory.words[IN_PROPERTIES / 4 + key] =
      column !== undefined
        ? meaningOf({ index: column.vector, type: column.type })
        : this.#without.has(name)
          ? IGNORED
          : UNKNOWN
  }

  /** Fills a row that holds only what its record says, by the values of its event. */
  #readAnew(
    rows: LoadRows,
    from: number,
    row: number,
    place: number,
    chunk: RowChunk,
    findings: Findings,
  ): void {
    const i = rows.places[from] ?? 0
    const event = rows.bytesOf(i)
    const count = this.#list(event)
    if (count === NOTHING) put(chunk, row, { index: EXTRA, type: 'json' }, { unreadable: event.toString() })
    else this.#readValues(event, count, { chunk, row, place }, rows.mayHalveIn(i), findings)
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

  #propose(member: string, value: unknown): PropertyColumn | undefined {
    const type = columnTypeSeen(value)
    const column = type === undefined ? undefined : this.#layout?.propose(member, type)
    if (column === undefined && this.#without.size < WITHOUT_MAX) this.#without.add(member)
    return column
  }

  #readValues(event: Buffer, count: number, target: Target, mayHalve: boolean, findings: Findings): void {
    const { chunk, row, place } = target
    const value = parseExact(event.toString()) as Values
    const isFlat = !Object.hasOwn(value, 'properties') && !Object.hasOwn(value, 'user')
    const extra = bare()
    const whole = isFlat ? { value, start: 0, end: event.length } : this.#propertiesIn(value, event, count)
    if (mayHalve) {
      const unreadable = unreadableOf(event, value, whole)
      if (unreadable !== undefined) extra.unreadable = unreadable
    }
    if (isFlat) this.#putFlat(target, value, findings)
    else putOwn(target, value, extra)
    if (Object.keys(extra).length > 0) put(chunk, row, { index: EXTRA, type: 'json' }, extra)
    if (whole === undefined) return
    if (mayHalve && !isReadable(whole.value))
      put(chunk, row, { index: PROPERTIES, type: 'json' }, whole.value)
    else {
      const { start, end } = whole
      chunk.setPlaced(PROPERTIES, row, place + start, end - start)
    }
    if (isFlat || !isObject(whole.value)) return
    for (const [member, one] of Object.entries(whole.value)) this.#property(member, one, target, findings)
  }

  #putFlat(target: Target, value: Values, findings: Findings): void {
    for (const [member, one] of Object.entries(value)) {
      const own = OF_EVENT.get(member) ?? OF_USER.get(member)
      if (own === undefined || !put(target.chunk, target.row, own, one))
        this.#property(member, one, target, findings)
    }
  }

  /** undefined: there are none, or null. Of several the last, as in JSON.parse. */
  #propertiesIn({ properties }: Values, event: Buffer, count: number): Whole | undefined {
    if (properties === undefined || properties === null) return undefined
    const { rows } = this.#members
    let found: Whole | undefined
    for (let member = 0, at = 0; member < count; member++, at += MEMBER_WORDS) {
      if (rows[at + PARENT] !== ROOT) continue
      if (nameOf(event.subarray(rows[at + KEY_START] ?? 0, rows[at + KEY_END] ?? 0)) !== 'properties')
        continue
      found = { value: properties, start: rows[at + VALUE_START] ?? 0, end: rows[at + VALUE_END] ?? 0 }
    }
    return found
  }

  #property(member: string, value: unknown, { chunk, row }: Target, findings: Findings): void {
    if (value === null) return
    const column = this.#layout?.columnOf(member) ?? this.#propose(member, value)
    if (column === undefined || put(chunk, row, { index: column.vector, type: column.type }, value)) return
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

/** A row to be filled, and the place of its event in the chunk. */
interface Target {
  readonly chunk: RowChunk
  readonly row: number
  readonly place: number
}

const NO_ROWS: ReadonlySet<number> = new Set()
/** What lies between two records that are copied together. */
const GAP_BYTES_MAX = 64

/** Of the raw JSON text of a name, without quotes. */
function nameOf(bytes: Uint8Array): string {
  return JSON.parse(`"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()}"`) as string
}

/** Sets a cell, by the rules of all warehouses. True when the value has its place: it fits, or is null. */
function put(chunk: RowChunk, row: number, { index, type }: OwnColumn, value: unknown): boolean {
  if (value === null) return true
  const cell = cellText(type, value)
  if (cell === undefined) return false
  setCell(chunk, row, index, type, cell)
  return true
}

function setCell(chunk: RowChunk, row: number, column: number, type: ColumnType, cell: string): void {
  switch (type) {
    case 'text':
    case 'json':
      chunk.setText(column, row, Buffer.from(cell))
      return
    case 'bigint':
      chunk.setLong(column, row, BigInt(cell))
      return
    case 'double':
      chunk.setDouble(column, row, Number(cell))
      return
    case 'boolean':
      chunk.setBoolean(column, row, cell === 'true')
      return
    case 'timestamp':
      chunk.setLong(column, row, microsOf(cell))
  }
}

const TO_THE_SECOND = '0000-00-00T00:00:00'.length

/** Of a time as cellText writes it. */
function microsOf(iso: string): bigint {
  const seconds = BigInt(Date.parse(`${iso.slice(0, TO_THE_SECOND)}Z`)) / 1000n
  return seconds * 1_000_000n + BigInt(iso.slice(TO_THE_SECOND + 1, -1))
}

/** The event's own members and those of its user: in their columns, or in `extra`. */
function putOwn({ chunk, row }: Target, value: Values, extra: Values): void {
  const ofUser = bare()
  for (const [member, one] of Object.entries(value)) {
    if (member === 'properties' || one === null) continue
    const own = OF_EVENT.get(member)
    if (own !== undefined && put(chunk, row, own, one)) continue
    if (member === 'user' && isObject(one)) {
      for (const [name, said] of Object.entries(one)) {
        const column = OF_USER.get(name)
        if (column === undefined || !put(chunk, row, column, said)) ofUser[name] = said
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
