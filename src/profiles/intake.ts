/**
 * Where profiles read the log: a reader of its own that hands the records of streams to the engine, stretch by stretch, and
 * between them lets rules with relative dates and changed rules have their turn. It begins when the first source feeds a
 * stream, with what the log still holds. What goes wrong is tried again; the engine's position says where.
 */

import { offAbort, onAbort } from '../core/aborts.ts'
import { type Clock, pause } from '../core/clock.ts'
import { type FrameView, ROW_ERASED, ROW_QUARANTINED } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import type { EngineClient } from './engine/client.ts'
import { type Applied, type Progress, RECORDS_MAX } from './engine/engine.ts'
import type { PackedStretch } from './engine/protocol.ts'

type Feeds = (source: number, type: string) => boolean

/** What is read. */
export interface Reading {
  /** The stream that records of this source and type feed, if any. */
  streamOf(source: number, type: string): string | undefined
}

export interface IntakeParts {
  readonly log: Log
  readonly clock: Clock
  readonly client: EngineClient
  /** What to read from now on; undefined: nothing feeds a stream, and never did. */
  reading(): Promise<Reading | undefined>
  readonly onTrouble: (error: unknown) => void
}

export interface IntakeStatus {
  /** Everything before is in the profiles; undefined until it is known. */
  readonly position: number | undefined
  readonly judging: boolean
  /** Records since the start, by what became of them. */
  readonly counts: Readonly<Record<string, number>>
  /** The same by stream. */
  readonly streams: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** A stretch on its way to the process. */
interface Sent {
  readonly from: number
  /** Resolves once it was read of the log and sent. */
  readonly sent: Promise<{ readonly to: number; readonly applied: Promise<Applied> }>
}

/** Name under which the log keeps entries. */
const READER = 'profiles'
const READ_BYTES = 2_097_152
const STRETCH_BYTES_MAX = 4_194_304
/** Rows looked at for one stretch, whether they feed a stream or not. */
const ROWS_MAX = 50_000
/** Real time between two stretches once the end is reached, so that each has something. */
const GATHER_MS = 25
/** Stretches that the process has before it: while a file comes in, the hub is busy for longer than one of them takes. */
const ON_THE_WAY_MAX = 3
const RETRY_MS = 1_000
/** Rows with one of these flags say nothing about anybody. */
const SILENT = ROW_QUARANTINED | ROW_ERASED

export class ProfileIntake {
  readonly #parts: IntakeParts
  #stopping = new AbortController()
  #waking = new AbortController()
  #running: Promise<void> | undefined
  #progress: Progress | undefined
  readonly #counts: Record<string, number> = {}
  readonly #streams: Record<string, Record<string, number>> = {}
  /** Unless it was looked at and there was none. */
  #mayReadAgain = true
  #underWay: Promise<unknown> = Promise.resolve()
  /** What the process has before it, the next one first: it waits for nothing, however busy the hub is. */
  #onTheWay: Sent[] = []
  /** The list that is being filled. */
  #filled: Sent[] | undefined
  /** Until they are applied or given up, also those that are on no list any more. */
  readonly #unsettled = new Set<Promise<unknown>>()

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Also after a stop. */
  start(): void {
    this.#stopping = new AbortController()
    this.#progress = undefined
    this.#onTheWay = []
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#waking.abort()
    await this.#running
  }

  /** Resolves when what was read of the log before this call is in the profiles, or given up. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#underWay, ...this.#unsettled])
  }

  /** Something changed: sources, rules, histories to be read again. */
  wake(): void {
    this.#mayReadAgain = true
    this.#waking.abort()
  }

  /** The process goes by something else now: what it said of its progress may not hold. */
  forget(): void {
    this.#progress = undefined
  }

  status(): IntakeStatus {
    return {
      position: this.#progress?.position,
      judging: this.#progress?.judging ?? false,
      counts: this.#counts,
      streams: this.#streams,
    }
  }

  async #run(): Promise<void> {
    const { log, clock, onTrouble } = this.#parts
    const { signal } = this.#stopping
    // Nobody waits at a closed log: it would be asked again and again in one turn.
    while (!signal.aborted && log.state !== 'closed') {
      try {
        await this.#step()
      } catch (error) {
        if (signal.aborted) return
        this.#progress = undefined
        onTrouble(error)
        await clock.sleep(RETRY_MS, signal)
      }
    }
  }

  async #step(): Promise<void> {
    const { client, clock, log } = this.#parts
    // Before anything is looked at: who calls `wake` meanwhile keeps this step from waiting.
    this.#waking = new AbortController()
    const reading = await this.#parts.reading()
    if (reading === undefined) return this.#wait(log.head, undefined)
    this.#progress ??= await client.ask({ what: 'tick', nowMs: clock.now() })
    const { position, nextFlipAt, judging } = this.#progress
    log.hold(READER, position)
    const again = await this.#noted(this.#readAgain(reading))
    // What is not cleared yet must not be given anything.
    if (again === 'clearing') return
    if (judging) this.#progress = await client.ask({ what: 'judge-more', nowMs: clock.now() })
    else if (nextFlipAt !== undefined && nextFlipAt <= clock.now())
      this.#progress = await client.ask({ what: 'tick', nowMs: clock.now() })
    else if (position >= log.head && again === 'none') return this.#wait(position, nextFlipAt)
    if (position < log.head) await this.#noted(this.#apply(position))
  }

  #noted<T>(work: Promise<T>): Promise<T> {
    this.#underWay = work
    return work
  }

  /** The next step of a stream whose history is read again. */
  async #readAgain(reading: Reading): Promise<'none' | 'clearing' | 'reading'> {
    const { client, clock } = this.#parts
    if (!this.#mayReadAgain) return 'none'
    const [again] = await client.desk.readingAgain()
    this.#mayReadAgain = again !== undefined
    if (again === undefined) return 'none'
    const nowMs = clock.now()
    if (!again.cleared) {
      this.#progress = await client.ask({ what: 'clear-more', again, nowMs })
      return 'clearing'
    }
    const ofStream = (source: number, type: string): boolean =>
      reading.streamOf(source, type) === again.stream
    const stretch = await stretchFrom(this.#parts.log, again.position, again.end, ofStream)
    this.#progress = await client.ask({ what: 'take-again', again, stretch, nowMs })
    return 'reading'
  }

  async #apply(position: number): Promise<void> {
    // Elsewhere after a failure or a change: what is still on its way is counted, or answered with where it should begin.
    if (this.#onTheWay[0]?.from !== position) this.#onTheWay = [this.#send(position)]
    const onTheWay = this.#onTheWay
    const [next] = onTheWay as [Sent]
    try {
      const { applied } = await next.sent
      // A failure is heard by whoever takes the stretch.
      this.#fill(onTheWay).catch(() => undefined)
      this.#progress = await applied
      onTheWay.shift()
    } catch (error) {
      this.#onTheWay = []
      throw error
    }
  }

  /** Sends on while the log has more and not enough is on its way. */
  async #fill(onTheWay: Sent[]): Promise<void> {
    if (this.#filled === onTheWay) return
    this.#filled = onTheWay
    try {
      while (onTheWay === this.#onTheWay && onTheWay.length < ON_THE_WAY_MAX) {
        const last = onTheWay.at(-1)
        if (last === undefined) return
        const { to } = await last.sent
        if (onTheWay.at(-1) !== last || this.#parts.log.head - to < RECORDS_MAX) return
        onTheWay.push(this.#send(to))
      }
    } finally {
      if (this.#filled === onTheWay) this.#filled = undefined
    }
  }

  #send(from: number): Sent {
    const sent = this.#read(from).then((stretch) => {
      const applied = this.#parts.client
        .ask({ what: 'apply', stretch, nowMs: this.#parts.clock.now() })
        .then((answer) => this.#counted(answer))
      return { to: stretch.to, applied }
    })
    // Who takes it hears of a failure; nobody has to take it.
    const settled = sent.then(({ applied }) => applied).catch(() => undefined)
    this.#unsettled.add(settled)
    void settled.then(() => this.#unsettled.delete(settled))
    return { from, sent }
  }

  /** By what the process goes by while it is read: of a source that is new meanwhile, records would be passed over. */
  async #read(from: number): Promise<PackedStretch> {
    const { log, reading } = this.#parts
    for (;;) {
      const before = await reading()
      const feeds = (source: number, type: string): boolean => before?.streamOf(source, type) !== undefined
      const stretch = await stretchFrom(log, from, Number.POSITIVE_INFINITY, feeds)
      if ((await reading()) === before) return stretch
    }
  }

  #counted(applied: Applied): Applied {
    add(this.#counts, applied.counts)
    for (const [stream, counts] of Object.entries(applied.streams)) {
      this.#streams[stream] ??= {}
      add(this.#streams[stream], counts)
    }
    return applied
  }

  /** Until there is more in the log, somebody is due, or something changed. */
  async #wait(position: number, untilMs: number | undefined): Promise<void> {
    const { log, clock } = this.#parts
    const waking = this.#waking
    const stop = (): void => waking.abort()
    onAbort(this.#stopping.signal, stop)
    const cancel = untilMs === undefined ? stop : clock.after(Math.max(0, untilMs - clock.now()), stop)
    await log.beyond(position, waking.signal)
    if (untilMs !== undefined) cancel()
    offAbort(this.#stopping.signal, stop)
    if (log.head > position && !this.#stopping.signal.aborted) await pause(GATHER_MS)
  }
}

function add(sums: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [word, count] of Object.entries(counts)) sums[word] = (sums[word] ?? 0) + count
}

/** The next records that `feeds` wants, from `position` on and below `end`. */
export async function stretchFrom(
  log: Log,
  position: number,
  end: number,
  feeds: Feeds,
): Promise<PackedStretch> {
  const packer = new Packer(position, end, feeds)
  let at = Math.max(position, log.tail)
  while (at < Math.min(log.head, end) && !packer.full) {
    const pending = log.read(at, READ_BYTES)
    const run = pending instanceof Promise ? await pending : pending
    let to = run.next
    for (const frame of run.frames) {
      to = packer.take(frame, at)
      if (packer.full) break
    }
    at = packer.full ? to : run.next
  }
  return packer.finish(Math.min(at, end))
}

/** Gathers the records of one stretch. */
class Packer {
  readonly #from: number
  readonly #end: number
  readonly #feeds: Feeds
  readonly #ends: number[] = []
  readonly #offsets: number[] = []
  readonly #receivedAt: number[] = []
  readonly #sources: number[] = []
  readonly #types: number[] = []
  readonly #names = new Map<string, number>()
  #room = Buffer.alloc(0)
  #bytes = 0
  #rows = 0

  constructor(from: number, end: number, feeds: Feeds) {
    this.#from = from
    this.#end = end
    this.#feeds = feeds
  }

  get full(): boolean {
    return this.#ends.length >= RECORDS_MAX || this.#bytes >= STRETCH_BYTES_MAX || this.#rows >= ROWS_MAX
  }

  /** Copies what feeds a stream, from offset `from` on; gives the offset that it stopped before. */
  take(frame: FrameView, from: number): number {
    const { baseOffset, count, source, receivedAt, types, bytes } = frame
    const feeding = types.map((type) => this.#feeds(source, type))
    const first = Math.max(0, from - baseOffset)
    if (!feeding.includes(true)) {
      this.#rows++
      return baseOffset + count
    }
    for (let i = first; i < count; i++) {
      if (this.full || baseOffset + i >= this.#end) return baseOffset + i
      this.#rows++
      const type = frame.rowType(i)
      if (feeding[type] !== true || (frame.rowFlags(i) & SILENT) !== 0) continue
      this.#copy(bytes, frame.rowStart(i), frame.rowEnd(i))
      this.#ends.push(this.#bytes)
      this.#offsets.push(baseOffset + i)
      this.#receivedAt.push(receivedAt)
      this.#sources.push(source)
      this.#types.push(this.#nameOf(types[type] ?? ''))
    }
    return baseOffset + count
  }

  /** The bytes are the log's and are used again after this turn. */
  #copy(from: Buffer, start: number, end: number): void {
    const bytes = this.#bytes + end - start
    if (bytes > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#room.length, READ_BYTES))
      this.#room.copy(room, 0, 0, this.#bytes)
      this.#room = room
    }
    from.copy(this.#room, this.#bytes, start, end)
    this.#bytes = bytes
  }

  finish(to: number): PackedStretch {
    return {
      from: this.#from,
      to,
      bytes: this.#room.subarray(0, this.#bytes),
      ends: Uint32Array.from(this.#ends),
      offsets: Float64Array.from(this.#offsets),
      receivedAt: Float64Array.from(this.#receivedAt),
      sources: Uint32Array.from(this.#sources),
      types: Uint16Array.from(this.#types),
      names: [...this.#names.keys()],
    }
  }

  #nameOf(type: string): number {
    let number = this.#names.get(type)
    if (number === undefined) {
      number = this.#names.size
      this.#names.set(type, number)
    }
    return number
  }
}
