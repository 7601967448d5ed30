/**
 * From an event's bytes to a staged row. Reads the members' places from the kernel; nothing is parsed into objects unless the event is unusual:
 * a member that the catalog does not know at its top or in `user`, one that stands twice, a value of the wrong kind, or no `properties` at all.
 *
 * A row that came without `properties` and without `user`, as Treasure Data's doors take them, is flat: its members are its properties, and those
 * called like a column of the event itself stand in that column, too.
 */

import type { Kernel } from '../../core/kernel/kernel.ts'
import { parseExact } from '../../core/kernel/project.ts'
import { fits, kindOf, secondsOf, textOf, typeSeen } from './fit.ts'
import type { Keys } from './keys.ts'
import type { Layout, PropertyColumn } from './layout.ts'
import type { Findings, StagedRow } from './staged.ts'

const TOP_TEXTS = ['id', 'event_type']
const USER_TEXTS = ['user_id', 'external_user_id', 'device_id', 'timezone']

/** Words of a row of Kernel.members. */
const WORDS = 5
const [PARENT, KEY_START, KEY_END, VALUE_START, VALUE_END] = [0, 1, 2, 3, 4]
const ROOT = 0
const MEMBERS_FIRST = 1024
const NOTHING = -1

type Values = Record<string, unknown>

/** Where the parts of a usual event lie. */
interface Plan {
  time: number | null
  /** Member row of `properties`; NOTHING without it. */
  properties: number
  /** One past the value before `properties`; NOTHING when it stands first. */
  before: number
}

export class EventReader {
  readonly #kernel: Kernel
  readonly #keys: Keys
  #rows = new Uint32Array(MEMBERS_FIRST * WORDS)
  #count = 0
  /** Columns of the layout by number of the key; null: none. */
  #columns: (PropertyColumn | null | undefined)[] = []
  #layout: Layout | undefined
  /** By number of the key: its bit at the top, and in `user`; filled as keys are met. */
  readonly #topBits: number[] = []
  readonly #userBits: number[] = []
  /** By index of the column: in which event a value was last seen for it, and the member row of it. */
  #seenIn = new Uint32Array(0)
  #seenAt = new Uint32Array(0)
  #events = 0
  /** By index of the column: already in the findings. */
  #isUsed = new Uint8Array(0)

  constructor(kernel: Kernel, keys: Keys) {
    this.#kernel = kernel
    this.#keys = keys
  }

  /** Call before the first event for a layout, and when its columns changed otherwise than by reading. */
  begin(layout: Layout): void {
    this.#layout = layout
    this.#columns = []
    this.#isUsed.fill(0)
  }

  read(event: Buffer, findings: Findings): StagedRow {
    if (!this.#find(event)) return unreadable(event.toString())
    const plan = this.#plan(event)
    return plan === undefined ? this.#readOdd(event, findings) : this.#readUsual(event, plan, findings)
  }

  /** Asks the kernel for the members; false when it does not take the bytes for an event. */
  #find(event: Buffer): boolean {
    for (;;) {
      try {
        this.#count = this.#kernel.members(event, this.#rows)
        return true
      } catch (error) {
        if (error instanceof TypeError) return false
        if (!(error instanceof RangeError)) throw error
        // An event has no more members than bytes, so this ends.
        this.#rows = new Uint32Array(this.#rows.length * 4)
      }
    }
  }

  /** Undefined when the event is unusual. */
  #plan(event: Buffer): Plan | undefined {
    const rows = this.#rows
    const plan: Plan = { time: null, properties: NOTHING, before: NOTHING }
    let seen = 0
    let user = NOTHING
    let end = NOTHING
    for (let row = 0, at = 0; row < this.#count; row++, at += WORDS) {
      const parent = rows[at + PARENT] ?? 0
      if (parent !== ROOT && parent - 1 !== user) continue
      const start = rows[at + VALUE_START] ?? 0
      const kind = kindOf(event[start] ?? 0)
      const bit = this.#bitOf(event, at, parent)
      if (bit === 0 || (seen & bit) !== 0) return undefined
      seen |= bit
      if (parent !== ROOT || bit === TEXT_BIT || bit === TYPE_BIT) {
        if (kind === 'object' || kind === 'array') return undefined
      } else if (bit === TIME_BIT) {
        const seconds = secondsOf(event, start, rows[at + VALUE_END] ?? 0)
        if (seconds === undefined && kind !== 'null') return undefined
        plan.time = seconds ?? null
      } else if (bit === USER_BIT) {
        if (kind !== 'object') return undefined
        user = row
      } else {
        if (kind !== 'object') return undefined
        plan.properties = row
        plan.before = end
      }
      if (parent === ROOT) end = rows[at + VALUE_END] ?? 0
    }
    return plan.properties === NOTHING && user === NOTHING ? undefined : plan
  }

  /** 0 for a name that is not known there. */
  #bitOf(event: Buffer, at: number, parent: number): number {
    const key = this.#keys.numberOf(event, this.#rows[at + KEY_START] ?? 0, this.#rows[at + KEY_END] ?? 0)
    while (this.#topBits.length <= key) {
      const name = this.#keys.names[this.#topBits.length] ?? ''
      this.#topBits.push(topBit(name))
      this.#userBits.push(userBit(name))
    }
    return (parent === ROOT ? this.#topBits[key] : this.#userBits[key]) ?? 0
  }

  #readUsual(event: Buffer, plan: Plan, findings: Findings): StagedRow {
    if (plan.properties === NOTHING)
      return { head: event, properties: null, fitting: null, extra: null, time: plan.time }
    const at = plan.properties * WORDS
    const start = this.#rows[at + VALUE_START] ?? 0
    const end = this.#rows[at + VALUE_END] ?? 0
    return {
      head: plan.before === NOTHING ? headBehind(event, end) : cutOut(event, plan.before, end),
      properties: event.subarray(start, end),
      fitting: this.#fitting(event, plan.properties + 1, undefined, findings),
      extra: null,
      time: plan.time,
    }
  }

  /**
   * Looks at each property of `parent`; `without`: names that are no properties. Gives the members that fit their columns as an object, or
   * null when the columns can be taken from the properties as they are.
   */
  #fitting(
    event: Buffer,
    parent: number,
    without: ReadonlySet<string> | undefined,
    findings: Findings,
  ): Uint8Array | null {
    const rows = this.#rows
    this.#events++
    let asTheyAre = true
    for (let row = 0, at = 0; row < this.#count; row++, at += WORDS) {
      if (rows[at + PARENT] !== parent) continue
      const start = rows[at + VALUE_START] ?? 0
      const end = rows[at + VALUE_END] ?? 0
      const column = this.#columnOf(event, at, start, end, without)
      if (column === undefined) continue
      // Of two members with one name the last one counts, as in JSON.parse.
      if (this.#hold(column, at)) asTheyAre = false
      const first = event[start] ?? 0
      if (first === NULL_BYTE) continue
      if ((first === QUOTE_BYTE && column.type === 'text') || fits(column.type, event, start, end)) {
        this.#use(column, findings)
      } else {
        asTheyAre = false
        this.#seenIn[column.index] = 0
        this.#misfit(column, event, start, end, findings)
      }
    }
    return asTheyAre ? null : this.#objectOf(event)
  }

  /** True when the event at hand had a value for the column before. */
  #hold({ index }: PropertyColumn, at: number): boolean {
    if (index >= this.#seenIn.length) this.#grow(index)
    const again = this.#seenIn[index] === this.#events
    this.#seenIn[index] = this.#events
    this.#seenAt[index] = at
    return again
  }

  #use(column: PropertyColumn, findings: Findings): void {
    if (this.#isUsed[column.index] === 1) return
    this.#isUsed[column.index] = 1
    findings.used.add(column)
  }

  #grow(index: number): void {
    const room = Math.max(256, 2 * (index + 1))
    const seenIn = new Uint32Array(room)
    const seenAt = new Uint32Array(room)
    const isUsed = new Uint8Array(room)
    seenIn.set(this.#seenIn)
    seenAt.set(this.#seenAt)
    isUsed.set(this.#isUsed)
    this.#seenIn = seenIn
    this.#seenAt = seenAt
    this.#isUsed = isUsed
  }

  /** The members that fit, one for each column. */
  #objectOf(event: Buffer): Uint8Array {
    const members: string[] = []
    for (const [index, seenIn] of this.#seenIn.entries()) {
      if (seenIn !== this.#events) continue
      const at = this.#seenAt[index] ?? 0
      // With its quotes: the key begins one byte earlier.
      members.push(event.toString('utf8', (this.#rows[at + KEY_START] ?? 0) - 1, this.#rows[at + VALUE_END]))
    }
    return Buffer.from(`{${members.join(',')}}`)
  }

  #misfit(column: PropertyColumn, event: Buffer, start: number, end: number, findings: Findings): void {
    const kind = kindOf(event[start] ?? 0)
    findings.misfit(column.name, kind, () => textOf(event, start, end))
    if (
      column.discovered &&
      column.type === 'bigint' &&
      kind === 'number' &&
      fits('double', event, start, end)
    )
      findings.widen.add(column)
  }

  #columnOf(
    event: Buffer,
    at: number,
    start: number,
    end: number,
    without: ReadonlySet<string> | undefined,
  ): PropertyColumn | undefined {
    const keyStart = this.#rows[at + KEY_START] ?? 0
    const keyEnd = this.#rows[at + KEY_END] ?? 0
    const key = this.#keys.numberOf(event, keyStart, keyEnd)
    const held = key === NOTHING ? undefined : this.#columns[key]
    if (held === null) return undefined
    if (held !== undefined) return without?.has(held.member) ? undefined : held
    const member = this.#keys.names[key] ?? this.#keys.nameAt(event, keyStart, keyEnd)
    if (without?.has(member)) return undefined
    const known = this.#layout?.columnOf(member)
    const seen = known === undefined ? typeSeen(event, start, end) : undefined
    // A null says nothing about a column to come.
    if (known === undefined && seen === undefined) return undefined
    const column = known ?? (seen === undefined ? undefined : this.#layout?.propose(member, seen))
    if (key !== NOTHING) this.#columns[key] = column ?? null
    return column
  }

  /** With a parse: everything lands all the same. */
  #readOdd(event: Buffer, findings: Findings): StagedRow {
    const value = parseExact(event.toString()) as Values
    return isFlat(value) ? this.#readFlat(event, value, findings) : this.#readNested(event, value, findings)
  }

  #readFlat(event: Buffer, value: Values, findings: Findings): StagedRow {
    const head: Values = {}
    const user: Values = {}
    const own = new Set<string>()
    for (const name of TOP_TEXTS) if (takeText(value, name, head)) own.add(name)
    for (const name of USER_TEXTS) if (takeText(value, name, user)) own.add(name)
    const time = timeOf(value)
    if (time !== null) own.add('time')
    return {
      head: jsonBytes({ ...head, user }),
      properties: event,
      fitting: this.#fitting(event, ROOT, own, findings),
      extra: null,
      time,
    }
  }

  #readNested(event: Buffer, value: Values, findings: Findings): StagedRow {
    const head: Values = {}
    const extra: Values = {}
    const user = isObject(value.user) ? value.user : {}
    const knownUser: Values = {}
    const otherUser: Values = {}
    for (const [name, member] of Object.entries(user)) {
      if (!USER_TEXTS.includes(name) || !takeText(user, name, knownUser)) set(otherUser, name, member)
    }
    for (const [name, member] of Object.entries(value)) {
      if (TOP_TEXTS.includes(name) && takeText(value, name, head)) continue
      if (name === 'properties' || (name === 'time' && timeOf(value) !== null)) continue
      if (name === 'user' && isObject(member)) continue
      if (member !== null) set(extra, name, member)
    }
    if (Object.keys(otherUser).length > 0) extra.user = otherUser
    const row = this.#lastRowOf(event, 'properties')
    const start = this.#rows[row * WORDS + VALUE_START] ?? 0
    const kind = row === NOTHING ? 'null' : kindOf(event[start] ?? 0)
    return {
      head: jsonBytes({ ...head, user: knownUser }),
      properties: kind === 'null' ? null : event.subarray(start, this.#rows[row * WORDS + VALUE_END]),
      fitting: kind === 'object' ? this.#fitting(event, row + 1, undefined, findings) : NO_MEMBERS,
      extra: Object.keys(extra).length > 0 ? jsonBytes(extra) : null,
      time: timeOf(value),
    }
  }

  #lastRowOf(event: Buffer, name: string): number {
    let found = NOTHING
    for (let row = 0, at = 0; row < this.#count; row++, at += WORDS) {
      if (this.#rows[at + PARENT] === ROOT && this.#nameOf(event, at) === name) found = row
    }
    return found
  }

  #nameOf(event: Buffer, at: number): string {
    const start = this.#rows[at + KEY_START] ?? 0
    const end = this.#rows[at + KEY_END] ?? 0
    const key = this.#keys.numberOf(event, start, end)
    return this.#keys.names[key] ?? this.#keys.nameAt(event, start, end)
  }
}

const NULL_BYTE = 0x6e
const QUOTE_BYTE = 0x22

// One bit for each member that a usual event has once.
const TEXT_BIT = 1
const TYPE_BIT = 2
const TIME_BIT = 4
const USER_BIT = 8
const PROPERTIES_BIT = 16

function topBit(name: string): number {
  switch (name) {
    case 'id':
      return TEXT_BIT
    case 'event_type':
      return TYPE_BIT
    case 'time':
      return TIME_BIT
    case 'user':
      return USER_BIT
    case 'properties':
      return PROPERTIES_BIT
    default:
      return 0
  }
}

function userBit(name: string): number {
  switch (name) {
    case 'user_id':
      return 32
    case 'external_user_id':
      return 64
    case 'device_id':
      return 128
    case 'timezone':
      return 256
    default:
      return 0
  }
}

const NO_MEMBERS = Buffer.from('{}')

/** Bytes that are no event: kept whole, as a text. */
function unreadable(text: string): StagedRow {
  return {
    head: NO_MEMBERS,
    properties: null,
    fitting: NO_MEMBERS,
    extra: jsonBytes({ unreadable: text }),
    time: null,
  }
}

/** The event without what lies between the two places. */
function cutOut(event: Buffer, from: number, to: number): Uint8Array {
  const head = Buffer.allocUnsafe(event.length - (to - from))
  event.copy(head, 0, 0, from)
  event.copy(head, from, to)
  return head
}

/** The event without its first member, `properties`, which ends at `end`. */
function headBehind(event: Buffer, end: number): Uint8Array {
  const rest = event.toString('utf8', end).trimStart()
  return Buffer.from(`{${rest.startsWith(',') ? rest.slice(1) : rest}`)
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

function isFlat(value: Values): boolean {
  return !Object.hasOwn(value, 'properties') && !Object.hasOwn(value, 'user')
}

/** True when the member may stand in a column of texts, or is null; then `into` has it. */
function takeText(from: Values, name: string, into: Values): boolean {
  if (!Object.hasOwn(from, name)) return false
  const value = from[name]
  if (typeof value === 'object' && value !== null && !rawJson.isRawJSON(value)) return false
  into[name] = value
  return true
}

function timeOf({ time }: Values): number | null {
  const text = JSON.stringify(time)
  if (text === undefined) return null
  const bytes = Buffer.from(text)
  return secondsOf(bytes, 0, bytes.length) ?? null
}

/** Assignment to `__proto__` would not make a member. */
function set(values: Values, name: string, value: unknown): void {
  Object.defineProperty(values, name, { value, enumerable: true, configurable: true, writable: true })
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !rawJson.isRawJSON(value)
}

/** TypeScript's library does not know raw JSON yet; Node 24 does. */
const rawJson = JSON as unknown as { isRawJSON(value: unknown): boolean }
