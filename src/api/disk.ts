/** What takes the room on the disk, and for how long there will be some at the rate of the last hours. */

import type { Dirent } from 'node:fs'
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'

export interface DiskPart {
  /** Of the data folder: a folder or a file, or `store` for the database with its companions. */
  readonly name: string
  readonly bytes: number
  readonly files: number
}

export interface DiskTrend {
  /** How fast free room goes, by whoever takes it; below 0: it grows. */
  readonly bytesPerHour: number
  /** Over which time that was measured, in milliseconds. */
  readonly overMs: number
  /** When the disk is full if that goes on; null: it does not fill. */
  readonly fullAt: number | null
}

const SAMPLE_MS = 60_000
/** Less tells nothing: segments are taken from the file system as a whole. */
const TREND_MS_MIN = 600_000
const SAMPLES_MAX = 360
const PARTS_FRESH_MS = 30_000
const STORE_FILES = /^store\.db(-wal|-shm)?$/

interface Sample {
  readonly at: number
  readonly freeBytes: number
}

export class DiskWatch {
  readonly #folder: string
  readonly #clock: Clock
  /** Oldest first. */
  readonly #samples: Sample[] = []
  #parts: Promise<readonly DiskPart[]> | undefined
  #partsAt = Number.NEGATIVE_INFINITY
  #cancel: () => void = () => undefined

  constructor(folder: string, clock: Clock) {
    this.#folder = folder
    this.#clock = clock
  }

  start(): void {
    this.#take()
  }

  stop(): void {
    this.#cancel()
  }

  async room(): Promise<{ freeBytes: number; totalBytes: number }> {
    const { bavail, blocks, bsize } = await statfs(this.#folder)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  }

  /** What the data folder holds, largest first; of at most half a minute ago. */
  parts(): Promise<readonly DiskPart[]> {
    // Real time: it bounds work, and a stopped virtual clock must not freeze it.
    if (this.#parts === undefined || performance.now() - this.#partsAt > PARTS_FRESH_MS) {
      this.#partsAt = performance.now()
      this.#parts = partsOf(this.#folder)
    }
    return this.#parts
  }

  /** undefined: it was not watched for long enough. */
  trend(freeBytes: number): DiskTrend | undefined {
    const now = this.#clock.now()
    const [first] = this.#samples
    return first === undefined ? undefined : trendOf(first, { at: now, freeBytes })
  }

  #take(): void {
    this.room()
      .then(({ freeBytes }) => {
        this.#samples.push({ at: this.#clock.now(), freeBytes })
        if (this.#samples.length > SAMPLES_MAX) this.#samples.shift()
      })
      // A folder that is gone is told by everything else.
      .catch(() => undefined)
    this.#cancel = this.#clock.after(SAMPLE_MS, () => this.#take())
  }
}

export function trendOf(first: Sample, last: Sample): DiskTrend | undefined {
  const overMs = last.at - first.at
  if (overMs < TREND_MS_MIN) return undefined
  const perMs = (first.freeBytes - last.freeBytes) / overMs
  return {
    bytesPerHour: Math.round(perMs * 3_600_000),
    overMs,
    fullAt: perMs > 0 ? Math.round(last.at + last.freeBytes / perMs) : null,
  }
}

async function partsOf(folder: string): Promise<DiskPart[]> {
  const parts = new Map<string, { bytes: number; files: number }>()
  for (const entry of await entriesOf(folder)) {
    const name = STORE_FILES.test(entry.name) ? 'store' : entry.name
    const { bytes, files } = await sizeOf(join(folder, entry.name), entry)
    const before = parts.get(name) ?? { bytes: 0, files: 0 }
    parts.set(name, { bytes: before.bytes + bytes, files: before.files + files })
  }
  return [...parts].map(([name, size]) => ({ name, ...size })).sort((a, b) => b.bytes - a.bytes)
}

/** What it takes of the disk, which for a file with holes is less than its length. */
async function sizeOf(path: string, entry: Dirent): Promise<{ bytes: number; files: number }> {
  if (!entry.isDirectory()) {
    const { blocks = 0 } = (await stat(path).catch(() => undefined)) ?? {}
    return { bytes: blocks * 512, files: 1 }
  }
  const total = { bytes: 0, files: 0 }
  for (const inner of await entriesOf(path)) {
    const { bytes, files } = await sizeOf(join(path, inner.name), inner)
    total.bytes += bytes
    total.files += files
  }
  return total
}

/** Empty for a folder that went meanwhile. */
async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
