import type { IncomingMessage } from 'node:http'
import { gunzip, inflate } from 'node:zlib'
import { type Answer, json } from './answer.ts'
import { MarkerCount } from './marker-count.ts'

export const BODY_BYTES_MAX_DEFAULT = 32 * 1_048_576

export type BodyRead =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly answer: Answer }

const TOO_LARGE: BodyRead = { ok: false, answer: json(413, { error: 'request entity too large' }) }
const BROKEN: BodyRead = { ok: false, answer: json(400, { error: 'the body cannot be decompressed' }) }
const UNKNOWN_ENCODING: BodyRead = { ok: false, answer: json(415, { error: 'unsupported content encoding' }) }

/**
 * Reads a whole body, decompressed (gzip, deflate), of at most `bytesMax` before and after. Of a longer body
 * the rest is read and thrown away, so that the caller gets to see the 413 instead of a broken pipe. `done`
 * is not called when the caller vanishes.
 */
export function readBody(request: IncomingMessage, bytesMax: number, done: (read: BodyRead) => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= bytesMax) chunks.push(chunk)
    else chunks.length = 0
  })
  request.on('end', () => {
    if (bytes > bytesMax) done(TOO_LARGE)
    else decode(request.headers['content-encoding'], join(chunks), bytesMax, done)
  })
}

/** Counts the events of a body as it passes, keeping none of it. */
export function countBody(
  request: IncomingMessage,
  marker: string,
  done: (events: number, bytes: number) => void,
): void {
  const count = new MarkerCount(Buffer.from(marker))
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    count.push(chunk)
  })
  request.on('end', () => done(count.count, bytes))
}

function join(chunks: readonly Buffer[]): Buffer {
  const only = chunks[0]
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
}

function decode(
  encoding: string | undefined,
  body: Buffer,
  bytesMax: number,
  done: (read: BodyRead) => void,
): void {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      done({ ok: true, body })
      return
    case 'gzip':
    case 'x-gzip':
      gunzip(body, { maxOutputLength: bytesMax }, (error, result) => done(outcome(error, result)))
      return
    case 'deflate':
      inflate(body, { maxOutputLength: bytesMax }, (error, result) => done(outcome(error, result)))
      return
    default:
      done(UNKNOWN_ENCODING)
  }
}

function outcome(error: NodeJS.ErrnoException | null, body: Buffer): BodyRead {
  if (error === null) return { ok: true, body }
  return error.code === 'ERR_BUFFER_TOO_LARGE' ? TOO_LARGE : BROKEN
}
