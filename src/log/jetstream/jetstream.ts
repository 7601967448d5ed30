/**
 * The log on NATS JetStream: one stream of messages, each a run of whole frames (message.ts), kept by a quorum of servers before anybody is told
 * so. Any number of hubs append to it and read it; each works out the same offsets from the order of the stream (numbering.ts) and
 * remembers in its own folder only what the stream can tell it again (stretches.ts).
 *
 * State      append        left by
 * open       taken         the message under way has not been acknowledged for a while → full; the stream is not what it was → stopped
 * full       LOG_FULL      its acknowledgement (it is sent again until then) → open
 * stopped    LOG_STOPPED   restart, which reads the stream anew
 * closed     LOG_STOPPED   –
 */

import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { type Clock, pause } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { Turns } from '../../core/turns.ts'
import { type DirectoryLock, lockDirectory } from '../directory-lock.ts'
import { FrameView, mustBeSealed, stampFrame } from '../frame.ts'
import type { FrameIdentities } from '../identity-index.ts'
import type {
  CopiedLog,
  FrameEdit,
  Gap,
  Identity,
  Log,
  LogRun,
  LogState,
  LogStats,
  Prospect,
  Retention,
  Rewritten,
  Trimmed,
} from '../log.ts'
import { Lookups } from '../lookups.ts'
import { MemoryTail } from '../memory-tail.ts'
import { closed, trimmed } from '../refusals.ts'
import { planRetention, type RetentionPlan } from '../retention.ts'
import { SlabPool } from '../slabs.ts'
import { Waiters } from '../waiters.ts'
import type { LogAddress, LogCredentials } from './address.ts'
import { editFrames } from './editing.ts'
import { Holds } from './holds.ts'
import { framesOf, type Message, placeFrame } from './message.ts'
import { Numbering } from './numbering.ts'
import { type Outgoing, Publisher } from './publisher.ts'
import { patiently, REPEAT_MS, Remote, type StreamState } from './remote.ts'
import { StreamReads } from './stream-reads.ts'
import { StretchIndex } from './stretch-index.ts'
import type { Stretch } from './stretches.ts'
import { Told } from './told.ts'

const MB = 1024 * 1024
/** Gaps that stats() lists; later ones are still told to `onCorrupt`. */
const GAPS_KEPT_MAX = 1000
/** Messages asked for at once: the first time, at most, and of how many bytes together as far as can be foreseen. */
const GETS_FIRST = 4
const GETS_MAX = 16
const GETS_BYTES_MAX = 16 * MB
/** A file of the servers' store holds so much, and is removed when all of it was: what was trimmed beside kept messages is overwritten instead. */
const STORE_FILE_BYTES = 8 * MB
const JUMP_TRIES_MAX = 10
/** How long is waited for a message that another hub is about to tell, before it is asked for. */
const TOLD_MS = 20
/** A new leader may say for a moment that the stream ends earlier: in polls. */
const SHORTER_POLLS_MAX = 20
const CLOSE_MS_MAX = 10_000
/** Ids are each hub's own to remember, and held for its own sake: no other hub keeps entries for it. */
const OWN_READERS: ReadonlySet<string> = new Set(['dedupe'])

export interface JetStreamLogOptions {
  /** What the stream can tell again; made if absent. One process at a time. */
  readonly directory: string
  readonly clock: Clock
  readonly address: LogAddress
  readonly credentials: LogCredentials
  /** Bytes of messages that retention removes together. Default 128 MB. */
  readonly stretchBytes?: number
  /** Bound of all frame buffers: leased, waiting, in the memory tail, pooled. Default 64 MB. */
  readonly slabBytesMax?: number
  /** Frames kept in memory for readers. Default 32 MB. */
  readonly tailBytesMax?: number
  /** Frames appended but not yet acknowledged. Default 32 MB. */
  readonly waitingBytesMax?: number
  /**
   * An offset that is known to have been given out, such as the furthest checkpoint of a reader. Should the stream have lost its end, new
   * records are numbered from here on, so that no reader takes them for old ones; the loss is reported as a gap. Default 0.
   */
  readonly offsetMin?: number
  /** Without an acknowledgement for so long, nothing more is taken. Default 3 s. */
  readonly slowMs?: number
  /** How often the stream is asked what other hubs did, should their word not come. Default 1 s. */
  readonly pollMs?: number
  /** From this age on a message that is sent again is looked for first. Default half of the time that the servers remember ids for. */
  readonly lookAfterMs?: number
  /** Told once of every stretch of records that cannot be read. */
  readonly onCorrupt?: (gap: Gap) => void
  /** Told what went wrong besides calls: the first failure in a row, and what stopped the log. */
  readonly onTrouble?: (error: ThalwegError) => void
}

type Settings = Required<JetStreamLogOptions>

/**
 * Connects, makes the streams that are missing, and reads the labels of what this folder does not know yet. Throws LOG_UNREACHABLE,
 * SETTINGS_INVALID with what to change on the servers, LOG_LOCKED, or the disk's own error.
 */
export async function openJetStreamLog(options: JetStreamLogOptions): Promise<Log> {
  const settings: Settings = {
    stretchBytes: 128 * MB,
    slabBytesMax: 64 * MB,
    tailBytesMax: 32 * MB,
    waitingBytesMax: 32 * MB,
    offsetMin: 0,
    slowMs: 3_000,
    pollMs: 1_000,
    lookAfterMs: REPEAT_MS / 2,
    onCorrupt: () => undefined,
    onTrouble: () => undefined,
    ...options,
  }
  await mkdir(settings.directory, { recursive: true })
  const lock = lockDirectory(settings.directory)
  try {
    const remote = await Remote.open(settings.address, settings.credentials)
    try {
      const log = new StreamLog(settings, lock, remote)
      await log.start()
      return log
    } catch (error) {
      await remote.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A message on its way to its place, and what it is to us. */
interface Item {
  readonly message: Pick<Message, 'seq' | 'label' | 'size'>
  /** Ours: its frames are in memory. */
  readonly own?: Outgoing
  /** Another hub's, with its body. */
  readonly read?: Message
}

class StreamLog implements Log {
  readonly frameBytesMax: number
  screen: ((frame: FrameView) => void) | undefined
  foreign: ((frame: FrameIdentities) => void) | undefined
  readonly #settings: Settings
  readonly #lock: DirectoryLock
  readonly #remote: Remote
  readonly #index: StretchIndex
  readonly #reads: StreamReads
  readonly #hub = randomBytes(9).toString('base64url')
  readonly #slabs: SlabPool
  readonly #memory = new MemoryTail()
  readonly #waiters = new Waiters()
  readonly #publisher: Publisher
  readonly #holds: Holds
  readonly #lookups: Lookups<Stretch>
  readonly #gaps = new Map<string, Gap>()
  readonly #reading = new Set<Promise<unknown>>()
  #numbering: Numbering<Item>
  #head = 0
  #tail = 0
  /** What lies before it was trimmed. */
  #firstSeq = 1
  #serversFirstSeq = 1
  /** The furthest that a label of a kept message reaches back to: what is trimmed must not go beyond it, or nobody could tell offsets any more. */
  #knownSeq = 0
  #editedSeq = 0
  #createdAt = ''
  #shorterSince: number | undefined
  #isLive = false
  #isContradicted = false
  #isDeaf = false

  #lastAppend: Promise<unknown> = Promise.resolve()
  /** One thing at a time gives places to messages. */
  readonly #placing = new Turns()
  /** Retention, rewriting, copying: one at a time. */
  readonly #changing = new Turns()
  readonly #looking = new Turns()
  #following: Promise<void> = Promise.resolve()
  #wakeFollower: () => void = () => undefined
  #heardSeq = 0
  /** What other hubs told, until it has its place. */
  readonly #told = new Told()
  #stopped: ThalwegError | undefined
  #closing: Promise<void> | undefined
  #appendedFrames = 0
  #appendedBytes = 0

  constructor(settings: Settings, lock: DirectoryLock, remote: Remote) {
    this.#settings = settings
    this.#lock = lock
    this.#remote = remote
    this.#index = new StretchIndex({
      directory: settings.directory,
      stretchBytes: settings.stretchBytes,
      messages: (from, to) => this.#messages(from, to),
      onBroken: (message, from, to) => this.#report(this.#broken(message, from, to)),
      onTrouble: settings.onTrouble,
    })
    this.frameBytesMax = Math.min(remote.payloadBytesMax, settings.slabBytesMax)
    this.#slabs = new SlabPool(settings.slabBytesMax, () => this.#memory.evict())
    this.#numbering = this.#numberingFrom({ seq: 0, offset: 0 })
    this.#reads = new StreamReads({
      index: this.#index,
      log: this,
      get: (seq) => remote.get(seq),
      lookForTrimmed: async () => this.#moveTail(await remote.firstSeq()),
      onGap: (gap) => this.#report(gap),
      where: (seq) => this.#where(seq),
    })
    this.#lookups = new Lookups({
      log: this,
      parts: this.#index.list,
      isComplete: (stretch) => !this.#index.isOpen(stretch),
      identitiesOf: (stretch) => this.#noted(this.#index.identitiesOf(stretch)),
    })
    this.#publisher = new Publisher({
      hub: this.#hub,
      publish: (id, label, bytes, timeoutMs) => remote.publish(id, label, bytes, timeoutMs),
      known: () => this.#numbering.known,
      acknowledged: (message, seq) => this.#acknowledged(message, seq),
      lookFor: () => this.#catchUp(),
      lookAfterMs: settings.lookAfterMs,
      onTrouble: (error) =>
        this.#trouble('a message is not acknowledged; it is sent again until it is', error),
    })
    this.#holds = new Holds({
      hub: this.#hub,
      say: (reader, from, hub) => remote.say(reader, from, hub),
      said: () => remote.said(),
      own: OWN_READERS,
      onTrouble: (error) => this.#trouble('what readers need could not be told to the servers', error),
    })
  }

  /** Once, before anybody else has the log. */
  async start(): Promise<void> {
    // A server that has just come, or lost its leader, answers nothing for a moment.
    const state = await patiently(() => this.#remote.state())
    this.#createdAt = state.createdAt
    this.#firstSeq = await patiently(() => this.#remote.firstSeq())
    this.#serversFirstSeq = state.firstSeq
    await this.#index.load(state.createdAt, this.#firstSeq, state.lastSeq)
    this.#goOnBehind(this.#index.list.at(-1))
    await this.#readLabels(state)
    if (this.#isContradicted) {
      // What is remembered is of a stream that lost its end and has another one now.
      this.#index.forget()
      this.#goOnBehind(undefined)
      await this.#readLabels(state)
    }
    await this.#jump()
    this.#editedSeq = (await patiently(() => this.#remote.editedState())).lastSeq
    const lastSeq = this.#numbering.known.seq
    const last = lastSeq === 0 ? undefined : await patiently(() => this.#remote.get(lastSeq))
    this.#knownSeq = last?.label?.known.seq ?? 0
    this.#index.goLive(lastSeq + 1, this.#head)
    await this.#moveTail(this.#firstSeq)
    await this.#holds.refresh()
    this.#isLive = true
    this.#remote.listen(
      (seq) => {
        this.#told.rung(seq)
        this.#hear(seq)
      },
      (message) => {
        if (message.seq > this.#numbering.seq) this.#told.keep(message)
        this.#hear(message.seq)
      },
    )
    this.#following = this.#follow()
  }

  #goOnBehind(last: Stretch | undefined): void {
    this.#numbering = this.#numberingFrom({ seq: last?.lastSeq ?? 0, offset: last?.end ?? 0 })
    this.#head = last?.end ?? 0
    this.#tail = this.#index.list[0]?.base ?? 0
  }

  get head(): number {
    return this.#head
  }

  get tail(): number {
    return this.#tail
  }

  get state(): LogState {
    if (this.#closing !== undefined) return 'closed'
    if (this.#stopped !== undefined) return 'stopped'
    return this.#publisher.waitsMs > this.#settings.slowMs ? 'full' : 'open'
  }

  lease(bytes: number): Buffer {
    this.#mustFit(bytes)
    return this.#slabs.lease(bytes)
  }

  release(buffer: Buffer): void {
    this.#slabs.release(buffer)
  }

  append(buffer: Buffer, frameBytes: number, types?: readonly string[]): Promise<number> {
    this.#mustTake(buffer, frameBytes)
    this.#slabs.adopt(buffer)
    const frame = buffer.subarray(0, frameBytes)
    const view = new FrameView(frame, types)
    this.screen?.(view)
    stampFrame(frame, 0, 0)
    const appended = new Promise<number>((resolve, reject) => {
      this.#publisher.submit({ view, slab: buffer, resolve, reject })
    })
    this.#lastAppend = appended
    return appended
  }

  async durable(): Promise<void> {
    if (this.#stopped !== undefined) throw this.#stopped
    if (this.#publisher.waitingBytes > 0) await this.#lastAppend
  }

  read(from: number, bytesMax: number): LogRun | Promise<LogRun> {
    if (this.#closing !== undefined) throw closed()
    if (from === this.#head) return { frames: [], next: from, gaps: [] }
    if (from > this.#head) return this.#readAhead(from, bytesMax)
    if (from < this.#tail) throw trimmed(from, this.#tail)
    return this.#memory.holds(from)
      ? this.#memory.run(from, bytesMax)
      : this.#noted(this.#readFar(from, bytesMax))
  }

  beyond(offset: number, signal: AbortSignal): Promise<void> {
    if (this.#head > offset || signal.aborted || this.#closing !== undefined) return Promise.resolve()
    return this.#waiters.wait(offset, signal)
  }

  offsetAt(timeMs: number): Promise<number> {
    return this.#lookups.offsetAt(timeMs)
  }

  find(id: Identity): Promise<number[]> {
    return this.#lookups.find(id)
  }

  count(sources: ReadonlySet<number>, from: number, to: number): Promise<number> {
    return this.#lookups.count(sources, from, to)
  }

  identities(from: number): AsyncGenerator<FrameIdentities> {
    return this.#lookups.identities(from)
  }

  rewrite(edit: FrameEdit, signal: AbortSignal): Promise<Rewritten> {
    return this.#changing.take(() => this.#rewrite(edit, signal))
  }

  async reread(): Promise<void> {
    if (this.#stopped !== undefined) throw this.#stopped
    await this.#lookAround()
  }

  /** There is nothing to copy: the servers keep the records, and have backups of their own. What is copied beside it fits the stream as it is. */
  copying<T>(work: (copied: CopiedLog) => Promise<T>): Promise<T> {
    return this.#changing.take(() => {
      if (this.#closing !== undefined) throw closed()
      return work({ head: this.#head, tail: this.#tail, segments: [] })
    })
  }

  hold(reader: string, from: number): void {
    this.#holds.hold(reader, from)
  }

  readers(): { reader: string; from: number }[] {
    return [...this.#holds.all].map(([reader, from]) => ({ reader, from }))
  }

  prospect(rule: Retention): Prospect {
    const { plan, sealed } = this.#planned(rule)
    const freed = sealed.slice(0, plan.free)
    const records = (freed.at(-1)?.end ?? this.#tail) - this.#tail
    return { segments: plan.free, records, bytes: sumBytes(freed), heldBy: plan.heldBy }
  }

  retain(rule: Retention): Promise<Trimmed> {
    return this.#changing.take(() => this.#retain(rule))
  }

  stats(): LogStats {
    return {
      bytes: sumBytes(this.#index.list),
      segments: this.#index.list.length,
      appendedFrames: this.#appendedFrames,
      appendedBytes: this.#appendedBytes,
      syncs: this.#publisher.acknowledged,
      waitingBytes: this.#publisher.waitingBytes,
      corrupt: [...this.#gaps.values()],
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  // Appending

  #mustFit(frameBytes: number): void {
    if (frameBytes <= this.frameBytesMax) return
    const message = `a frame of ${frameBytes} bytes is larger than the NATS servers take (${this.frameBytesMax}, their max_payload)`
    throw new ThalwegError('INPUT_INVALID', message)
  }

  #mustTake(buffer: Buffer, frameBytes: number): void {
    if (this.#closing !== undefined) throw closed()
    if (this.#stopped !== undefined) throw this.#stopped
    if (!this.#slabs.isLeased(buffer))
      throw new TypeError('append of a buffer that is not leased from this log')
    mustBeSealed(buffer, frameBytes)
    this.#mustFit(frameBytes)
    const { waitsMs, waitingBytes } = this.#publisher
    if (waitsMs > this.#settings.slowMs) {
      const message = `the NATS servers have not acknowledged anything for ${Math.round(waitsMs / 1000)} s; try again later`
      throw new ThalwegError('LOG_FULL', message)
    }
    if (waitingBytes > 0 && waitingBytes + frameBytes > this.#settings.waitingBytesMax) {
      throw new ThalwegError(
        'LOG_FULL',
        `${waitingBytes} bytes wait for the NATS servers already; try again later`,
      )
    }
  }

  async #acknowledged(message: Outgoing, seq: number): Promise<void> {
    // Before it has its place here: others may wait for it to give theirs a place.
    if (seq > this.#numbering.seq) this.#tell(message, seq)
    await this.#placing.take(async () => {
      if (message.placed) return
      if (seq <= this.#numbering.seq)
        throw this.#stop(`the stream gave the sequence ${seq} twice: it lost its end`)
      if (seq > this.#numbering.seq + 1) await this.#fetchTo(seq - 1)
      // It may have been there already, under an earlier number.
      if (message.placed) return
      this.#placeOwn(message, seq)
    })
  }

  #tell({ id, label, body }: Outgoing, seq: number): void {
    if (Told.takes(body)) this.#remote.tell(seq, id, label, body)
    else this.#remote.ring(seq)
  }

  #placeOwn(own: Outgoing, seq: number): void {
    const { label, bytes } = own
    this.#numbering.arrive(seq, label, { message: { seq, label, size: bytes }, own })
  }

  // Following the stream

  /** Hears what other hubs append and change, until the log is closed. */
  async #follow(): Promise<void> {
    while (this.#closing === undefined && this.#stopped === undefined) {
      await this.#woken()
      if (this.#closing !== undefined) return
      try {
        const heard = this.#heardSeq
        if (heard > this.#numbering.seq) await this.#placing.take(() => this.#fetchTo(heard))
        else await this.#lookAround()
        this.#isDeaf = false
      } catch (error) {
        if (!this.#isDeaf && this.#closing === undefined)
          this.#trouble('the stream cannot be followed; trying again', error)
        this.#isDeaf = true
      }
    }
  }

  #hear(seq: number): void {
    this.#heardSeq = Math.max(this.#heardSeq, seq)
    this.#wakeFollower()
  }

  #woken(): Promise<void> {
    if (this.#heardSeq > this.#numbering.seq && !this.#isDeaf) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#settings.pollMs).unref()
      this.#wakeFollower = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #lookAround(): Promise<void> {
    return this.#looking.take(() => this.#look())
  }

  async #look(): Promise<void> {
    await this.#catchUp()
    const edited = await this.#remote.editedState()
    for (; this.#editedSeq < edited.lastSeq; this.#editedSeq++) {
      const message = await this.#remote.editAt(this.#editedSeq + 1)
      if (message !== undefined) await this.#takeEdit(message)
    }
  }

  /** Gives places to all that is in the stream by now. */
  async #catchUp(): Promise<void> {
    const state = await this.#remote.state()
    this.#mustBeSame(state)
    await this.#placing.take(() => this.#fetchTo(state.lastSeq))
    if (state.firstSeq === this.#serversFirstSeq) return
    await this.#moveTail(await this.#remote.firstSeq())
    this.#serversFirstSeq = state.firstSeq
  }

  #mustBeSame({ createdAt, lastSeq }: StreamState): void {
    if (createdAt !== this.#createdAt) throw this.#stop('the stream was removed and made anew')
    const isShorter = lastSeq < this.#numbering.known.seq
    this.#shorterSince = isShorter ? (this.#shorterSince ?? performance.now()) : undefined
    if (this.#isTooLong(this.#shorterSince)) throw this.#stop('the stream lost its end')
  }

  /** What a new leader says for a moment has been so for longer. */
  #isTooLong(since = Number.POSITIVE_INFINITY): boolean {
    return performance.now() - since > SHORTER_POLLS_MAX * this.#settings.pollMs
  }

  /**
   * From an offset that another hub gave out and this one has not heard of yet, because its server was lost or it stood still: a checkpoint
   * moves with its current. While the servers do not answer, there is nothing to read; when they say again and again that the
   * stream does not reach that far, it is damaged.
   */
  async #readAhead(from: number, bytesMax: number): Promise<LogRun> {
    const since = performance.now()
    do {
      try {
        await this.#catchUp()
      } catch (error) {
        if (this.#closing !== undefined) throw closed()
        if (this.#stopped !== undefined) throw this.#stopped
        this.#trouble('the servers could not be asked how far the stream reaches', error)
        return { frames: [], next: from, gaps: [] }
      }
      if (from <= this.#head) return this.read(from, bytesMax)
      await pause(this.#settings.pollMs)
    } while (!this.#isTooLong(since))
    const message = `a reader is at offset ${from}, the log ends at ${this.#head}: the stream lost its end or is another one`
    throw new ThalwegError('LOG_CORRUPT', message)
  }

  /** What no memory serves. Throws LOG_UNREACHABLE while the servers do not answer. */
  async #readFar(from: number, bytesMax: number): Promise<LogRun> {
    try {
      return await this.#reads.read(from, bytesMax)
    } catch (error) {
      if (error instanceof ThalwegError) throw error
      throw unreachable('the servers did not give what is to be read', error)
    }
  }

  /** Reads the messages that have no place yet up to a sequence, and places them. Only in a turn of `#placing`. */
  async #fetchTo(target: number): Promise<void> {
    await this.#told.within(this.#numbering.seq + 1, target, TOLD_MS)
    for await (const message of this.#messages(this.#numbering.seq + 1, target)) {
      const { seq, id, label } = message
      const own = this.#publisher.current
      if (own?.id === id && !own.placed) this.#placeOwn(own, seq)
      else this.#numbering.arrive(seq, label, { message, read: message })
    }
    if (this.#numbering.known.seq < target) this.#numbering.settle(target)
    this.#told.forget(this.#numbering.seq)
  }

  /**
   * Messages from one sequence to another, both included, in order; without those that are not there. Several are asked for at once, fewer
   * when they are large.
   */
  async *#messages(from: number, to: number): AsyncGenerator<Message> {
    let many = GETS_FIRST
    for (let next = Math.max(from, this.#firstSeq); next <= to; ) {
      const seqs = Array.from({ length: Math.min(many, to - next + 1) }, (_, i) => next + i)
      next += seqs.length
      let largest = 1
      const asked = seqs.map((seq) => this.#told.at(seq) ?? this.#remote.get(seq))
      for (const message of await Promise.all(asked)) {
        if (message === undefined) continue
        largest = Math.max(largest, message.size)
        yield message
      }
      many = Math.min(GETS_MAX, Math.max(1, Math.floor(GETS_BYTES_MAX / largest)))
    }
  }

  /** Places what this folder does not know, from the headers alone. */
  async #readLabels(state: StreamState): Promise<void> {
    const from = Math.max(this.#numbering.seq + 1, this.#firstSeq)
    const edited = await this.#remote.editedSeqs()
    let next = from
    const fillTo = async (end: number): Promise<void> => {
      for (; next < end; next++) {
        const message = edited.has(next) ? (await this.#remote.edited(next))?.message : undefined
        if (message !== undefined) this.#numbering.arrive(next, message.label, { message })
      }
    }
    for await (const message of this.#remote.labels(from)) {
      await fillTo(message.seq)
      this.#numbering.arrive(message.seq, message.label, { message })
      next = message.seq + 1
    }
    // The copy that was asked may lag behind.
    for await (const message of this.#messages(next, state.lastSeq))
      this.#numbering.arrive(message.seq, message.label, { message })
    this.#numbering.settle(Math.max(next - 1, state.lastSeq))
  }

  /** Goes on behind an offset that was given out although the stream does not hold it any more. */
  async #jump(): Promise<void> {
    const { offsetMin } = this.#settings
    for (let tries = 0; this.#head < offsetMin; tries++) {
      const { seq } = this.#numbering.known
      const label = { kind: 'jump', records: 0, receivedAtMax: 0, known: { seq, offset: offsetMin } } as const
      try {
        const at = await this.#remote.publishBehind(seq, `${this.#hub}-jump-${tries}`, label)
        this.#numbering.arrive(at, label, { message: { seq: at, label, size: 0 } })
      } catch (error) {
        if (tries === JUMP_TRIES_MAX) throw error
        // Another hub appended, or jumped, before us.
        await this.#fetchTo((await this.#remote.state()).lastSeq)
      }
    }
  }

  #numberingFrom(start: { seq: number; offset: number }): Numbering<Item> {
    return new Numbering<Item>(start, {
      placed: (item, base, end) => this.#placed(item, base, end),
      lost: (from, to, before) => this.#lost(from, to, before),
      contradicted: (seq) => {
        this.#isContradicted = true
        if (this.#isLive)
          this.#stop(`the message ${seq} knows the stream otherwise than we do: it lost its end`)
      },
    })
  }

  #lost(from: number, to: number, before: number): void {
    this.#head = to
    this.#forgetMemory()
    if (this.#index.isEmpty) this.#tail = to
    const wasTrimmed = before === this.#firstSeq && before > 1
    if (!wasTrimmed)
      this.#report({ from, to, where: `${this.#where(before)}: messages before it are missing` })
  }

  #placed({ message, own, read }: Item, base: number, end: number): void {
    const { seq, label, size } = message
    this.#index.take(seq, base, end, size, label?.receivedAtMax ?? 0)
    if (label === undefined)
      this.#report({ from: base, to: end, where: `${this.#where(seq)}: not a message of this log` })
    this.#knownSeq = Math.max(this.#knownSeq, label?.known.seq ?? 0)
    if (own !== undefined) this.#takeOwn(own, base)
    else if (read !== undefined) this.#takeRead(read, base, end)
    this.#head = end
    this.#index.sealIfFull()
    if (own !== undefined) this.#resolve(own, base)
    this.#waiters.advanced(end)
  }

  #takeOwn(own: Outgoing, base: number): void {
    this.#publisher.place(own)
    let at = base
    for (const { view, slab } of own.frames) {
      placeFrame(view, at)
      this.#index.add(view)
      this.#memory.push({ baseOffset: at, end: at + view.count, view, slab })
      at += view.count
      this.#appendedBytes += view.bytes.length
    }
    this.#appendedFrames += own.frames.length
    this.#trimMemory()
  }

  #resolve(own: Outgoing, base: number): void {
    let at = base
    for (const { view, resolve } of own.frames) {
      resolve(at)
      at += view.count
    }
  }

  /** Another hub's message. */
  #takeRead(message: Message, base: number, end: number): void {
    if (end === base) return
    const frames = framesOf(message, base)
    if (frames === undefined) {
      this.#report(this.#broken(message, base, end))
      this.#forgetMemory()
      return
    }
    for (const frame of frames) {
      this.#index.add(frame)
      this.#remember(frame)
      const identities = this.foreign === undefined ? undefined : this.#index.last()
      if (identities !== undefined) this.foreign?.(identities)
    }
    this.#trimMemory()
  }

  #remember(frame: FrameView): void {
    const { baseOffset, count, bytes } = frame
    try {
      const slab = this.#slabs.lease(bytes.length)
      this.#slabs.adopt(slab)
      bytes.copy(slab)
      const view = new FrameView(slab.subarray(0, bytes.length))
      this.#memory.push({ baseOffset, end: baseOffset + count, view, slab })
    } catch (error) {
      if (!(error instanceof ThalwegError)) throw error
      // Requests need all the buffers: readers fetch it.
      this.#forgetMemory()
    }
  }

  #trimMemory(): void {
    while (this.#memory.bytes > this.#settings.tailBytesMax) {
      const slab = this.#memory.evict()
      if (slab !== undefined) this.#slabs.retire(slab)
    }
  }

  /** The memory tail has no holes: behind one it begins anew. */
  #forgetMemory(): void {
    for (let slab = this.#memory.evict(); slab !== undefined; slab = this.#memory.evict())
      this.#slabs.retire(slab)
  }

  /** What lies before a sequence is gone. */
  async #moveTail(firstSeq: number): Promise<void> {
    this.#firstSeq = Math.max(this.#firstSeq, firstSeq)
    this.#tail = Math.max(this.#tail, await this.#index.trim(this.#firstSeq, this.#head))
  }

  /** Another hub's erasure reaches what readers are shown here. */
  async #takeEdit(message: Message): Promise<void> {
    const base = await this.#index.baseOf(message.seq)
    // Should it still be told, as it was before.
    if (base === undefined) this.#told.refuse(message.seq)
    else
      for (const frame of framesOf(message, base) ?? []) this.#memory.replace(frame.baseOffset, frame.bytes)
  }

  // Retention and rewriting

  #planned(rule: Retention): { readonly plan: RetentionPlan; readonly sealed: readonly Stretch[] } {
    const filled = this.#index.list.filter(({ isEmpty }) => !isEmpty)
    // The newest that holds anything stays: from its labels the next reader tells the offsets.
    const sealed = filled.slice(0, -1).filter(({ lastSeq }) => lastSeq <= this.#knownSeq)
    const otherBytes = sumBytes(filled) - sumBytes(sealed)
    return { plan: planRetention(sealed, otherBytes, this.#holds.all, rule), sealed }
  }

  async #retain(rule: Retention): Promise<Trimmed> {
    if (this.#closing !== undefined) throw closed()
    await this.#holds.refresh()
    const { plan, sealed } = this.#planned(rule)
    const freed = sealed.slice(0, plan.free)
    const last = freed.at(-1)
    if (last === undefined) return { segments: 0, records: 0, heldBy: plan.heldBy }
    await Promise.allSettled(this.#reading)
    await this.#overwriteBefore(freed)
    const tail = this.#tail
    await this.#remote.purge(last.lastSeq + 1)
    await this.#moveTail(last.lastSeq + 1)
    await this.#index.writeList()
    this.#remote.ring(0)
    return { segments: freed.length, records: this.#tail - tail, heldBy: plan.heldBy }
  }

  /** What shares a file of the servers' store with what stays would lie there until the file goes. */
  async #overwriteBefore(freed: readonly Stretch[]): Promise<void> {
    let left = STORE_FILE_BYTES
    for (const stretch of freed.toReversed()) {
      const places = await this.#index.placesOf(stretch)
      const each = stretch.bytes / Math.max(1, places.count)
      for (let i = places.count - 1; i >= 0 && left > 0; i -= GETS_MAX) {
        const seqs = Array.from({ length: Math.min(GETS_MAX, i + 1) }, (_, k) => places.at(i - k)?.seq ?? 0)
        await Promise.all(seqs.map((seq) => this.#remote.erase(seq)))
        left -= each * seqs.length
      }
      if (left <= 0) return
    }
  }

  async #rewrite(edit: FrameEdit, signal: AbortSignal): Promise<Rewritten> {
    if (this.#closing !== undefined) throw closed()
    if (this.#stopped !== undefined) throw this.#stopped
    await this.durable()
    await this.#catchUp()
    const total = { frames: 0, replaced: 0 }
    for await (const message of this.#messages(this.#firstSeq, this.#numbering.known.seq)) {
      signal.throwIfAborted()
      await this.#rewriteMessage(message, edit, total)
    }
    this.#remote.ring(0)
    return total
  }

  async #rewriteMessage(
    message: Message,
    edit: FrameEdit,
    total: { frames: number; replaced: number },
  ): Promise<void> {
    const { seq, label, bytes } = message
    if (bytes.length === 0) return
    const id = `${this.#hub}-edit-${seq}-${randomBytes(6).toString('base64url')}`
    const base = await this.#index.baseOf(seq)
    const frames = base === undefined ? undefined : framesOf(message, base)
    if (frames === undefined) {
      // It is nothing to any reader, and might hold anything.
      if (label === undefined) await this.#remote.erase(seq)
      else await this.#remote.replace(message, id, new Uint8Array())
      return
    }
    const edited = editFrames(frames, edit)
    total.frames += frames.length
    total.replaced += edited.frames.length
    if (edited.bytes === undefined) return
    await this.#remote.replace(message, id, edited.bytes)
    for (const frame of edited.frames) this.#memory.replace(frame.baseOffset, frame.bytes)
  }

  // The rest

  /** What retention waits for. */
  #noted<T>(reading: Promise<T>): Promise<T> {
    this.#reading.add(reading)
    const done = (): boolean => this.#reading.delete(reading)
    reading.then(done, done)
    return reading
  }

  #stop(why: string): ThalwegError {
    this.#stopped ??= new ThalwegError('LOG_STOPPED', `${why}; check the NATS servers and restart`)
    this.#publisher.stop(this.#stopped)
    this.#settings.onTrouble(this.#stopped)
    return this.#stopped
  }

  #broken({ seq }: Message, from: number, to: number): Gap {
    return { from, to, where: `${this.#where(seq)}: its bytes do not check out` }
  }

  #where(seq: number): string {
    return `stream of ${this.#settings.address.name}, message ${seq}`
  }

  #report(gap: Gap): void {
    const key = `${gap.from}-${gap.to}-${gap.where}`
    if (this.#gaps.has(key)) return
    if (this.#gaps.size < GAPS_KEPT_MAX) this.#gaps.set(key, gap)
    this.#settings.onCorrupt(gap)
  }

  #trouble(message: string, cause: unknown): void {
    this.#settings.onTrouble(unreachable(message, cause))
  }

  async #close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS_MAX)
    })
    await Promise.race([this.#lastAppend.catch(() => undefined), late])
    clearTimeout(timer)
    this.#publisher.stop(
      new ThalwegError('LOG_STOPPED', 'the log was closed before the NATS servers acknowledged it'),
    )
    this.#wakeFollower()
    await this.#following
    await this.#changing.ended()
    await this.#placing.ended()
    await this.#holds.tell()
    await this.#index.close()
    await this.#remote.close()
    this.#waiters.wakeAll()
    this.#lock.release()
  }
}

function unreachable(message: string, cause: unknown): ThalwegError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ThalwegError('LOG_UNREACHABLE', `${message}: ${why}`, { cause })
}

function sumBytes(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { bytes }) => sum + bytes, 0)
}
