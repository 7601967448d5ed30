/**
 * Appends records as they come, a frame after another: whatever an upload holds, a few frames are in memory at
 * a time. When the log or the doors are full it waits, within bounds; what was appended before stays.
 */

import type { Clock } from '../../core/clock.ts'
import { BodyBuffer } from '../body.ts'
import { confirmed } from '../confirmation.ts'
import type { SourceCounts } from '../counters.ts'
import type { Intake } from '../intake.ts'
import type { Reception } from '../reception.ts'
import type { Refusal } from '../refusals.ts'
import type { Verdicts } from '../verdicts.ts'
import { type Made, type RecordMaker, streamType } from './record.ts'
import { RowFrame } from './row-frame.ts'
import { ROW_BYTES_MAX, type Row } from './rows.ts'

const FRAME_BYTES = 1024 * 1024
const FRAME_ROWS = 2_000
/** The largest row still fits behind a full frame, with all that is said beside its fields. */
const FRAME_BYTES_MAX = FRAME_BYTES + 2 * ROW_BYTES_MAX
/** Frames that wait for the disk. */
const FRAMES_WAITING_MAX = 4
/** Tries to get a frame into a full log, and the pause between them. */
const TRIES_MAX = 60
const PAUSE_MS = 500
/** Lytics documents 16 KB for a record of a batch. Larger ones are kept, with a warning. */
const RECORD_BYTES_USUAL = 16 * 1024

export interface WriterParts {
  readonly clock: Clock
  readonly reception: Reception
  readonly intake: Intake
  readonly verdicts: Verdicts
}

export interface WriterTarget {
  readonly source: number
  readonly stream: string
  readonly counts: SourceCounts
  /** The name of the file, for people. */
  readonly file: string
  /** Rows stand on lines of a file; otherwise they are objects of a body. */
  readonly isFile: boolean
}

export class RecordWriter {
  readonly #parts: WriterParts
  readonly #target: WriterTarget
  readonly #maker: RecordMaker
  readonly #waiting = new Set<Promise<unknown>>()
  #frame: RowFrame | undefined
  #large = 0
  /** Rows so far, whether they were new or not. */
  taken = 0
  rejected = 0
  duplicates = 0

  constructor(parts: WriterParts, target: WriterTarget, maker: RecordMaker) {
    this.#parts = parts
    this.#target = target
    this.#maker = maker
  }

  /**
   * At once where the frame at hand has room. The refusal is of the log or of the doors, after waiting; then this row and what
   * follows is not kept. Rejects with LOG_STOPPED.
   */
  add(row: Row): Refusal | undefined | Promise<Refusal | undefined> {
    // Once, however often the frame has to be offered.
    const line = this.#target.isFile ? row.line : undefined
    const made = 'fields' in row ? this.#maker.make(row.fields, line) : undefined
    if ('raw' in row) this.#maker.pass(row.raw)
    const frame = this.#roomy()
    if (frame === undefined || put(frame, row, made) !== undefined) return this.#addLater(row, made)
    this.#count(row)
    return undefined
  }

  async #addLater(row: Row, made: Made | undefined): Promise<Refusal | undefined> {
    const refused = await this.#insist(async () => {
      const frame = await this.#open()
      return frame instanceof RowFrame ? put(frame, row, made) : frame
    })
    if (refused === undefined) this.#count(row)
    return refused
  }

  #count(row: Row): void {
    if ('fields' in row) {
      this.taken++
      if (row.fields.length > RECORD_BYTES_USUAL) this.#large++
    } else {
      this.rejected++
      this.#remark(row)
    }
  }

  /** Counts a row as `add` does, and keeps nothing. */
  pretend(row: Row): void {
    if ('fields' in row) this.taken++
    else this.rejected++
  }

  /** Appends what is left and waits until all is synced. Rejects with LOG_STOPPED. */
  async finish(): Promise<Refusal | undefined> {
    const refused = await this.#insist(() => this.#flush())
    await Promise.all(this.#waiting)
    const { verdicts } = this.#parts
    const { source, stream } = this.#target
    verdicts.count(source, streamType(stream), 'warned', 'record_large', this.#large)
    return refused
  }

  /** Gives back the frame that was not appended. */
  close(): void {
    this.#frame?.body.free()
    this.#frame = undefined
  }

  /** The frame at hand if it has room for another row. */
  #roomy(): RowFrame | undefined {
    const frame = this.#frame
    return frame !== undefined && frame.count < FRAME_ROWS && frame.body.used < FRAME_BYTES
      ? frame
      : undefined
  }

  async #open(): Promise<RowFrame | Refusal> {
    const frame = this.#roomy()
    if (frame !== undefined) return frame
    const refused = await this.#flush()
    if (refused !== undefined) return refused
    const body = this.#parts.reception.lease(undefined, FRAME_BYTES_MAX)
    if (!(body instanceof BodyBuffer)) return body
    this.#frame = new RowFrame(body)
    return this.#frame
  }

  async #flush(): Promise<Refusal | undefined> {
    const frame = this.#frame
    if (frame === undefined) return undefined
    while (this.#waiting.size >= FRAMES_WAITING_MAX) await Promise.race(this.#waiting)
    const { source, stream, counts } = this.#target
    const type = streamType(stream)
    const bytes = frame.body.used
    const taken = this.#parts.intake.take(source, frame.body, frame.items, 'events', { naming: () => type })
    if ('code' in taken) return taken
    this.#frame = undefined
    this.duplicates += taken.duplicates
    const durable = confirmed(taken.durable).then(
      () => {
        frame.body.free()
        this.#waiting.delete(durable)
        counts.accepted += taken.accepted
        counts.duplicates += taken.duplicates
        counts.quarantined += taken.quarantined
        counts.bytes += bytes
        if (taken.accepted > 0) counts.eventAt = this.#parts.clock.now()
        this.#parts.verdicts.count(source, type, 'accepted', '', taken.accepted)
        this.#parts.verdicts.count(source, type, 'duplicate', '', taken.duplicates)
      },
      (error: unknown) => {
        frame.body.free()
        throw error
      },
    )
    this.#waiting.add(durable)
    // Whoever waits for the set hears of a failure; one that nobody waits for yet must not end the process.
    durable.catch(() => undefined)
    return undefined
  }

  async #insist(attempt: () => Promise<Refusal | undefined>): Promise<Refusal | undefined> {
    let refused = await attempt()
    for (let tries = 1; isPassing(refused) && tries < TRIES_MAX; tries++) {
      await this.#parts.clock.sleep(PAUSE_MS)
      refused = await attempt()
    }
    return refused
  }

  #remark(row: Exclude<Row, { fields: unknown }>): void {
    const { source, stream, file, isFile } = this.#target
    const type = streamType(stream)
    this.#parts.verdicts.count(source, type, 'rejected', row.fault)
    const place = `${isFile ? 'line' : 'object'} ${row.line}${file === '' ? '' : ` of ${file}`}`
    const at = this.#parts.clock.now()
    this.#parts.verdicts.remark(source, {
      at,
      type,
      verdict: 'rejected',
      reason: row.fault,
      place,
      raw: row.raw,
    })
  }
}

function put(frame: RowFrame, row: Row, made: Made | undefined): Refusal | undefined {
  if (made !== undefined) return frame.add(made)
  return 'fault' in row ? frame.addBroken(row.fault, row.raw) : undefined
}

/** Whether waiting may help. */
function isPassing(refused: Refusal | undefined): boolean {
  return refused?.code === 'LOG_FULL' || refused?.code === 'DOORS_BUSY'
}
