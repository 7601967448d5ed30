/** The bytes of an open file in pieces, for who reads gigabytes of it: two rooms are filled in turn, one ahead of the reader. */

import type { FileHandle } from 'node:fs/promises'

const PIECE_BYTES = 512 * 1024

/** Each piece is valid until the next is asked for. */
export interface Pieces extends AsyncIterable<Buffer> {
  /** What was not read stays so; errors are over with it. */
  destroy(): void
}

/** The bytes [from, end) of the file, which is closed behind them, or when the pieces are destroyed. It may be shorter by now. */
export function filePieces(handle: FileHandle, from: number, end: number): Pieces {
  return new FilePieces(handle, from, end)
}

class FilePieces implements Pieces {
  readonly #handle: FileHandle
  readonly #end: number
  #at: number
  #destroyed = false
  #reading: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(handle: FileHandle, from: number, end: number) {
    this.#handle = handle
    this.#at = from
    this.#end = end
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    const bytes = Math.min(PIECE_BYTES, this.#end - this.#at)
    const rooms = [Buffer.allocUnsafeSlow(bytes), Buffer.allocUnsafeSlow(bytes)] as const
    try {
      let ahead = this.#read(rooms[0])
      for (let i = 1; !this.#destroyed; i++) {
        const piece = await ahead
        if (piece.length === 0) return
        ahead = this.#read(rooms[i % 2 === 0 ? 0 : 1])
        yield piece
      }
    } finally {
      await this.#close()
    }
  }

  destroy(): void {
    this.#destroyed = true
    // A file that cannot be closed is not the reader's concern.
    this.#close().catch(() => undefined)
  }

  #read(room: Buffer): Promise<Buffer> {
    const length = Math.min(room.length, this.#end - this.#at)
    const reading =
      length === 0
        ? Promise.resolve(room.subarray(0, 0))
        : this.#handle.read(room, 0, length, this.#at).then(({ bytesRead }) => {
            this.#at += bytesRead
            return room.subarray(0, bytesRead)
          })
    // Heard of when the piece is asked for, which may be never.
    this.#reading = reading.catch(() => undefined)
    return reading
  }

  #close(): Promise<void> {
    this.#closed ??= this.#reading.then(() => this.#handle.close())
    return this.#closed
  }
}
