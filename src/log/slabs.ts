/**
 * The buffers that requests are received in, written from and read back from: one pool, so that a request's bytes are copied
 * once and the garbage collector sees none of it. Sizes come in four steps per doubling from 1 KB, so that a frame wastes
 * little (the memory for readers is counted in buffers) and a buffer fits whoever comes next. Everything the pool ever handed out and still knows of is within `bytesMax`.
 */

import { ThalwegError } from '../core/errors.ts'

const CLASS_BYTES_MIN = 1024
/** Larger leases get a buffer of their own size, which is not kept for reuse. */
const CLASS_BYTES_MAX = 4 * 1024 * 1024
/** What lies ready for the next leases. Steady load needs little of it; what a burst needed on top goes back to the system. */
const FREE_BYTES_MAX = 16 * 1024 * 1024

export class SlabPool {
  readonly #bytesMax: number
  readonly #evict: () => Buffer | undefined
  readonly #leased = new Set<Buffer>()
  readonly #free = new Map<number, Buffer[]>()
  #resting: Buffer[] = []
  /** Leased, used by the log, resting and free. */
  #bytes = 0
  #freeBytes = 0

  /** `evict` gives up the oldest buffer that the log keeps only for its readers, or undefined when it keeps none. */
  constructor(bytesMax: number, evict: () => Buffer | undefined) {
    this.#bytesMax = bytesMax
    this.#evict = evict
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Throws LOG_FULL when the bound is reached; INPUT_INVALID when `bytes` could never be leased. */
  lease(bytes: number): Buffer {
    if (bytes > this.#bytesMax) {
      throw new ThalwegError(
        'INPUT_INVALID',
        `a frame of ${bytes} bytes is beyond the pool's bound of ${this.#bytesMax}`,
      )
    }
    const size = Math.min(slabBytes(bytes), this.#bytesMax)
    const buffer = this.#takeFree(size) ?? this.#allocate(size)
    this.#leased.add(buffer)
    return buffer
  }

  isLeased(buffer: Buffer): boolean {
    return this.#leased.has(buffer)
  }

  /** A leased buffer comes back that nobody reads. */
  release(buffer: Buffer): void {
    if (!this.#leased.delete(buffer))
      throw new TypeError('release of a buffer that is not leased from this log')
    this.#store(buffer)
  }

  /** The leased buffer belongs to the log from now on; it comes back by `retire`, or through `evict`. */
  adopt(buffer: Buffer): void {
    if (!this.#leased.delete(buffer))
      throw new TypeError('append of a buffer that is not leased from this log')
  }

  /** A buffer that readers were shown in this turn of the event loop: free after the turn. */
  retire(buffer: Buffer): void {
    if (this.#resting.push(buffer) > 1) return
    setImmediate(() => {
      const rested = this.#resting
      this.#resting = []
      for (const each of rested) this.#store(each)
    })
  }

  #store(buffer: Buffer): void {
    const size = buffer.length
    const isUsual = size <= CLASS_BYTES_MAX && slabBytes(size) === size
    if (!isUsual || this.#freeBytes + size > FREE_BYTES_MAX) {
      this.#bytes -= size
      return
    }
    this.#freeBytes += size
    const list = this.#free.get(size)
    if (list === undefined) this.#free.set(size, [buffer])
    else list.push(buffer)
  }

  #allocate(size: number): Buffer {
    while (this.#bytes + size > this.#bytesMax) {
      // Given up buffers go to the garbage collector instead of being reused: a reader may be looking at them in this turn.
      const given = this.#someFree() ?? this.#evict()
      if (given === undefined) {
        throw new ThalwegError(
          'LOG_FULL',
          `all ${this.#bytesMax} bytes of request buffers are in use; try again later`,
        )
      }
      this.#bytes -= given.length
    }
    this.#bytes += size
    return Buffer.allocUnsafeSlow(size)
  }

  #takeFree(size: number): Buffer | undefined {
    const buffer = this.#free.get(size)?.pop()
    if (buffer !== undefined) this.#freeBytes -= size
    return buffer
  }

  #someFree(): Buffer | undefined {
    for (const size of this.#free.keys()) {
      const buffer = this.#takeFree(size)
      if (buffer !== undefined) return buffer
    }
    return undefined
  }
}

/** The size of the buffer that a lease of `bytes` gets. */
export function slabBytes(bytes: number): number {
  if (bytes > CLASS_BYTES_MAX) return bytes
  let size = CLASS_BYTES_MIN
  while (size < bytes) size *= 2
  if (size === CLASS_BYTES_MIN) return size
  const step = size / 8
  while (size - step >= bytes) size -= step
  return size
}
