/**
 * Keeps one segment ready ahead of need, so that taking the next is instant and a full disk never meets a frame that was
 * accepted: every byte of a ready segment is allocated. A freed segment is recycled under a new epoch, which costs two
 * renames; a new one is filled with zeros once, so that later writes change no file metadata. (On file systems that copy on
 * write, such as btrfs or ZFS, preallocation promises nothing: there a full disk stops the log instead.)
 */

import { close, fdatasync } from 'node:fs'
import { open, rename, stat, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '../core/clock.ts'
import { syncDirectory } from '../files/durable.ts'
import { WRITE_FLAGS } from './appender.ts'
import { openRaw } from './files.ts'
import { segmentPath } from './segment.ts'

/** Freed segments beyond this go back to the file system: a retention run that frees a lot should give the space back. */
export const SPARES_MAX = 2
export const PREPARING_NAME = 'preparing.tmp'

const FILL_BYTES = 1024 * 1024
/** Synced in pieces: one large sync at the end would stall the appender's small ones. */
const FILLS_PER_SYNC = 8
const RETRY_MS_MIN = 1000
const RETRY_MS_MAX = 30_000

export interface ReadySegment {
  readonly epoch: number
  readonly path: string
  readonly bytes: number
  readonly fd: number
  /** Known to hold nothing of an earlier life. */
  readonly isNew: boolean
}

export interface SegmentSupplyOptions {
  readonly directory: string
  readonly segmentBytes: number
  readonly clock: Clock
  readonly nextEpoch: number
  /** Paths of `.spare` files of the right size. */
  readonly spares: readonly string[]
  /** Prepared before the last stop. */
  readonly ready: ReadySegment | undefined
  readonly onReady: () => void
  readonly onTrouble: (error: Error) => void
  readonly freeBytes: FreeBytes
}

/** Bytes that are free where a directory lies. Replaced in fault tests only. */
export type FreeBytes = (directory: string) => Promise<number>

export const freeBytes: FreeBytes = async (directory) => {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

const closeFd = promisify(close)
const syncFd = promisify(fdatasync)

export class SegmentSupply {
  readonly #options: SegmentSupplyOptions
  readonly #spares: string[]
  #ready: ReadySegment | undefined
  #nextEpoch: number
  #preparing: Promise<void> | undefined
  #retryMs = RETRY_MS_MIN
  #cancelRetry: (() => void) | undefined
  #closed = false

  constructor(options: SegmentSupplyOptions) {
    this.#options = options
    this.#spares = [...options.spares]
    this.#ready = options.ready
    this.#nextEpoch = options.nextEpoch
  }

  /** The ready segment, if there is one; the next is then begun. */
  take(): ReadySegment | undefined {
    const ready = this.#ready
    this.#ready = undefined
    if (ready !== undefined) this.prepare()
    return ready
  }

  /** Begins to prepare a segment unless one is ready or under way. Call again whenever space may have come free. */
  prepare(): void {
    if (this.#closed || this.#ready !== undefined || this.#preparing !== undefined) return
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.#preparing = this.#attempt().finally(() => {
      this.#preparing = undefined
    })
  }

  /**
   * Takes care that whatever segment is taken from now on holds nothing of an earlier life: gives the spares back to the file system, and
   * puts a new segment in the place of the ready one if that was recycled. Rejects when there is no room for one.
   */
  async renew(): Promise<void> {
    await this.#preparing
    const { directory } = this.#options
    for (const spare of this.#spares.splice(0)) await unlink(spare)
    const old = this.#ready
    if (old !== undefined && !old.isNew) {
      const fresh = await this.#make()
      if (this.#ready === old) {
        this.#ready = fresh
        await closeFd(old.fd)
        await unlink(old.path)
      } else {
        // It was taken meanwhile; another one may be on its way.
        await this.#preparing
        if (this.#ready === undefined) this.#ready = fresh
        else {
          await closeFd(fresh.fd)
          await unlink(fresh.path)
        }
      }
    }
    await syncDirectory(directory)
  }

  /** Resolves when the attempt under way, if any, is over. */
  async settled(): Promise<void> {
    await this.#preparing
  }

  /** Takes over a segment file that nobody needs any more. */
  async recycle(epoch: number, bytes: number): Promise<void> {
    const { directory, segmentBytes } = this.#options
    const path = segmentPath(directory, epoch, 'segment')
    if (bytes !== segmentBytes || this.#spares.length >= SPARES_MAX) {
      await unlink(path)
    } else {
      const spare = segmentPath(directory, epoch, 'spare')
      await rename(path, spare)
      this.#spares.push(spare)
    }
    await syncDirectory(directory)
    this.prepare()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelRetry?.()
    await this.#preparing
    if (this.#ready !== undefined) await closeFd(this.#ready.fd)
    this.#ready = undefined
  }

  async #attempt(): Promise<void> {
    try {
      const ready = await this.#make()
      this.#ready = ready
      this.#retryMs = RETRY_MS_MIN
      this.#options.onReady()
    } catch (error) {
      this.#options.onTrouble(error instanceof Error ? error : new Error(String(error)))
      if (this.#closed) return
      this.#cancelRetry = this.#options.clock.after(this.#retryMs, () => this.prepare())
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX)
    }
  }

  async #make(): Promise<ReadySegment> {
    const { directory, segmentBytes } = this.#options
    const epoch = this.#nextEpoch
    const path = segmentPath(directory, epoch, 'segment')
    const spare = this.#spares.pop()
    await rename(spare ?? (await this.#filled()), path)
    // From here on the file has its name, whether the rest succeeds or not.
    this.#nextEpoch++
    await syncDirectory(directory)
    const fd = await openRaw(path, WRITE_FLAGS)
    return { epoch, path, bytes: segmentBytes, fd, isNew: spare === undefined }
  }

  /** Asks before filling, so that a full disk is not filled to the brim again at each attempt. */
  async #mustHaveRoom(): Promise<void> {
    const { directory, segmentBytes } = this.#options
    const free = await this.#options.freeBytes(directory)
    if (free >= segmentBytes) return
    throw new Error(`${free} bytes are free where ${directory} lies, a segment needs ${segmentBytes}`)
  }

  /** A new file, every byte of it allocated. */
  async #filled(): Promise<string> {
    const { directory, segmentBytes } = this.#options
    const path = join(directory, PREPARING_NAME)
    await this.#mustHaveRoom()
    try {
      await fillWithZeros(path, segmentBytes)
    } catch (error) {
      // Give back what was taken of a full disk; a file that cannot be removed is overwritten next time.
      await unlink(path).catch(() => undefined)
      throw error
    }
    return path
  }
}

async function fillWithZeros(path: string, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(FILL_BYTES, bytes))
  const file = await open(path, 'w')
  try {
    let fills = 0
    for (let at = 0; at < bytes; ) {
      const { bytesWritten } = await file.write(zeros, 0, Math.min(zeros.length, bytes - at), at)
      at += bytesWritten
      if (++fills % FILLS_PER_SYNC === 0) await syncFd(file.fd)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Whether the file has the size that segments have now; a changed setting makes old spares useless. */
export async function hasSize(path: string, bytes: number): Promise<boolean> {
  return (await stat(path)).size === bytes
}
