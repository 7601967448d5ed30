/**
 * From a body in its place to a frame in the log: the items that the scan found, less those this source has
 * sent before, one row each. Synchronous from the scan to `append`: nothing else may use the kernel in
 * between, and frames are numbered as they arrive.
 */

import type { Clock } from '../core/clock.ts'
import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FLAGS,
  ITEM_HAS_ID,
  ITEM_ID,
  ITEM_PERSON,
  ITEM_SHAPE,
  ITEM_START,
  ITEM_TYPE,
  ITEM_WORDS,
  type Kernel,
  TYPE_OTHER,
  TYPES_MAX,
} from '../core/kernel/kernel.ts'
import { BODY_START, frameBytesFor, ROW_QUARANTINED, type RowWriter, sealFrame } from '../log/frame.ts'
import type { Dedupe, Log } from '../log/log.ts'
import { type BodyBuffer, refusalOfLog } from './body.ts'
import type { ShapeTrail } from './drift/shape-trail.ts'
import { type Refusal, refusal } from './refusals.ts'

/** Rows of ITEM_WORDS words, positions relative to the body: a Scan, or what a door made itself. */
export interface Items {
  readonly count: number
  readonly items: Uint32Array
}

/** The record type of an item, where the door knows better than the kernel's table of types. */
export type Naming = (item: number) => string

export interface Taken {
  readonly accepted: number
  readonly duplicates: number
  readonly quarantined: number
  /** 1 for each item that was a duplicate; valid until the next call. */
  readonly seen: Uint8Array
  /** Of the frame; unset when all were duplicates. Rejects with LOG_STOPPED. */
  readonly appended: Promise<number> | undefined
  /** Resolves when everything that the answer vouches for is synced; rejects with LOG_STOPPED. */
  readonly durable: Promise<unknown>
}

/** A frame's type table holds no more names (16-bit index). */
const FRAME_TYPES_MAX = 65_535
/**
 * Longer type names are cut in the frame's table, so that they cannot swell it; the event's own bytes keep
 * the whole name.
 */
const TYPE_CHARS_MAX = 1024

export class Intake {
  readonly #kernel: Pick<Kernel, 'types'>
  readonly #log: Log
  readonly #dedupe: Dedupe
  readonly #shapes: ShapeTrail
  readonly #clock: Clock

  // State of the one body at hand, kept between calls so that a request allocates nothing here.
  #items: Uint32Array = new Uint32Array(0)
  #skip = new Uint8Array(0)
  #seen = new Uint8Array(0)
  /** Item and type of each row. */
  #rowItem = new Uint32Array(0)
  #rowType = new Uint16Array(0)
  #names: string[] = []
  /** Names that are not from the kernel's table. */
  readonly #lateNames = new Map<string, number>()
  /** Kernel type → index in #names, where #typeRun says it is of this body. */
  readonly #typeIndex = new Uint16Array(TYPES_MAX)
  readonly #typeRun = new Uint32Array(TYPES_MAX)
  #run = 0
  #naming: Naming | undefined

  /** `kernel`: what the items' types are numbered by. */
  constructor(kernel: Pick<Kernel, 'types'>, log: Log, dedupe: Dedupe, shapes: ShapeTrail, clock: Clock) {
    this.#kernel = kernel
    this.#log = log
    this.#dedupe = dedupe
    this.#shapes = shapes
    this.#clock = clock
  }

  /**
   * Keeps what is new. An item's `id` is its identity when it is an event; in a body of `rows` other objects have
   * a member `id`, too, that may be anything: those are kept without an identity. Afterwards the body's buffer
   * belongs to the log if anything was accepted or quarantined; else it is still the caller's. The refusal is
   * of the log or of the size; then nothing was kept. `known`: 1 for each item that the caller knows to be a duplicate.
   */
  take(
    source: number,
    body: BodyBuffer,
    found: Items,
    holds: 'events' | 'rows',
    also: { readonly naming?: Naming; readonly known?: Uint8Array } = {},
  ): Taken | Refusal {
    const { naming, known } = also
    this.#naming = naming
    const now = this.#clock.now()
    this.#begin(found)
    const marked = this.#mark(source, found.count, now, holds, known)
    if (typeof marked !== 'number') return marked
    const duplicates = marked + this.#seeKnown(found.count, known)
    let kept: Kept | Refusal | undefined
    try {
      kept = this.#append(source, body, found.count, now)
    } finally {
      // Refused or failed: the ids must count as new when they are sent again.
      if (kept === undefined || 'code' in kept) this.#unmark(source, found.count)
    }
    if ('code' in kept) return kept
    const { rows, quarantined, appended } = kept
    const durable = duplicates > 0 || appended === undefined ? this.#allDurable(appended) : appended
    return { accepted: rows - quarantined, duplicates, quarantined, seen: this.#seen, appended, durable }
  }

  /** Whether the item of the body taken last was a duplicate. */
  wasSeen(item: number): boolean {
    return this.#seen[item] === 1
  }

  #begin({ count, items }: Items): void {
    this.#items = items
    if (count > this.#skip.length) {
      const room = Math.max(256, 2 * count)
      this.#skip = new Uint8Array(room)
      this.#seen = new Uint8Array(room)
      this.#rowItem = new Uint32Array(room)
      this.#rowType = new Uint16Array(room)
    }
    this.#seen.fill(0, 0, count)
    this.#names = []
    if (this.#lateNames.size > 0) this.#lateNames.clear()
    this.#run = (this.#run + 1) >>> 0
    // After 2^32 bodies a stale mark could look fresh.
    if (this.#run === 0) this.#typeRun.fill(0)
  }

  #mark(
    source: number,
    count: number,
    now: number,
    holds: 'events' | 'rows',
    known: Uint8Array | undefined,
  ): number | Refusal {
    const items = this.#items
    for (let i = 0, at = 0; i < count; i++, at += ITEM_WORDS) {
      const hasId = ((items[at + ITEM_FLAGS] ?? 0) & ITEM_HAS_ID) !== 0
      const compared = hasId && holds === 'events' && items[at + ITEM_FAULT] === 0 && known?.[i] !== 1
      this.#skip[i] = compared ? 0 : 1
    }
    try {
      return this.#dedupe.mark(source, items, count, ITEM_WORDS, ITEM_ID, now, this.#skip, this.#seen)
    } catch (error) {
      // No room for the ids, now or ever; nothing was marked.
      return refusalOfLog(error)
    }
  }

  #seeKnown(count: number, known: Uint8Array | undefined): number {
    if (known === undefined) return 0
    let seen = 0
    for (let i = 0; i < count; i++) {
      if (known[i] !== 1) continue
      this.#seen[i] = 1
      seen++
    }
    return seen
  }

  #unmark(source: number, count: number): void {
    this.#dedupe.unmark(source, this.#items, count, ITEM_WORDS, ITEM_ID, this.#skip, this.#seen)
  }

  #append(source: number, body: BodyBuffer, count: number, now: number): Kept | Refusal {
    const rows = this.#chooseRows(body, count)
    if (typeof rows !== 'number') return rows
    if (rows === 0) return { rows, quarantined: 0, appended: undefined }
    const refused = body.fit(frameBytesFor(body.used, this.#names, rows))
    if (refused !== undefined) return refused
    const parts = { source, receivedAt: now, bodyBytes: body.used, types: this.#names, count: rows }
    const { buffer } = body
    const frameBytes = sealFrame(buffer, parts, this.#writeRow)
    try {
      const appended = this.#log.append(buffer, frameBytes, this.#names)
      body.handOver()
      this.#shapes.follow(appended, this.#shapesOf(rows))
      return { rows, quarantined: this.#quarantined(rows), appended }
    } catch (error) {
      return refusalOfLog(error)
    }
  }

  /** Which items become rows, and their types. Returns how many. */
  #chooseRows(body: BodyBuffer, count: number): number | Refusal {
    const items = this.#items
    let rows = 0
    for (let i = 0, at = 0; i < count; i++, at += ITEM_WORDS) {
      if (this.#seen[i] !== 0) continue
      const type = items[at + ITEM_FAULT] === 0 ? (items[at + ITEM_TYPE] ?? 0) : 0
      this.#rowItem[rows] = i
      this.#rowType[rows] =
        this.#naming !== undefined
          ? this.#namedType(this.#naming(i))
          : type === TYPE_OTHER
            ? this.#namedType(this.#readType(body, at))
            : this.#frameType(type)
      rows++
    }
    if (this.#names.length > FRAME_TYPES_MAX) {
      return refusal(
        'BODY_ITEMS',
        `The body names more than ${FRAME_TYPES_MAX} event types: send fewer per request`,
        { typesMax: FRAME_TYPES_MAX },
      )
    }
    return rows
  }

  #frameType(type: number): number {
    if (this.#typeRun[type] === this.#run) return this.#typeIndex[type] ?? 0
    this.#typeRun[type] = this.#run
    const index = this.#names.push(cut(this.#kernel.types[type] ?? '')) - 1
    this.#typeIndex[type] = index
    return index
  }

  /** The kernel's table is full: the name is read from the event. */
  #readType(body: BodyBuffer, at: number): string {
    const start = this.#items[at + ITEM_START] ?? 0
    const end = this.#items[at + ITEM_END] ?? 0
    return typeOf(body.body.toString('utf8', start, end))
  }

  #namedType(whole: string): number {
    const name = cut(whole)
    const known = this.#lateNames.get(name)
    if (known !== undefined) return known
    const index = this.#names.push(name) - 1
    this.#lateNames.set(name, index)
    return index
  }

  /** Two words per row. */
  #shapesOf(rows: number): Uint32Array {
    const shapes = new Uint32Array(2 * rows)
    for (let row = 0; row < rows; row++) {
      const at = (this.#rowItem[row] ?? 0) * ITEM_WORDS + ITEM_SHAPE
      shapes[2 * row] = this.#items[at] ?? 0
      shapes[2 * row + 1] = this.#items[at + 1] ?? 0
    }
    return shapes
  }

  #quarantined(rows: number): number {
    let quarantined = 0
    for (let row = 0; row < rows; row++) {
      const at = (this.#rowItem[row] ?? 0) * ITEM_WORDS
      if (this.#items[at + ITEM_FAULT] !== 0) quarantined++
    }
    return quarantined
  }

  readonly #writeRow = (row: number, writer: RowWriter): void => {
    const items = this.#items
    const item = this.#rowItem[row] ?? 0
    const at = item * ITEM_WORDS
    const fault = items[at + ITEM_FAULT] ?? 0
    // What was not compared has no identity, so that the log and the dedupe index built from it agree.
    const identified = this.#skip[item] === 0
    // ITEM_HAS_… and ITEM_ODD have the bits of ROW_HAS_… and ROW_ODD.
    const seen = identified ? (items[at + ITEM_FLAGS] ?? 0) : (items[at + ITEM_FLAGS] ?? 0) & ~ITEM_HAS_ID
    const flags = fault === 0 ? seen : seen | ROW_QUARANTINED
    writer.write(
      row,
      BODY_START + (items[at + ITEM_START] ?? 0),
      BODY_START + (items[at + ITEM_END] ?? 0),
      identified ? (items[at + ITEM_ID] ?? 0) : 0,
      identified ? (items[at + ITEM_ID + 1] ?? 0) : 0,
      identified ? (items[at + ITEM_ID + 2] ?? 0) : 0,
      identified ? (items[at + ITEM_ID + 3] ?? 0) : 0,
      items[at + ITEM_PERSON] ?? 0,
      this.#rowType[row] ?? 0,
      flags,
      fault,
    )
  }

  /**
   * A duplicate may belong to a frame that is not synced yet: then the answer waits for everything appended
   * so far, ours included.
   */
  #allDurable(appended: Promise<unknown> | undefined): Promise<unknown> {
    const all = this.#log.durable()
    return appended === undefined ? all : Promise.all([appended, all])
  }
}

interface Kept {
  readonly rows: number
  readonly quarantined: number
  readonly appended: Promise<number> | undefined
}

/** What the frame's table will say: UTF-8 holds no half of a pair. */
function cut(name: string): string {
  return (name.length <= TYPE_CHARS_MAX ? name : name.slice(0, TYPE_CHARS_MAX)).toWellFormed()
}

function typeOf(event: string): string {
  const parsed: unknown = JSON.parse(event)
  if (typeof parsed !== 'object' || parsed === null || !('event_type' in parsed)) return ''
  return typeof parsed.event_type === 'string' ? parsed.event_type : ''
}
