/**
 * The log in our own segment files, on one machine. Frames get their place when they are appended, are written in groups with
 * one sync each, and stay in memory for a while for the readers that keep up; the others read the files. No blocking file
 * call happens after opening. A failed write stops the log for good: it is opened anew, and checked, by a restart.
 *
 * State      append          left by
 * open       taken           no room and no segment ready → full; write failed → stopped
 * full       LOG_FULL        a segment got ready (tried again by itself, and after retention) → open; write failed → stopped
 * stopped    LOG_STOPPED     restart. Readers go on to what is durable
 * closed     LOG_STOPPED     –
 */

import { close, fdatasync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { endianness } from 'node:os'
import { promisify } from 'node:util'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { Turns } from '../core/turns.ts'
import {
  Appender,
  type DurableWrite,
  durableWrite,
  type PlacedFrame,
  WRITE_FLAGS,
  type WritableSegment,
} from './appender.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { DiskReads } from './disk-reads.ts'
import { openRaw, unlinkIfThere } from './files.ts'
import { FrameView, mustBeSealed, stampFrame } from './frame.ts'
import { FrameWalk } from './frame-walk.ts'
import { type FrameIdentities, SegmentIdentities } from './identity-index.ts'
import { IdentityStore } from './identity-store.ts'
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
} from './log.ts'
import { Lookups, partAt } from './lookups.ts'
import { MemoryTail } from './memory-tail.ts'
import { gapAt, type Recovered, recover } from './recovery.ts'
import { closed, trimmed } from './refusals.ts'
import { planRetention, type RetentionPlan } from './retention.ts'
import {
  dropJournal,
  holdsOnlyZeros,
  overwrite,
  type Replacement,
  writeJournal,
  zeroStretch,
} from './rewriting.ts'
import {
  NO_PREVIOUS,
  SEGMENT_BYTES_MAX,
  SEGMENT_BYTES_MIN,
  SEGMENT_HEADER_BYTES,
  Segment,
  segmentPath,
} from './segment.ts'
import { type FreeBytes, freeBytes, type ReadySegment, SegmentSupply } from './segment-supply.ts'
import { SlabPool } from './slabs.ts'
import { Waiters } from './waiters.ts'

const MB = 1024 * 1024
/** Gaps that stats() lists; later ones are still told to `onCorrupt`. */
const GAPS_KEPT_MAX = 1000
const PAGE_BYTES = 4096
/** Read for rewriting at once, and at most about as much is written to the journal. */
const REWRITE_CHUNK_BYTES = MB / 2

export interface EmbeddedLogOptions {
  /** Made if absent. One process at a time. */
  readonly directory: string
  readonly clock: Clock
  /** Size of new segments: a multiple of 4,096 from 64 KB to 2 GB. At least twice that is taken on the disk at once. Default 128 MB. */
  readonly segmentBytes?: number
  /** Bound of all frame buffers: leased, waiting, in the memory tail, pooled. Default 64 MB. */
  readonly slabBytesMax?: number
  /** Durable frames kept in memory for readers. Default 32 MB. */
  readonly tailBytesMax?: number
  /** Frames appended but not yet durable. Default 32 MB. */
  readonly waitingBytesMax?: number
  /**
   * An offset that is known to have been given out, such as the furthest checkpoint of a reader. Should the directory have lost its end,
   * new records are numbered from here on, so that no reader takes them for old ones; the loss is reported as a gap. Default 0.
   */
  readonly offsetMin?: number
  /** Told once of every stretch of records that cannot be read. */
  readonly onCorrupt?: (gap: Gap) => void
  /** Told what went wrong besides calls: the write that stopped the log, a segment that cannot be prepared, a side index not written. */
  readonly onTrouble?: (error: ThalwegError) => void
  /** For fault tests: the disk as the log meets it. */
  readonly durableWrite?: DurableWrite
  readonly freeBytes?: FreeBytes
}

/**
 * Opens the log of a directory: locks it, checks what is there, reports gaps to `onCorrupt`. With a full disk it opens all the same, in
 * state `full` at the first append. Throws LOG_LOCKED, LOG_CORRUPT when files of two logs are mixed, SETTINGS_INVALID, or the
 * disk's own error.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<Log> {
  const settings = withDefaults(options)
  await mkdir(settings.directory, { recursive: true })
  const lock = lockDirectory(settings.directory)
  try {
    const recovered = await recover(settings.directory, settings.segmentBytes)
    const log = new SegmentLog(
      settings,
      lock,
      recovered,
      await openLast(recovered),
      await openPrepared(recovered, settings),
    )
    await log.start(recovered.gaps)
    return log
  } catch (error) {
    lock.release()
    throw error
  }
}

type Settings = Required<EmbeddedLogOptions>

function withDefaults(options: EmbeddedLogOptions): Settings {
  const settings: Settings = {
    segmentBytes: 128 * MB,
    slabBytesMax: 64 * MB,
    tailBytesMax: 32 * MB,
    waitingBytesMax: 32 * MB,
    offsetMin: 0,
    onCorrupt: () => undefined,
    onTrouble: () => undefined,
    durableWrite,
    freeBytes,
    ...options,
  }
  const { segmentBytes } = settings
  if (
    segmentBytes < SEGMENT_BYTES_MIN ||
    segmentBytes > SEGMENT_BYTES_MAX ||
    segmentBytes % PAGE_BYTES !== 0
  ) {
    const bounds = `a multiple of ${PAGE_BYTES} from ${SEGMENT_BYTES_MIN} to ${SEGMENT_BYTES_MAX}`
    throw new ThalwegError('SETTINGS_INVALID', `segments of ${segmentBytes} bytes: choose ${bounds}`)
  }
  if (endianness() !== 'LE') {
    throw new ThalwegError(
      'SETTINGS_INVALID',
      'the embedded log needs a little-endian machine; use a replicated log on this one',
    )
  }
  return settings
}

async function openLast(recovered: Recovered): Promise<WritableSegment | undefined> {
  const segment = recovered.segments.at(-1)
  if (segment === undefined) return undefined
  const fd = await openRaw(segment.path, WRITE_FLAGS)
  // After a kill the frames found may be only in the page cache, and they are about to be called durable.
  await promisify(fdatasync)(fd)
  return { segment, fd, header: undefined, isNew: false }
}

async function openPrepared(recovered: Recovered, settings: Settings): Promise<ReadySegment | undefined> {
  if (recovered.prepared === undefined) return undefined
  const { epoch, path } = recovered.prepared
  const fd = await openRaw(path, WRITE_FLAGS)
  return { epoch, path, bytes: settings.segmentBytes, fd, isNew: false }
}

class SegmentLog implements Log {
  readonly frameBytesMax: number
  screen: ((frame: FrameView) => void) | undefined
  /** Nobody else appends here. */
  foreign: ((frame: FrameIdentities) => void) | undefined
  readonly #settings: Settings
  readonly #lock: DirectoryLock
  readonly #segments: Segment[]
  readonly #slabs: SlabPool
  readonly #memory = new MemoryTail()
  readonly #appender: Appender
  readonly #supply: SegmentSupply
  readonly #reads = new DiskReads((gap) => this.#report(gap))
  readonly #holds = new Map<string, number>()
  readonly #waiters = new Waiters()
  readonly #gaps = new Map<string, Gap>()
  readonly #sealed: IdentityStore
  readonly #lookups: Lookups<Segment>

  /** Where the next frame goes: always at or ahead of what is durable. */
  #target: WritableSegment | undefined
  #position: number
  #nextOffset: number
  #placedReceivedAtMax: number

  #durableTarget: WritableSegment | undefined
  #identities: SegmentIdentities
  #head: number

  #lastAppend: Promise<unknown> = Promise.resolve()
  readonly #retaining = new Turns()
  readonly #rewriting = new Turns()
  #full = false
  #stopped: ThalwegError | undefined
  #closing: Promise<void> | undefined
  #appendedFrames = 0
  #appendedBytes = 0

  constructor(
    settings: Settings,
    lock: DirectoryLock,
    recovered: Recovered,
    last: WritableSegment | undefined,
    ready: ReadySegment | undefined,
  ) {
    this.#settings = settings
    this.#lock = lock
    this.#segments = recovered.segments
    this.#identities = recovered.identities
    this.#target = last
    this.#durableTarget = last
    this.#position = last?.segment.dataEnd ?? SEGMENT_HEADER_BYTES
    this.#placedReceivedAtMax = last?.segment.receivedAtMax ?? Number.NEGATIVE_INFINITY
    this.#head = Math.max(last?.segment.end ?? 0, settings.offsetMin)
    this.#nextOffset = this.#head
    this.#sealed = new IdentityStore(settings.directory, (gap) => this.#report(gap), settings.onTrouble)
    this.#lookups = new Lookups({
      log: this,
      parts: this.#segments,
      isComplete: (segment) => segment !== this.#durableTarget?.segment,
      identitiesOf: (segment) => this.#identitiesOf(segment),
    })
    this.frameBytesMax = settings.segmentBytes - SEGMENT_HEADER_BYTES
    this.#slabs = new SlabPool(settings.slabBytesMax, () => this.#memory.evict())
    this.#appender = new Appender(
      settings.durableWrite,
      (group) => this.#commit(group),
      (error) => this.#stop(error),
    )
    this.#supply = new SegmentSupply({
      directory: settings.directory,
      segmentBytes: settings.segmentBytes,
      clock: settings.clock,
      nextEpoch: recovered.nextEpoch,
      spares: recovered.spares,
      ready,
      freeBytes: settings.freeBytes,
      onReady: () => {
        this.#full = false
      },
      onTrouble: (error) =>
        this.#trouble('LOG_FULL', 'the next segment cannot be prepared; trying again', error),
    })
  }

  /** Once, before anybody else has the log. */
  async start(gaps: readonly Gap[]): Promise<void> {
    for (const gap of gaps) this.#report(gap)
    const last = this.#target?.segment
    const lostFrom = last?.end ?? 0
    if (lostFrom < this.#head) {
      this.#report({
        from: lostFrom,
        to: this.#head,
        where: `${this.#settings.directory}: the end of the log is missing`,
      })
      if (last !== undefined) last.end = this.#head
    }
    this.#supply.prepare()
    // The very first segment is waited for: a new log can take frames when it is open.
    if (last === undefined) await this.#supply.settled()
  }

  get head(): number {
    return this.#head
  }

  get tail(): number {
    return this.#segments[0]?.base ?? this.#head
  }

  get state(): LogState {
    if (this.#closing !== undefined) return 'closed'
    if (this.#stopped !== undefined) return 'stopped'
    return this.#full ? 'full' : 'open'
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
    if (this.#target === undefined || this.#position + frameBytes > this.#target.segment.bytes) this.#roll()
    const target = this.#target
    if (target === undefined) throw new TypeError('no segment after rolling')
    this.#slabs.adopt(buffer)
    const baseOffset = this.#nextOffset
    const position = this.#position
    const frame = buffer.subarray(0, frameBytes)
    const view = new FrameView(frame, types)
    this.screen?.(view)
    stampFrame(frame, target.segment.epoch, baseOffset)
    const { count, receivedAt } = view
    this.#nextOffset += count
    this.#position += frameBytes
    if (receivedAt > this.#placedReceivedAtMax) this.#placedReceivedAtMax = receivedAt
    const appended = new Promise<number>((resolve, reject) => {
      this.#appender.submit({ target, position, view, slab: buffer, baseOffset, count, resolve, reject })
    })
    this.#lastAppend = appended
    return appended
  }

  async durable(): Promise<void> {
    if (this.#stopped !== undefined) throw this.#stopped
    if (this.#appender.waitingBytes > 0) await this.#lastAppend
  }

  read(from: number, bytesMax: number): LogRun | Promise<LogRun> {
    if (this.#closing !== undefined) throw closed()
    if (from === this.#head) return { frames: [], next: from, gaps: [] }
    if (from > this.#head) {
      const message = `a reader is at offset ${from}, the log ends at ${this.#head}: the data directory lost its end or is an older copy`
      throw new ThalwegError('LOG_CORRUPT', message)
    }
    if (from < this.tail) throw trimmed(from, this.tail)
    return this.#memory.holds(from) ? this.#memory.run(from, bytesMax) : this.#readDisk(from, bytesMax)
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
    return this.#rewriting.take(() => this.#rewrite(edit, signal))
  }

  /** Nobody else rewrites it. */
  async reread(): Promise<void> {}

  copying<T>(work: (copied: CopiedLog) => Promise<T>): Promise<T> {
    return this.#rewriting.take(async () => {
      if (this.#closing !== undefined) throw closed()
      const segments = this.#segments.filter(({ base, end }) => end > base)
      const { head, tail } = this
      for (const segment of segments) segment.pin()
      try {
        // As they are now: the last one goes on growing.
        return await work({ head, tail, segments: segments.map(placeOf) })
      } finally {
        for (const segment of segments) segment.unpin()
      }
    })
  }

  hold(reader: string, from: number): void {
    if (from === Number.POSITIVE_INFINITY) this.#holds.delete(reader)
    else this.#holds.set(reader, from)
  }

  readers(): { reader: string; from: number }[] {
    return [...this.#holds].map(([reader, from]) => ({ reader, from }))
  }

  prospect(rule: Retention): Prospect {
    const { free, heldBy } = this.#planned(rule)
    const freed = this.#segments.slice(0, free)
    const records = (freed.at(-1)?.end ?? this.tail) - this.tail
    return { segments: free, records, bytes: sumBytes(freed), heldBy }
  }

  retain(rule: Retention): Promise<Trimmed> {
    return this.#retaining.take(() => this.#retain(rule))
  }

  stats(): LogStats {
    return {
      bytes: sumBytes(this.#segments),
      segments: this.#segments.length,
      appendedFrames: this.#appendedFrames,
      appendedBytes: this.#appendedBytes,
      syncs: this.#appender.syncs,
      waitingBytes: this.#appender.waitingBytes,
      corrupt: [...this.#gaps.values()],
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #mustFit(frameBytes: number): void {
    if (frameBytes <= this.frameBytesMax) return
    const message = `a frame of ${frameBytes} bytes is larger than a segment has room for (${this.frameBytesMax})`
    throw new ThalwegError('INPUT_INVALID', message)
  }

  #mustTake(buffer: Buffer, frameBytes: number): void {
    if (this.#closing !== undefined) throw closed()
    if (this.#stopped !== undefined) throw this.#stopped
    if (!this.#slabs.isLeased(buffer))
      throw new TypeError('append of a buffer that is not leased from this log')
    mustBeSealed(buffer, frameBytes)
    this.#mustFit(frameBytes)
    const waiting = this.#appender.waitingBytes
    if (waiting > 0 && waiting + frameBytes > this.#settings.waitingBytesMax) {
      throw new ThalwegError('LOG_FULL', `${waiting} bytes wait for the disk already; try again later`)
    }
  }

  /** Goes on in the next segment. Throws LOG_FULL, with nothing changed, when none is ready. */
  #roll(): void {
    const ready = this.#supply.take()
    if (ready === undefined) {
      this.#full = true
      throw new ThalwegError('LOG_FULL', 'no segment is ready: the disk is full or slow; try again later')
    }
    const left = this.#target?.segment
    const previous =
      left === undefined
        ? NO_PREVIOUS
        : {
            epoch: left.epoch,
            end: this.#nextOffset,
            dataEnd: this.#position,
            receivedAtMax: this.#placedReceivedAtMax,
          }
    const { epoch, path, bytes, fd, isNew } = ready
    const segment = new Segment({ epoch, path, bytes, base: this.#nextOffset })
    const createdAt = this.#settings.clock.now()
    this.#target = { segment, fd, header: { epoch, base: segment.base, createdAt, previous }, isNew }
    this.#position = SEGMENT_HEADER_BYTES
    this.#placedReceivedAtMax = Number.NEGATIVE_INFINITY
    this.#segments.push(segment)
  }

  /** A group of one segment is durable. */
  #commit(group: readonly PlacedFrame[]): void {
    const target = group[0]?.target
    if (target === undefined) return
    if (target !== this.#durableTarget) this.#seal(target)
    for (const { view, slab, baseOffset, count, position } of group) {
      const frameBytes = view.bytes.length
      target.segment.grow(baseOffset, count, position, frameBytes, view.receivedAt)
      this.#identities.add(view, position)
      this.#memory.push({ baseOffset, end: baseOffset + count, view, slab })
      this.#head = baseOffset + count
      this.#appendedBytes += frameBytes
    }
    this.#appendedFrames += group.length
    while (this.#memory.bytes > this.#settings.tailBytesMax) {
      const slab = this.#memory.evict()
      if (slab !== undefined) this.#slabs.retire(slab)
    }
    this.#waiters.advanced(this.#head)
  }

  /** The first frame of `next` is durable, so all of the segment before it is. */
  #seal(next: WritableSegment): void {
    const sealed = this.#durableTarget
    const identities = this.#identities
    this.#durableTarget = next
    this.#identities = new SegmentIdentities()
    if (sealed === undefined) return
    const { segment, fd } = sealed
    close(fd, (error) => {
      if (error !== null) this.#trouble('LOG_CORRUPT', `closing ${segment.path} failed`, error)
    })
    this.#sealed.seal(segment, identities)
  }

  #stop(cause: Error): Error {
    this.#stopped = new ThalwegError(
      'LOG_STOPPED',
      `writing to ${this.#settings.directory} failed; mend the disk and restart`,
      {
        cause,
      },
    )
    this.#settings.onTrouble(this.#stopped)
    return this.#stopped
  }

  async #readDisk(from: number, bytesMax: number): Promise<LogRun> {
    const i = partAt(this.#segments, from)
    const segment = this.#segments[i]
    if (segment === undefined) throw new ThalwegError('LOG_TRIMMED', `offset ${from} is no longer kept`)
    if (from >= segment.end) return this.#hole(segment, this.#segments[i + 1], from)
    segment.pin()
    try {
      segment.index ??= (await this.#identitiesOf(segment)).sparse()
      return await segment.reading(() => this.#reads.read(segment, from, bytesMax))
    } finally {
      segment.unpin()
    }
  }

  /** Records between two segments that no file holds. Reported when the log was opened. */
  #hole(before: Segment, behind: Segment | undefined, from: number): LogRun {
    const next = behind?.base ?? this.#head
    return { frames: [], next, gaps: [gapAt(before, { from, to: next, position: before.dataEnd })] }
  }

  async #identitiesOf(segment: Segment): Promise<SegmentIdentities> {
    if (segment === this.#durableTarget?.segment) return this.#identities
    // Placed, but none of its frames is durable yet.
    if (segment.base >= this.#head) return new SegmentIdentities(0, 0)
    return await this.#sealed.of(segment)
  }

  #planned(rule: Retention): RetentionPlan {
    // Not only the last segment is being written: the one before it may still have frames on their way.
    const sealed = this.#segments.filter(({ epoch }) => epoch < (this.#durableTarget?.segment.epoch ?? 0))
    const otherBytes = sumBytes(this.#segments) - sumBytes(sealed)
    return planRetention(sealed, otherBytes, this.#holds, rule)
  }

  async #retain(rule: Retention): Promise<Trimmed> {
    const { free, heldBy } = this.#planned(rule)
    const tail = this.tail
    const freed = this.#segments.splice(0, free)
    for (const segment of freed) await this.#dispose(segment)
    return { segments: freed.length, records: this.tail - tail, heldBy }
  }

  async #rewrite(edit: FrameEdit, signal: AbortSignal): Promise<Rewritten> {
    if (this.#closing !== undefined) throw closed()
    if (this.#stopped !== undefined) throw this.#stopped
    await this.#supply.renew()
    await this.#leaveRecycled()
    await this.durable()
    const total = { frames: 0, replaced: 0 }
    for (const segment of [...this.#segments]) {
      // Of the one that is taken next nothing is written yet; one that retention took is gone.
      if (segment.end === segment.base || !this.#segments.includes(segment)) continue
      segment.pin()
      try {
        const { frames, replaced } = await this.#rewriteSegment(segment, edit, signal)
        total.frames += frames
        total.replaced += replaced
        if (segment !== this.#target?.segment) await zeroStretch(segment.path, segment.dataEnd, segment.bytes)
      } finally {
        segment.unpin()
      }
    }
    return total
  }

  /** Behind the frames of a recycled segment lie bytes of its earlier life: goes on in another one, so that they can be wiped. */
  async #leaveRecycled(): Promise<void> {
    const target = this.#target
    if (target === undefined || target.isNew || this.#position === SEGMENT_HEADER_BYTES) return
    const { path, bytes } = target.segment
    // Frames placed meanwhile are no zeros either: then it is left although it need not be.
    if (await holdsOnlyZeros(path, roundedUp(this.#position), bytes)) return
    await this.#supply.settled()
    if (this.#target === target && this.#position > SEGMENT_HEADER_BYTES) this.#roll()
  }

  async #rewriteSegment(segment: Segment, edit: FrameEdit, signal: AbortSignal): Promise<Rewritten> {
    const file = await open(segment.path, 'r')
    try {
      const limit = segment.dataEnd
      const place = { epoch: segment.epoch, position: SEGMENT_HEADER_BYTES, offset: segment.base, limit }
      const walk = new FrameWalk(file, place, Buffer.allocUnsafeSlow(REWRITE_CHUNK_BYTES))
      let behind = SEGMENT_HEADER_BYTES
      let frames = 0
      let replaced = 0
      let gathered: Replacement[] = []
      for (let step = walk.step(); step !== 'end'; step = walk.step()) {
        if (step === 'fill') {
          replaced += await this.#replace(segment, gathered)
          gathered = []
          signal.throwIfAborted()
          await walk.fill()
          continue
        }
        const { frame, framePosition: position } = walk
        if (frame === undefined) continue
        frames++
        // What did not check out before it is nothing to any reader, and might hold anything.
        if (position > behind) await zeroStretch(segment.path, behind, position)
        behind = position + frame.bytes.length
        const edited = edit(new FrameView(Buffer.from(frame.bytes)))
        if (edited === undefined) continue
        gathered.push({ epoch: segment.epoch, position, frame: restamped(frame, edited) })
      }
      replaced += await this.#replace(segment, gathered)
      if (behind < limit) await zeroStretch(segment.path, behind, limit)
      return { frames, replaced }
    } finally {
      await file.close()
    }
  }

  async #replace(segment: Segment, replacements: readonly Replacement[]): Promise<number> {
    if (replacements.length === 0) return 0
    const { directory } = this.#settings
    await writeJournal(directory, replacements)
    try {
      await segment.replacing(() => overwrite(segment.path, replacements))
    } catch (error) {
      // What of it is on the disk is not known. The journal is: the next start goes on with it.
      throw this.#stop(error instanceof Error ? error : new Error(String(error)))
    }
    for (const { frame } of replacements) this.#memory.replace(new FrameView(frame).baseOffset, frame)
    await dropJournal(directory)
    return replacements.length
  }

  async #dispose(segment: Segment): Promise<void> {
    try {
      await segment.unpinned()
      await this.#sealed.settled(segment)
      await unlinkIfThere(segmentPath(this.#settings.directory, segment.epoch, 'ids'))
      await this.#supply.recycle(segment.epoch, segment.bytes)
    } catch (error) {
      // The entries are gone for readers; the file comes back at the next start and is freed again then.
      this.#trouble('LOG_CORRUPT', `${segment.path} could not be freed`, error)
    }
  }

  #report(gap: Gap): void {
    const key = `${gap.from}-${gap.to}`
    if (this.#gaps.has(key)) return
    if (this.#gaps.size < GAPS_KEPT_MAX) this.#gaps.set(key, gap)
    this.#settings.onCorrupt(gap)
  }

  #trouble(code: 'LOG_FULL' | 'LOG_CORRUPT', message: string, cause: unknown): void {
    this.#settings.onTrouble(new ThalwegError(code, message, { cause }))
  }

  async #close(): Promise<void> {
    // What could not be made durable was rejected, and told to its callers.
    await this.#lastAppend.catch(() => undefined)
    await this.#retaining.ended()
    await this.#rewriting.ended()
    await this.#sealed.close()
    await this.#supply.close()
    if (this.#target !== undefined && this.#target !== this.#durableTarget) await closeFd(this.#target.fd)
    if (this.#durableTarget !== undefined) await closeFd(this.#durableTarget.fd)
    this.#waiters.wakeAll()
    this.#lock.release()
  }
}

const closeFd = promisify(close)

/** The edited frame, made valid again in the place of the old one. Throws DEFECT when it is not a frame of the same form. */
function restamped(frame: FrameView, edited: Buffer): Buffer {
  const sameHead = edited.length === frame.bytes.length && edited.compare(frame.bytes, 12, 64, 12, 64) === 0
  if (!sameHead) throw new ThalwegError('DEFECT', 'a frame of the log was edited into one of another form')
  stampFrame(edited, frame.epoch, frame.baseOffset)
  return edited
}

function roundedUp(position: number): number {
  return Math.ceil(position / PAGE_BYTES) * PAGE_BYTES
}

function sumBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.bytes, 0)
}

function placeOf({ path, epoch, base, end, dataEnd, bytes }: Segment): CopiedLog['segments'][number] {
  return { path, epoch, base, end, dataEnd, bytes }
}
