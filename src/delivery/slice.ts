/**
 * A slice: a stretch of the log read together by one connection. Slices follow each other without holes, and are settled in order: either
 * all of a slice's outcomes are in the books and the checkpoint is past it, or none.
 */

import { offAbort, onAbort } from '../core/aborts.ts'
import type { Limits } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { FieldEditor } from '../currents/fields.ts'
import type { FilterReason, Selects } from '../currents/selection.ts'
import { absenceOf, type FrameView, ROW_QUARANTINED, ROW_WORDS } from '../log/frame.ts'
import type { Gap, Log, LogRun } from '../log/log.ts'
import { BatchBuilder, type RecordOrigin, type StorePool } from './batch-builder.ts'
import { Cells, type TypeNumbers } from './cells.ts'
import type { Parcel } from './parcel.ts'

/** Why a record was not sent to the destination at all; the ledger's reasons for `filtered` beside the destination's own. */
export type UnsentReason = FilterReason | 'not_an_event' | 'erased' | 'suppressed'

/** undefined: it flows. `flags` are the ROW_ bits of the log. */
export function unsentReason(selection: Selects, type: string, flags: number): UnsentReason | undefined {
  if ((flags & ROW_QUARANTINED) !== 0) return 'not_an_event'
  return selection.reasonAgainst(type, flags) ?? absenceOf(flags)
}

export interface Slice {
  readonly from: number
  readonly to: number
  /** One batch, or one per lane when order per person is kept. */
  readonly parcels: readonly Parcel[]
  readonly filtered: ReadonlyMap<UnsentReason, Cells>
  /** Records that the log lost to corruption. */
  readonly gaps: readonly Gap[]
  /** Records of any source that retention took, by the operator's word, before they were read. */
  readonly trimmed: number
  /** receivedAt of the first record, for lag; 0 when there is none. */
  readonly oldestAt: number
}

/** What a slice reader looks for; derived from one version of a current. */
export interface SliceRule {
  readonly sources: ReadonlySet<number>
  readonly selection: Selects
  readonly editor: FieldEditor | undefined
  readonly limits: Limits
  /** Batches a slice is spread over by person; 1 = no order per person. */
  readonly lanes: number
  readonly connection: string
}

/** Rows looked at for one slice: bounds how far the checkpoint trails when nearly everything is filtered. */
const ROWS_MAX = 50_000
const READ_BYTES = 1_048_576
/** Slices made ahead of their delivery; bounds memory where slices are small. */
const READY_MAX = 32
const AWAY_MS = 1_000

export class SliceReader {
  readonly #log: Log
  readonly #clock: Clock
  readonly #types: TypeNumbers
  readonly #pool: StorePool
  readonly #rule: SliceRule
  readonly #ready: Slice[] = []
  #draft: SliceDraft
  /** When the draft leaves as it is. */
  #deadline: number | undefined
  #position: number

  constructor(
    log: Log,
    clock: Clock,
    types: TypeNumbers,
    pool: StorePool,
    rule: SliceRule,
    position: number,
  ) {
    this.#log = log
    this.#clock = clock
    this.#types = types
    this.#pool = pool
    this.#rule = rule
    this.#position = position
    this.#draft = new SliceDraft(position, rule, types, pool)
  }

  /** Offset that the next slice begins with. */
  get position(): number {
    return this.#position
  }

  /**
   * The next slice: full, or as full as it got within the wait after its first record. Waits while there is nothing.
   * `until` bounds it (exclusive). undefined when aborted or at `until`.
   */
  async next(signal: AbortSignal, until = Number.POSITIVE_INFINITY): Promise<Slice | undefined> {
    while (this.#ready.length === 0) {
      if (!(await this.#read(signal, until))) return undefined
    }
    const slice = signal.aborted ? undefined : this.#ready.shift()
    if (slice !== undefined) this.#position = slice.to
    return slice
  }

  /**
   * Reads on, and makes as many slices of what it read as that gives: a run read for one slice alone would be read again for the next. False when
   * there will be no more: aborted, or at `until`.
   */
  async #read(signal: AbortSignal, until: number): Promise<boolean> {
    const { waitMs } = this.#rule.limits
    this.#draft.skipTo(Math.min(this.#log.tail, until))
    if (this.#draft.to < until) {
      const pending = this.#log.read(this.#draft.to, READ_BYTES)
      const run = pending instanceof Promise ? await this.#patiently(pending, signal) : pending
      if (run === undefined || signal.aborted) return !signal.aborted
      // What a full slice leaves of the run goes into the next one, in this turn: the frames are not valid any longer.
      while (this.#draft.take(run, until) && this.#ready.length < READY_MAX) this.#finish()
      if (this.#draft.to > this.#draft.from) this.#deadline ??= this.#clock.now() + waitMs
    }
    if (this.#ready.length > 0) return true
    if (this.#draft.to < until) {
      if (this.#draft.to < this.#log.head) return true
      if (this.#deadline === undefined || this.#clock.now() < this.#deadline) {
        await this.#wait(this.#draft.to, this.#deadline, signal)
        return !signal.aborted
      }
    }
    if (this.#draft.to === this.#draft.from) return false
    this.#finish()
    return true
  }

  /** Undefined after a pause: the servers of a replicated log are away, which is nothing that a person has to mend here. */
  async #patiently(reading: Promise<LogRun>, signal: AbortSignal): Promise<LogRun | undefined> {
    try {
      return await reading
    } catch (error) {
      if (!(error instanceof ThalwegError && error.code === 'LOG_UNREACHABLE')) throw error
      await this.#clock.sleep(AWAY_MS, signal)
      return undefined
    }
  }

  #finish(): void {
    this.#ready.push(this.#draft.finish())
    this.#draft = new SliceDraft(this.#draft.to, this.#rule, this.#types, this.#pool)
    this.#deadline = undefined
  }

  /** Until there is more to read, the deadline, or the abort. */
  async #wait(from: number, deadline: number | undefined, signal: AbortSignal): Promise<void> {
    if (deadline === undefined) return this.#log.beyond(from, signal)
    const either = new AbortController()
    const stop = (): void => either.abort()
    onAbort(signal, stop)
    const cancel = this.#clock.after(deadline - this.#clock.now(), stop)
    await this.#log.beyond(from, either.signal)
    cancel()
    offAbort(signal, stop)
  }
}

/**
 * By number of a type in the frame that is being taken, 1 + what was last found to flow of it: type, flags and fault. Requests mix types, and the
 * rows of one are mostly alike. Shared by all slices: a frame is taken in one turn.
 */
let flowing = new Uint32Array(256)

/** A slice while it is being read. */
class SliceDraft {
  readonly from: number
  to: number
  rows = 0
  #trimmed = 0
  readonly #rule: SliceRule
  readonly #types: TypeNumbers
  readonly #lanes: BatchBuilder[] = []
  /** The only lane when there is no order per person. */
  readonly #single: BatchBuilder | undefined
  readonly #filtered = new Map<UnsentReason, Cells>()
  readonly #gaps: Gap[] = []
  #oldestAt = 0

  constructor(from: number, rule: SliceRule, types: TypeNumbers, pool: StorePool) {
    this.from = from
    this.to = from
    this.#rule = rule
    this.#types = types
    for (let lane = 0; lane < rule.lanes; lane++) this.#lanes.push(new BatchBuilder(rule.limits, pool))
    this.#single = rule.lanes === 1 ? this.#lanes[0] : undefined
  }

  /** Goes on at the log's oldest entry when that is ahead: what lies before is gone. */
  skipTo(tail: number): void {
    if (tail <= this.to) return
    this.#trimmed += tail - this.to
    this.to = tail
  }

  /** Takes what fits; true when the slice is full. */
  take(run: LogRun, until: number): boolean {
    for (const gap of run.gaps) if (gap.to > this.to && gap.from < until) this.#gaps.push(gap)
    for (const frame of run.frames) {
      if (frame.baseOffset >= until) break
      // An earlier slice has taken it.
      if (frame.baseOffset + frame.count <= this.to) continue
      if (this.#takeFrame(frame, until)) return true
    }
    if (run.next > this.to) this.to = Math.min(run.next, until)
    return false
  }

  #takeFrame(frame: FrameView, until: number): boolean {
    const base = frame.baseOffset
    const count = Math.min(frame.count, until - base)
    const first = Math.max(0, this.to - base)
    const rule = this.#rule
    if (!rule.sources.has(frame.source)) {
      this.to = base + count
      return false
    }
    if (this.#oldestAt === 0) this.#oldestAt = frame.receivedAt
    const types = frame.types.length
    if (flowing.length < types) flowing = new Uint32Array(2 * types)
    else for (let type = 0; type < types; type++) flowing[type] = 0
    for (let i = first; i < count; ) {
      const end = this.#flowsUntil(frame, i, count)
      const taken = this.#takeRows(frame, i, end)
      this.rows += taken - i
      this.to = base + taken
      if (taken < end) return true
      if (end < count) this.#countFiltered(frame, end)
      i = end + 1
    }
    this.to = base + count
    return this.rows >= ROWS_MAX || this.#single?.full === true
  }

  /** The first row of [from, to) that does not flow; `to` when all do. */
  #flowsUntil(frame: FrameView, from: number, to: number): number {
    const { rows } = frame
    for (let i = from; i < to; i++) {
      const about = rows[i * ROW_WORDS + 7] ?? 0
      const type = about & 0xffff
      if (flowing[type] === about + 1) continue
      if (this.#reasonAgainst(frame, about) !== undefined) return i
      flowing[type] = about + 1
    }
    return to
  }

  #reasonAgainst(frame: FrameView, about: number): UnsentReason | undefined {
    return unsentReason(this.#rule.selection, frame.types[about & 0xffff] ?? '', (about >>> 16) & 0xff)
  }

  /** Takes rows [from, to), all of which flow, as far as there is room; returns the row that it stopped before. */
  #takeRows(frame: FrameView, from: number, to: number): number {
    const { editor, lanes } = this.#rule
    if (editor === undefined && this.#single !== undefined) return this.#single.addRows(frame, from, to)
    for (let i = from; i < to; i++) {
      const lane = this.#lanes[frame.rowPerson(i) % lanes]
      if (lane === undefined) continue
      const taken =
        editor === undefined
          ? lane.addRows(frame, i, i + 1) > i
          : lane.add(editor(frame.bytes.subarray(frame.rowStart(i), frame.rowEnd(i))), originOf(frame, i))
      if (!taken) return i
    }
    return to
  }

  #countFiltered(frame: FrameView, row: number): void {
    const about = frame.rows[row * ROW_WORDS + 7] ?? 0
    const reason = this.#reasonAgainst(frame, about)
    if (reason === undefined) return
    this.rows++
    let cells = this.#filtered.get(reason)
    if (cells === undefined) {
      cells = new Cells()
      this.#filtered.set(reason, cells)
    }
    const minute = Math.floor(frame.receivedAt / 60_000)
    cells.add(minute, this.#types.numberOf(frame.types[about & 0xffff] ?? ''))
  }

  finish(): Slice {
    const parcels: Parcel[] = []
    for (const lane of this.#lanes) {
      if (lane.count > 0) parcels.push(lane.finish(this.#rule.connection))
      else lane.discard()
    }
    return {
      from: this.from,
      to: this.to,
      parcels,
      filtered: this.#filtered,
      gaps: this.#gaps,
      trimmed: this.#trimmed,
      oldestAt: this.#oldestAt,
    }
  }
}

function originOf(frame: FrameView, i: number): RecordOrigin {
  const { baseOffset, source, receivedAt } = frame
  return {
    type: frame.types[frame.rowType(i)] ?? '',
    flags: frame.rowFlags(i),
    offset: baseOffset + i,
    request: baseOffset,
    source,
    receivedAt,
  }
}
