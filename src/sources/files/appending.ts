/**
 * Chunks of an import on their way into the log: copied into leased buffers, compared, appended, and counted in
 * the order in which they become durable. Of the log's buffers an import holds a fixed share at most, and where the
 * log has no room it waits.
 */

import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_SHAPE,
  ITEM_START,
  ITEM_TYPE,
  ITEM_WORDS,
} from '../../core/kernel/kernel.ts'
import type { Dedupe, Log } from '../../log/log.ts'
import { Account, BodyBuffer } from '../body.ts'
import type { ShapeTrail } from '../drift/shape-trail.ts'
import { Intake, type Taken } from '../intake.ts'
import type { Refusal } from '../refusals.ts'
import type { Chunk } from './chunks.ts'
import { type Counted, markBytes } from './frame-mark.ts'
import type { Progress } from './manifest.ts'
import { Tally } from './tally.ts'

/** Bytes that one import may have leased and not yet durable. */
export const IMPORT_BYTES_MAX = 8 * 1024 * 1024
/** How long to wait before asking a log again that has no room. */
const PATIENCE_MS = 50
const CLOSE_BRACE = Buffer.from('}')
const FRAME_BYTES_MAX = 256 * 1024 * 1024

export interface AppendingParts {
  readonly log: Log
  readonly dedupe: Dedupe
  readonly shapes: ShapeTrail
  readonly clock: Clock
}

/** What one file's chunks are marked and counted with. */
export interface AppendTarget {
  /** Source that the records are of. */
  readonly source: number
  readonly file: { readonly id: number; readonly name: string }
  /** Type of all records, where it is not in them: rows of a stream. */
  readonly type?: string
}

/** What became durable lately. */
export interface News {
  readonly tally: Tally
  accepted: number
  duplicates: number
  quarantined: number
  bytes: number
}

function freshNews(): News {
  return { tally: new Tally(), accepted: 0, duplicates: 0, quarantined: 0, bytes: 0 }
}

export class Appending {
  readonly #parts: AppendingParts
  readonly #target: AppendTarget
  readonly #account = new Account(IMPORT_BYTES_MAX)
  readonly #intake: Intake
  readonly #types: readonly string[]
  /** One for each chunk that is not durable, oldest first. */
  #pending: Promise<void>[] = []
  /** Of everything appended, durable or not. */
  #counted: Counted
  #logOffset: number
  #progress: Progress
  #news = freshNews()

  /** `types` is the thread's numbering of event types: it has those of a chunk when that is taken. */
  constructor(parts: AppendingParts, target: AppendTarget, types: readonly string[], progress: Progress) {
    this.#parts = parts
    this.#target = target
    this.#types = types
    this.#intake = new Intake({ types }, parts.log, parts.dedupe, parts.shapes, parts.clock)
    this.#progress = progress
    this.#counted = progress
    this.#logOffset = progress.logOffset
  }

  /** Of what is durable. */
  get progress(): Progress {
    return this.#progress
  }

  /** What became durable since the last call. */
  takeNews(): News {
    const news = this.#news
    this.#news = freshNews()
    return news
  }

  /**
   * Appends a chunk; resolves when its bytes were copied and it has its place, which is before it is durable. `known`
   * marks items that are duplicates of what the dedupe window no longer holds. Throws LOG_STOPPED.
   */
  async take(chunk: Chunk, known: Uint8Array | undefined, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const taken = this.#append(chunk, known)
      if (!('code' in taken)) return
      if (taken.code === 'LOG_STOPPED') throw new ThalwegError('LOG_STOPPED', taken.message)
      if (taken.status < 500) throw new ThalwegError('INPUT_INVALID', taken.message)
      await this.#patience(signal)
    }
  }

  /** Waits for everything appended. Throws LOG_STOPPED. */
  async settled(): Promise<void> {
    await this.#parts.log.durable()
    await Promise.all(this.#pending)
  }

  #append(chunk: Chunk, known: Uint8Array | undefined): Taken | Refusal {
    const { log } = this.#parts
    const { from, to, count, passed } = chunk
    const { file, source, type } = this.#target
    const mark = markBytes({ ...file, from, to, read: count + passed, before: this.#before() })
    const bytes = mark.length + chunk.length + CLOSE_BRACE.length
    const body = BodyBuffer.lease(log, this.#account, bytes, FRAME_BYTES_MAX)
    if (!(body instanceof BodyBuffer)) return body
    const refused =
      body.add(mark) ?? body.add(Buffer.from(chunk.bytes, 0, chunk.length)) ?? body.add(CLOSE_BRACE)
    const items = shifted(chunk.items, mark.length)
    // The radar knows events by their shapes; a row has only columns.
    if (type !== undefined) withoutShapes(items)
    const taken =
      refused ??
      this.#intake.take(source, body, { count, items }, 'events', {
        ...(known === undefined ? {} : { known }),
        ...(type === undefined ? {} : { naming: () => type }),
      })
    if ('code' in taken) {
      body.free()
      return taken
    }
    this.#follow(chunk, taken, body)
    return taken
  }

  #before(): Counted {
    const { read, duplicates, quarantined } = this.#counted
    return { read, duplicates, quarantined }
  }

  #follow(chunk: Chunk, taken: Taken, body: BodyBuffer): void {
    const { read, duplicates, quarantined } = this.#counted
    this.#counted = {
      read: read + chunk.count + chunk.passed,
      duplicates: duplicates + taken.duplicates + chunk.passed,
      quarantined: quarantined + taken.quarantined,
    }
    const tally = this.#tallyOf(chunk, taken.seen)
    const counted = this.#counted
    const rows = taken.accepted + taken.quarantined
    // One after another: two chunks of one sync may resolve in either order.
    const before = this.#pending.at(-1) ?? Promise.resolve()
    const durable = Promise.all([before, taken.durable]).then(async () => {
      body.free()
      if (taken.appended !== undefined) this.#logOffset = (await taken.appended) + rows
      this.#progress = { ...counted, position: chunk.to, logOffset: this.#logOffset }
      const news = this.#news
      news.tally.merge(tally)
      news.accepted += taken.accepted
      news.duplicates += taken.duplicates + chunk.passed
      news.quarantined += taken.quarantined
      news.bytes += chunk.length
      this.#pending.shift()
    })
    // Heard of by whoever waits next; the process must not fall over it before.
    durable.catch(() => body.free())
    this.#pending.push(durable)
  }

  #tallyOf({ items, hours, count }: Chunk, seen: Uint8Array): Tally {
    const tally = new Tally()
    const { type: only } = this.#target
    let type = -1
    let hour = -1
    let run = 0
    const close = (): void => {
      if (run > 0) tally.add(only ?? this.#types[type] ?? '', hour, run)
    }
    // Neighbours are mostly alike: one entry for each stretch of them.
    for (let i = 0; i < count; i++) {
      if (seen[i] === 1 || items[i * ITEM_WORDS + ITEM_FAULT] !== 0) continue
      const nextType = items[i * ITEM_WORDS + ITEM_TYPE] ?? 0
      const nextHour = hours[i] ?? 0
      if (nextType === type && nextHour === hour) run++
      else {
        close()
        type = nextType
        hour = nextHour
        run = 1
      }
    }
    close()
    return tally
  }

  /** Until something became durable, or for a while. */
  async #patience(signal: AbortSignal): Promise<void> {
    const waits: Promise<unknown>[] = [this.#parts.clock.sleep(PATIENCE_MS, signal)]
    const oldest = this.#pending[0]
    if (oldest !== undefined) waits.push(oldest)
    await Promise.race(waits)
  }
}

function withoutShapes(items: Uint32Array): void {
  for (let at = 0; at < items.length; at += ITEM_WORDS) items.fill(0, at + ITEM_SHAPE, at + ITEM_SHAPE + 2)
}

/** The rows with their positions moved: the array lies behind the mark. */
function shifted(items: Uint32Array, by: number): Uint32Array {
  const rows = items.slice()
  for (let at = 0; at < rows.length; at += ITEM_WORDS) {
    rows[at + ITEM_START] = (rows[at + ITEM_START] ?? 0) + by
    rows[at + ITEM_END] = (rows[at + ITEM_END] ?? 0) + by
  }
  return rows
}
