/** Takes in the body of a request, for every door that wants it whole: what the headers alone rule out is refused before a byte is read. */

import type { IncomingMessage } from 'node:http'
import type { Log } from '../log/log.ts'
import {
  type Account,
  Arrival,
  BodyBuffer,
  bodyOversized,
  countGunzip,
  type Deadlines,
  logStopped,
  type Outcome,
} from './body.ts'
import { type Refusal, refusal } from './refusals.ts'

/** Bytes as sent, and after decompression. */
export interface Bounds {
  readonly received: number
  readonly decompressed: number
}

export class Reception {
  readonly #log: Log
  readonly #account: Account
  readonly #deadlines: Deadlines

  constructor(log: Log, account: Account, deadlines: Deadlines) {
    this.#log = log
    this.#account = account
    this.#deadlines = deadlines
  }

  /**
   * Begins to read; 'empty' when there is no body. `arrived` is called once, later, and then owns the buffer,
   * whatever the outcome.
   */
  take(
    request: IncomingMessage,
    boundsOf: (gzip: boolean) => Bounds,
    arrived: (body: BodyBuffer, outcome: Outcome) => void,
  ): Refusal | 'empty' | undefined {
    const { headers } = request
    const gzip = isGzip(headers['content-encoding'])
    if (typeof gzip !== 'boolean') return gzip
    const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
    const chunked = headers['transfer-encoding'] !== undefined
    if (length === 0 || (length === undefined && !chunked)) return 'empty'
    if (this.#log.state === 'stopped' || this.#log.state === 'closed') return logStopped()
    const bounds = boundsOf(gzip)
    if (length !== undefined && length > bounds.received) return bodyOversized(bounds.received)
    const expected = gzip ? undefined : length
    const body = this.lease(expected, bounds.decompressed)
    if (!(body instanceof BodyBuffer)) return body
    const refused = gzip ? countGunzip(body) : undefined
    if (refused !== undefined) {
      body.free()
      return refused
    }
    new Arrival(request, body, gzip, bounds.received, this.#deadlines, (outcome) => arrived(body, outcome))
    return undefined
  }

  /** A buffer for a body that a door makes itself. */
  lease(bytes: number | undefined, bytesMax: number): BodyBuffer | Refusal {
    return BodyBuffer.lease(this.#log, this.#account, bytes, bytesMax)
  }
}

/** Whether a body is compressed; a refusal when in a way that we do not know. */
export function isGzip(contentEncoding: string | undefined): boolean | Refusal {
  const encoding = contentEncoding?.trim().toLowerCase()
  if (encoding === undefined || encoding === '' || encoding === 'identity') return false
  if (encoding === 'gzip' || encoding === 'x-gzip') return true
  const message = `Content-Encoding ${JSON.stringify(encoding.slice(0, 40))} is not known here: send gzip, or no encoding`
  return refusal('ENCODING_UNKNOWN', message, {}, ['accept-encoding', 'gzip, identity'])
}
