/**
 * The radar: counts the events of the log by type and shape, and looks into one event of each shape, to know which fields its likes have.
 * So an event costs one look-up and one increment, and counts are exact all the same: what a field counts is the sum over the shapes that
 * hold it. Everything is bounded, and what falls over a bound is counted as that: see Line.unexamined and Line.unlisted.
 */

import { ITEM_END, ITEM_FAULT, ITEM_SHAPE, ITEM_START, type Kernel } from '../../core/kernel/kernel.ts'
import { type FrameView, ROW_ERASED, ROW_QUARANTINED, ROW_WORDS } from '../../log/frame.ts'
import { OTHER_TYPES } from '../../store/labels.ts'
import type { DriftTable } from '../../store/schema.ts'
import { type Examined, type Line, type Met, SourceLines, type TypeLines } from './lines.ts'
import { SHAPES_MAX, ShapeTable } from './shape-table.ts'
import type { ShapeTrail } from './shape-trail.ts'

/** Events looked into between two writes, and their bytes together: some tens of milliseconds of work. Half of the known shapes at most. */
export const EXAMINED_MAX = 4_096
const EXAMINED_BYTES_MAX = 4_194_304
/** A larger event is only counted: looking into it would hold up the doors. */
export const EVENT_BYTES_MAX = 262_144

/** What is needed of a row to go on from it. */
type RestoredRow = Parameters<TypeLines['restore']>[0] &
  Pick<DriftTable, 'source' | 'event_type' | 'acknowledged_at'>

export class Radar {
  readonly #kernel: Kernel
  readonly #trail: ShapeTrail
  readonly #sources = new Map<number, SourceLines>()
  readonly #shapes = new ShapeTable()
  // By number of the shape.
  readonly #counts = new Float64Array(SHAPES_MAX)
  readonly #lastAt = new Float64Array(SHAPES_MAX)
  readonly #types: TypeLines[] = []
  readonly #examined: Examined[] = []
  readonly #changed = new Set<Line>()
  #typesNumbered = 0
  #examinedEvents = 0
  #examinedBytes = 0
  /** Something was met for the first time since the last write. */
  hasNews = false

  constructor(kernel: Kernel, trail: ShapeTrail) {
    this.#kernel = kernel
    this.#trail = trail
  }

  /** Takes up a row of the table; rows come in the order in which they were met. */
  restore(row: RestoredRow): void {
    const type = this.#typeOf(row.source, row.event_type, { at: row.first_at, offset: row.first_offset })
    if (row.kind !== 'type') {
      type.restore(row)
      return
    }
    type.line.isStored = true
    type.isAcknowledged = row.acknowledged_at !== null
  }

  /** Somebody knows these types of a source as they are now. */
  acknowledge(source: number, eventType: string): void {
    const type = this.#sources.get(source)?.find(eventType)
    if (type !== undefined) type.isAcknowledged = true
  }

  /** Counts the records of a frame from offset `from` on. */
  take(frame: FrameView, from: number): void {
    const { rows, source, receivedAt, baseOffset } = frame
    const trail = this.#trail
    const types: TypeLines[] = []
    for (let i = Math.max(0, from - baseOffset); i < frame.count; i++) {
      const last = rows[i * ROW_WORDS + 7] ?? 0
      if (((last >>> 16) & (ROW_QUARANTINED | ROW_ERASED)) !== 0) continue
      const number = last & 0xffff
      let type = types[number]
      if (type === undefined) {
        type = this.#typeOf(source, frame.types[number] ?? '', { at: receivedAt, offset: baseOffset + i })
        types[number] = type
      }
      const place = trail.placeOf(baseOffset + i)
      const low = place < 0 ? 0 : trail.low(place)
      const high = place < 0 ? 0 : trail.high(place)
      if (low !== 0 || high !== 0) this.#countShaped(type, frame, i, low, high)
      else this.#countScanned(type, frame, i)
    }
  }

  #typeOf(number: number, name: string, met: Met): TypeLines {
    let source = this.#sources.get(number)
    if (source === undefined) {
      source = new SourceLines(number)
      this.#sources.set(number, source)
    }
    return source.typeOf(name, met, () => {
      this.hasNews = true
      return this.#typesNumbered++
    })
  }

  #countShaped(type: TypeLines, frame: FrameView, i: number, low: number, high: number): void {
    let shape = this.#shapes.find(type.number, low, high)
    if (shape < 0) {
      const examined = this.#examine(type, frame, i)
      if (examined === undefined) {
        this.#add(type, undefined, 1, frame.receivedAt)
        return
      }
      shape = this.#learn(type, examined, low, high)
    }
    this.#counts[shape] = (this.#counts[shape] ?? 0) + 1
    this.#lastAt[shape] = frame.receivedAt
  }

  /** For a record whose shape is not remembered (after a start, or far behind), or whose door took none. */
  #countScanned(type: TypeLines, frame: FrameView, i: number): void {
    const event = frame.bytes.subarray(frame.rowStart(i), frame.rowEnd(i))
    const { count, items } = this.#kernel.scan(event)
    const isWhole = count === 1 && items[ITEM_START] === 0 && items[ITEM_END] === event.length
    if (isWhole && items[ITEM_FAULT] === 0)
      this.#countShaped(type, frame, i, (items[ITEM_SHAPE] ?? 0) | 0, (items[ITEM_SHAPE + 1] ?? 0) | 0)
    // An empty event, or one with an array "events", is no item of its own: each of those is looked into.
    else this.#add(type, this.#examine(type, frame, i), 1, frame.receivedAt)
  }

  /** Undefined when it is not looked into. */
  #examine(type: TypeLines, frame: FrameView, i: number): Examined | undefined {
    const [start, end] = [frame.rowStart(i), frame.rowEnd(i)]
    const bytes = end - start
    if (type.name === OTHER_TYPES || bytes > EVENT_BYTES_MAX) return undefined
    if (this.#examinedEvents >= EXAMINED_MAX || this.#examinedBytes + bytes > EXAMINED_BYTES_MAX)
      return undefined
    this.#examinedEvents++
    this.#examinedBytes += bytes
    try {
      const met = { at: frame.receivedAt, offset: frame.baseOffset + i }
      const examined = type.examine(frame.bytes.subarray(start, end), met)
      if (examined.isNews) this.hasNews = true
      return examined
    } catch (error) {
      // A door may keep a record whole that no scan saw, and that is nested deeper than a scan allows.
      if (error instanceof TypeError) return undefined
      throw error
    }
  }

  #learn(type: TypeLines, examined: Examined, low: number, high: number): number {
    const shape = this.#shapes.add(type.number, low, high)
    this.#types[shape] = type
    this.#examined[shape] = examined
    this.#counts[shape] = 0
    return shape
  }

  #add(type: TypeLines, examined: Examined | undefined, count: number, at: number): void {
    const { line } = type
    this.#addTo(line, count, at)
    if (examined === undefined) line.unexamined += count
    else if (examined.isCut) line.unlisted += count
    for (const field of examined?.lines ?? []) this.#addTo(field, count, at)
  }

  #addTo(line: Line, count: number, at: number): void {
    line.count += count
    line.lastAt = Math.max(line.lastAt, at)
    this.#changed.add(line)
  }

  /** The lines with something to write. The same again until `kept`. */
  changed(): ReadonlySet<Line> {
    for (let shape = 0; shape < this.#shapes.size; shape++) {
      const [type, examined, count = 0] = [this.#types[shape], this.#examined[shape], this.#counts[shape]]
      if (count === 0 || type === undefined || examined === undefined) continue
      this.#add(type, examined, count, this.#lastAt[shape] ?? 0)
      this.#counts[shape] = 0
    }
    return this.#changed
  }

  /** What changed is written. */
  kept(): void {
    for (const line of this.#changed) {
      line.count = line.unexamined = line.unlisted = 0
      line.sample = ''
      line.isStored = true
    }
    this.#changed.clear()
    this.#examinedEvents = this.#examinedBytes = 0
    this.hasNews = false
    if (this.#shapes.size <= SHAPES_MAX - EXAMINED_MAX) return
    // Rather than to find out which are still in use: one event of each of those is looked into again.
    this.#shapes.clear()
    this.#types.length = this.#examined.length = 0
  }
}
