/**
 * What hub and child say to each other over their socket: frames of a JSON head and bytes behind it.
 *
 *   u32 bytes of the head | u32 bytes of the body | head | body        (little-endian)
 *
 * The hub asks; every question has an `ask` number that its answers repeat. A question ends with exactly one `done` or `failed`. Parts of a
 * long answer come one at a time: the child sends the next one only when the hub says `more`, as it does when it takes one. So the next is made
 * while one is read, and neither side gathers what the other makes.
 *
 *   hub → child: load · query · export · tables · misfits · retain · forget · close,   then perhaps: more · cancel
 *   child → hub: ready,   then per question: part*  (done | failed)
 */

import type { ErrorCode } from '../../core/errors.ts'
import type { SubjectIdentifier } from '../../core/traces.ts'

export type Question =
  | { readonly op: 'load' }
  | {
      readonly op: 'query'
      readonly sql: string
      readonly rowsMax?: number
      readonly timeoutMs: number
    }
  | { readonly op: 'export'; readonly sql: string; readonly rowsMax?: number; readonly timeoutMs: number }
  | { readonly op: 'tables' }
  | { readonly op: 'misfits' }
  | { readonly op: 'retain'; readonly beforeMs: number }
  | { readonly op: 'forget'; readonly identifiers: readonly SubjectIdentifier[]; readonly isDry: boolean }
  | { readonly op: 'close' }

export type FromHub = (Question | { readonly op: 'more' } | { readonly op: 'cancel' }) & {
  readonly ask: number
}

export type FromChild =
  | { readonly re: 'ready' }
  | { readonly re: 'part'; readonly ask: number; readonly value?: unknown }
  | { readonly re: 'done'; readonly ask: number; readonly value?: unknown }
  | {
      readonly re: 'failed'
      readonly ask: number
      readonly code: ErrorCode
      readonly message: string
      readonly details?: unknown
    }

export interface Frame<Head> {
  readonly head: Head
  readonly body: Buffer
}

const PREFIX_BYTES = 8
/** A load of the largest event, with room to spare. */
export const FRAME_BYTES_MAX = 1_073_741_824

/** The pieces of a frame, to be written one after another. */
export function encodeFrame(
  head: FromHub | FromChild,
  body: readonly Uint8Array[] = [],
): readonly Uint8Array[] {
  const text = JSON.stringify(head)
  const textBytes = Buffer.byteLength(text)
  const front = Buffer.allocUnsafe(PREFIX_BYTES + textBytes)
  front.writeUInt32LE(textBytes, 0)
  front.writeUInt32LE(
    body.reduce((bytes, piece) => bytes + piece.length, 0),
    4,
  )
  front.write(text, PREFIX_BYTES)
  return [front, ...body]
}

/** Puts frames together again from what a socket brings. Holds at most one frame. */
export class FrameReader<Head> {
  #pieces: Buffer[] = []
  #bytes = 0
  #wanted = PREFIX_BYTES;

  /** The frames that end within `piece`, in order. Throws RangeError on a frame that is larger than FRAME_BYTES_MAX. */
  *read(piece: Buffer): Generator<Frame<Head>> {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    while (this.#bytes >= this.#wanted) {
      const [only] = this.#pieces
      const whole = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces)
      const headBytes = whole.readUInt32LE(0)
      const frameBytes = PREFIX_BYTES + headBytes + whole.readUInt32LE(4)
      if (frameBytes > FRAME_BYTES_MAX) throw new RangeError(`A frame of ${frameBytes} bytes`)
      this.#wanted = frameBytes
      this.#pieces = [whole]
      if (whole.length < frameBytes) return
      const head = JSON.parse(whole.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headBytes)) as Head
      const body = whole.subarray(PREFIX_BYTES + headBytes, frameBytes)
      const rest = whole.subarray(frameBytes)
      this.#pieces = rest.length === 0 ? [] : [rest]
      this.#bytes = rest.length
      this.#wanted = PREFIX_BYTES
      yield { head, body }
    }
  }
}
