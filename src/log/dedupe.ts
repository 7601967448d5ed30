/**
 * Which ids each source has sent within the window, exactly: 128-bit identities in memory, and past a bound in sorted runs on
 * disk. It is derived from the log and never ahead of it: a run is written only when the frames of its ids are durable, and
 * what no run holds yet is read again from the log's side indexes on start. So a crash can neither lose an id that was answered for,
 * nor keep one whose frame was lost.
 *
 * Memory: `memoryIdsMax` ids of 20 bytes at 75 % load in two tables (one in use, one on its way to disk), and for runs 10 bits per
 * id within the window. Disk: 20 bytes per id, twice that while runs are merged.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { syncDirectory } from '../files/durable.ts'
import type { FrameIdentities } from './identity-index.ts'
import { IdentityMix } from './identity-mix.ts'
import { IdentityTable } from './identity-table.ts'
import type { Dedupe, Log } from './log.ts'
import { RunStore } from './run-store.ts'

const FROZEN_MAX = 1
const TABLES = FROZEN_MAX + 1
const KEY_BYTES = 16
const KEY_WORDS = 4
/** Ids that are looked up together. What they touch of the tables and filters must fit the processor's near cache. */
const TOGETHER = 128
const HOUSEKEEPING_MS = 10 * 60_000
/** Ids are spilled after this long although the table is not full: that is how much of the log a restart reads, and retention keeps for it. */
const SPILL_AGE_MS = 60 * 60_000
const RETRY_MS = 5000
const READER = 'dedupe'

/** What dedupe needs of the log. */
export interface IdentitySource extends Pick<Log, 'head' | 'durable' | 'hold' | 'identities'> {
  foreign?: Log['foreign']
}

export interface DedupeOptions {
  /** Made if absent; belongs to the log's directory lock and is not locked itself. */
  readonly directory: string
  readonly clock: Clock
  readonly log: IdentitySource
  /** Default 8 days. */
  readonly windowMs?: number
  /** Ids in memory; half of it is also the most that one `mark` takes. Default 2,500,000, which takes 67 MB when all are used. */
  readonly memoryIdsMax?: number
  /** Told of runs that cannot be read, written or merged. */
  readonly onTrouble?: (error: ThalwegError) => void
}

/** Loads the runs and reads the newest ids again from the log. */
export async function openDedupe(options: DedupeOptions): Promise<Dedupe> {
  const settings = {
    windowMs: 8 * 24 * 3_600_000,
    memoryIdsMax: 2_500_000,
    onTrouble: () => undefined,
    ...options,
  }
  await mkdir(settings.directory, { recursive: true })
  const key = await keyOf(settings.directory)
  const tableIds = Math.max(1, Math.floor(settings.memoryIdsMax / TABLES))
  const { directory, onTrouble } = settings
  const runs = new RunStore({ directory, fingerprint: crc32(key), onTrouble })
  await runs.load()
  const dedupe = new LogDedupe(settings, new IdentityMix(key), runs, tableIds)
  await dedupe.start()
  return dedupe
}

/** The secret that identities are mixed with, made once per directory. */
async function keyOf(directory: string): Promise<Buffer> {
  const path = join(directory, 'key')
  try {
    const key = await readFile(path)
    if (key.length === KEY_BYTES) return key
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const key = randomBytes(KEY_BYTES)
  const file = await open(`${path}.tmp`, 'w', 0o600)
  try {
    await file.writeFile(key)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
  await syncDirectory(directory)
  return key
}

interface Frozen {
  readonly table: IdentityTable
  readonly sequence: number
  /** Every id of the log before this offset is in this table or in an older one or in a run. */
  readonly logEnd: number
}

class LogDedupe implements Dedupe {
  readonly windowMs: number
  readonly #settings: Required<DedupeOptions>
  readonly #mix: IdentityMix
  readonly #runs: RunStore
  readonly #tableIds: number
  readonly #spare: IdentityTable[] = []
  /** Of the items that are looked up together; behind them a word without meaning. */
  readonly #keys = new Uint32Array(TOGETHER * KEY_WORDS + 1)
  #active: IdentityTable
  /** Oldest first. */
  #frozen: Frozen[] = []
  #spilling: Promise<void> | undefined
  /** Frames of other hubs whose ids are not in a table yet, oldest first. */
  readonly #unmarked: FrameIdentities[] = []
  #marking: Promise<void> | undefined
  readonly #timers = new Set<() => void>()
  #closed = false
  #isStarted = false

  constructor(settings: Required<DedupeOptions>, mix: IdentityMix, runs: RunStore, tableIds: number) {
    this.#settings = settings
    this.windowMs = settings.windowMs
    this.#mix = mix
    this.#runs = runs
    this.#tableIds = tableIds
    this.#active = new IdentityTable(tableIds)
  }

  async start(): Promise<void> {
    const { log } = this.#settings
    log.hold(READER, this.#runs.logEnd)
    // From now on: what comes meanwhile is marked behind what is read.
    log.foreign = (frame) => this.#noteForeign(frame)
    for await (const frame of log.identities(this.#runs.logEnd)) await this.#replay(frame)
    this.#armHousekeeping()
    this.#beginMarking()
  }

  mark(
    source: number,
    items: Uint32Array,
    count: number,
    stride: number,
    at: number,
    nowMs: number,
    skip: Uint8Array,
    seen: Uint8Array,
  ): number {
    this.#makeRoom(count)
    this.#mix.choose(source)
    const now = toSeconds(nowMs)
    const since = toSeconds(nowMs - this.windowMs)
    let known = 0
    for (let from = 0; from < count; from += TOGETHER) {
      const to = Math.min(count, from + TOGETHER)
      this.#approach(items, from, to, stride, at, skip)
      for (let i = from, key = 0; i < to; i++) {
        seen[i] = 0
        if (skip[i] !== 0) continue
        const isKnown = this.#markKey(key, now, since)
        key += KEY_WORDS
        if (!isKnown) continue
        seen[i] = 1
        known++
      }
    }
    return known
  }

  unmark(
    source: number,
    items: Uint32Array,
    count: number,
    stride: number,
    at: number,
    skip: Uint8Array,
    seen: Uint8Array,
  ): void {
    this.#mix.choose(source)
    for (let i = 0, word = at; i < count; i++, word += stride) {
      if (skip[i] !== 0 || seen[i] !== 0) continue
      this.#mix.mix(items, word, this.#keys, 0)
      const position = this.#active.find(this.#keys)
      if (position >= 0) this.#active.remove(position)
    }
  }

  stats(): { ids: number; bytes: number; runs: number } {
    const tables = [this.#active, ...this.#frozen.map(({ table }) => table), ...this.#spare]
    return {
      ids: tables.reduce((sum, table) => sum + table.size, this.#runs.ids),
      bytes: tables.reduce((sum, table) => sum + table.bytes, this.#runs.bytes),
      runs: this.#runs.count,
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const cancel of this.#timers) cancel()
    this.#settings.log.foreign = undefined
    await this.#runs.close()
    await this.#spilling
    await this.#marking
  }

  /** Makes the keys of the items [from, to) that are not skipped, one behind the other, and brings near where each will be looked for. */
  #approach(
    items: Uint32Array,
    from: number,
    to: number,
    stride: number,
    at: number,
    skip: Uint8Array,
  ): void {
    const keys = this.#keys
    let count = 0
    for (let i = from; i < to; i++) {
      if (skip[i] !== 0) continue
      this.#mix.mix(items, i * stride + at, keys, count * KEY_WORDS)
      count++
    }
    let sum = this.#active.approach(keys, count) + this.#runs.approach(keys, count)
    for (const { table } of this.#frozen) sum += table.approach(keys, count)
    keys[TOGETHER * KEY_WORDS] = sum
  }

  /** Whether the key at `at` of the keys was known; marks it if not. */
  #markKey(at: number, now: number, since: number): boolean {
    const keys = this.#keys
    const active = this.#active
    const position = active.find(keys, at)
    if (position >= 0) {
      if (active.secondsAt(position) >= since) return true
      active.setSeconds(position, now)
      return false
    }
    if (this.#frozenHolds(at, since) || this.#runs.secondsOf(keys, at, since) !== 0) return true
    active.insert(-1 - position, keys, at, now)
    return false
  }

  #frozenHolds(at: number, since: number): boolean {
    for (const { table } of this.#frozen) {
      const position = table.find(this.#keys, at)
      if (position >= 0 && table.secondsAt(position) >= since) return true
    }
    return false
  }

  /** Before anything is marked, so that the marks of one call are all in the active table, where `unmark` finds them. */
  #makeRoom(count: number): void {
    if (this.#active.size + count <= this.#active.capacity) return
    if (count > this.#active.capacity) {
      throw new ThalwegError(
        'INPUT_INVALID',
        `${count} ids in one request; the dedupe table takes ${this.#active.capacity}`,
      )
    }
    if (this.#frozen.length >= FROZEN_MAX) {
      throw new ThalwegError(
        'LOG_FULL',
        'ids come in faster than they can be written to disk; try again later',
      )
    }
    this.#freeze(this.#markedEnd())
  }

  #freeze(logEnd: number): void {
    this.#frozen.push({ table: this.#active, sequence: this.#runs.nextSequence++, logEnd })
    this.#active = this.#spare.pop() ?? new IdentityTable(this.#tableIds)
    this.#beginSpill()
  }

  /** Brings the frozen tables to disk, oldest first. After an error the rest waits for the next attempt. */
  async #spillAll(): Promise<void> {
    const { log, onTrouble } = this.#settings
    for (let frozen = this.#frozen[0]; frozen !== undefined; frozen = this.#frozen[0]) {
      const { table, sequence, logEnd } = frozen
      try {
        // A run must not outlive frames that a crash takes: they will be sent again.
        await log.durable()
        await this.#runs.spill({ table: table.words, sequence, logEnd, sinceSeconds: this.#sinceSeconds() })
      } catch (cause) {
        if (this.#closed || (cause instanceof ThalwegError && cause.code === 'LOG_STOPPED')) return
        onTrouble(new ThalwegError('LOG_FULL', 'ids could not be written to disk; trying again', { cause }))
        this.#later(RETRY_MS, () => this.#beginSpill())
        return
      }
      this.#frozen.shift()
      table.clear()
      this.#spare.push(table)
      log.hold(READER, logEnd)
    }
  }

  #beginSpill(): void {
    this.#spilling ??= this.#spillAll().finally(() => {
      this.#spilling = undefined
    })
  }

  /**
   * Every id before this offset is marked. Our own were appended in the turn of their marking, so what is durable by now was marked before; of
   * other hubs' some may wait.
   */
  #markedEnd(): number {
    return this.#unmarked[0]?.baseOffset ?? this.#settings.log.head
  }

  /** What another hub took, so that it is not taken here again. */
  #noteForeign(frame: FrameIdentities): void {
    this.#unmarked.push(frame)
    if (this.#isStarted) this.#beginMarking()
  }

  #beginMarking(): void {
    this.#isStarted = true
    this.#marking ??= this.#markForeign().finally(() => {
      this.#marking = undefined
    })
  }

  async #markForeign(): Promise<void> {
    for (let frame = this.#unmarked[0]; frame !== undefined && !this.#closed; frame = this.#unmarked[0]) {
      await this.#replay(frame)
      this.#unmarked.shift()
    }
  }

  /** Marks the ids of a frame of the log, as of its arrival. */
  async #replay(frame: FrameIdentities): Promise<void> {
    const { clock } = this.#settings
    if (frame.receivedAt < clock.now() - this.windowMs) return
    const seconds = toSeconds(frame.receivedAt)
    this.#mix.choose(frame.source)
    for (let i = 0; i < frame.count; i++) {
      if (hasNoId(frame.ids, i * 4)) continue
      if (this.#active.size >= this.#active.capacity) {
        await this.#freezeInReplay(frame)
        if (this.#closed) return
        // Others may have marked meanwhile.
        this.#mix.choose(frame.source)
      }
      this.#mix.mix(frame.ids, i * 4, this.#keys, 0)
      const position = this.#active.find(this.#keys)
      if (position < 0) this.#active.insert(-1 - position, this.#keys, 0, seconds)
    }
  }

  async #freezeInReplay(frame: FrameIdentities): Promise<void> {
    while (this.#frozen.length >= FROZEN_MAX && !this.#closed) {
      if (this.#spilling === undefined) await this.#settings.clock.sleep(RETRY_MS)
      else await this.#spilling
    }
    if (this.#closed) return
    this.#freeze(frame.baseOffset)
  }

  #armHousekeeping(): void {
    this.#later(HOUSEKEEPING_MS, () => {
      this.#keepHouse()
      this.#armHousekeeping()
    })
  }

  #later(ms: number, task: () => void): void {
    const cancel = this.#settings.clock.after(ms, () => {
      this.#timers.delete(cancel)
      if (!this.#closed) task()
    })
    this.#timers.add(cancel)
  }

  #keepHouse(): void {
    const { clock, onTrouble } = this.#settings
    const spillable = this.#active.oldestSeconds <= toSeconds(clock.now() - SPILL_AGE_MS)
    if (this.#active.size > 0 && this.#frozen.length === 0 && spillable) this.#freeze(this.#markedEnd())
    this.#runs.dropOld(this.#sinceSeconds()).catch((cause: unknown) => {
      onTrouble(new ThalwegError('LOG_CORRUPT', 'an old dedupe run could not be removed', { cause }))
    })
  }

  #sinceSeconds(): number {
    return toSeconds(this.#settings.clock.now() - this.windowMs)
  }
}

/** Seconds as entries keep them: 32 bits, never 0, which marks an empty slot. */
function toSeconds(ms: number): number {
  return Math.max(1, Math.floor(ms / 1000))
}

function hasNoId(ids: Uint32Array, at: number): boolean {
  return (
    ((ids[at] as number) | (ids[at + 1] as number) | (ids[at + 2] as number) | (ids[at + 3] as number)) === 0
  )
}
