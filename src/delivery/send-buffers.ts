/**
 * Buffers in which the pieces of a request are joined before they are sent, used again for later requests: fresh ones of this size would keep the
 * garbage collector busy. A buffer may only be given back when nobody sends from it any more.
 */

const SMALLEST_BYTES = 65_536
/** Larger joins are rare and get memory of their own. */
const LARGEST_BYTES = 2_097_152
const KEPT_MAX = 16

export class SendBuffers {
  readonly #free: Buffer[] = []

  /** The pieces, one behind the other. */
  join(pieces: readonly Uint8Array[]): Buffer {
    let bytes = 0
    for (const piece of pieces) bytes += piece.length
    const buffer = this.#take(bytes)
    let at = 0
    for (const piece of pieces) {
      buffer.set(piece, at)
      at += piece.length
    }
    return buffer.subarray(0, bytes)
  }

  /** Takes back what `join` gave. */
  give(joined: Buffer): void {
    if (this.#free.length >= KEPT_MAX || joined.buffer.byteLength > LARGEST_BYTES) return
    this.#free.push(Buffer.from(joined.buffer))
  }

  #take(bytes: number): Buffer {
    for (let i = this.#free.length - 1; i >= 0; i--) {
      const buffer = this.#free[i]
      if (buffer === undefined || buffer.length < bytes) continue
      const last = this.#free.pop()
      if (last !== undefined && i < this.#free.length) this.#free[i] = last
      return buffer
    }
    let size = SMALLEST_BYTES
    while (size < bytes) size *= 2
    return Buffer.allocUnsafeSlow(size)
  }
}
