/** The bytes of a stream with their positions: as many at once as a reader asks for, within a bound. */

import type { Pieces } from '../../files/pieces.ts'
import { damaged } from './damage.ts'

const ROOM_AT_FIRST = 1024 * 1024

export class ByteStream {
  readonly #stream: Pieces
  readonly #chunks: AsyncIterator<Buffer>
  readonly #bytesMax: number
  #buffer = Buffer.allocUnsafeSlow(ROOM_AT_FIRST)
  #start = 0
  #end = 0
  #ended = false
  #position: number

  /** `position` is that of the stream's first byte; no reader may ask for more than `bytesMax` at once. */
  constructor(stream: Pieces, position: number, bytesMax: number) {
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]()
    this.#bytesMax = bytesMax
    this.#position = position
  }

  /** Of the next byte. */
  get position(): number {
    return this.#position
  }

  /** What was read and not taken yet; valid until the next call. */
  get ahead(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  /** Whether `bytes` are ahead, after waiting for them. Throws FILES_DAMAGED past the bound, or what the stream throws. */
  async reach(bytes: number): Promise<boolean> {
    if (bytes > this.#bytesMax)
      throw damaged(`${bytes} bytes in one piece are more than the ${this.#bytesMax} allowed`)
    while (this.#end - this.#start < bytes) if (!(await this.#more())) return false
    return true
  }

  /** Reads some more; false at the end of the stream. */
  async more(): Promise<boolean> {
    return this.#more()
  }

  drop(bytes: number): void {
    this.#start += bytes
    this.#position += bytes
  }

  destroy(): void {
    this.#stream.destroy()
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false
    const { done, value } = await this.#chunks.next()
    if (done === true) {
      this.#ended = true
      return false
    }
    this.#add(value)
    return true
  }

  #add(chunk: Buffer): void {
    const held = this.#end - this.#start
    if (this.#end + chunk.length > this.#buffer.length) {
      const room = Math.max(held + chunk.length, ROOM_AT_FIRST)
      const target = room > this.#buffer.length ? Buffer.allocUnsafeSlow(2 * room) : this.#buffer
      this.#buffer.copy(target, 0, this.#start, this.#end)
      this.#buffer = target
      this.#start = 0
      this.#end = held
    }
    chunk.copy(this.#buffer, this.#end)
    this.#end += chunk.length
  }
}
