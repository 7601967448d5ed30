/**
 * How a door answers: small prebuilt JSON, and a way to refuse a body that is still on its way without losing
 * the answer.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { type Refusal, refusalBody } from './refusals.ts'

/** A refused body of at most this many bytes is read and thrown away, so that the connection lives on. */
const DISCARD_BYTES_MAX = 1024 * 1024
/** A larger one closes the connection, but not before the sender had the chance to read why. */
const LINGER_BYTES_MAX = 256 * 1024 * 1024
const LINGER_MS_MAX = 5_000

/** Answers for batches in which everything is new: nearly all of them. */
const ACCEPTED_KEPT = 1_001
const ACCEPTED: readonly string[] = Array.from({ length: ACCEPTED_KEPT }, (_, accepted) =>
  counted(accepted, 0, 0),
)

export function acceptedBody(accepted: number, duplicates: number, quarantined: number): string {
  const kept = duplicates === 0 && quarantined === 0 ? ACCEPTED[accepted] : undefined
  return kept ?? counted(accepted, duplicates, quarantined)
}

function counted(accepted: number, duplicates: number, quarantined: number): string {
  return `{"accepted":${accepted},"duplicates":${duplicates},"quarantined":${quarantined}}`
}

/** Answers 200. `body` is ASCII, `headers` are raw pairs. The sender may be gone by now: then nothing happens. */
export function answer(response: ServerResponse, body: string, headers: readonly string[] = []): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(200, [
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
    ...headers,
  ])
  response.end(body, 'latin1')
}

/** Answers a refusal, whatever has come of the body so far. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  refused: Refusal,
  clock: Clock,
): void {
  if (response.headersSent || response.destroyed) return
  const body = refusalBody(refused)
  const head = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))]
  head.push(...refused.headers)
  const closes = refused.headers.includes('connection')
  if (closes || remainderIsSmall(request)) {
    response.writeHead(refused.status, head)
    response.end(body)
    // What is left of the body flows to nobody; the server's own timeouts bound how long.
    request.resume()
    return
  }
  head.push('connection', 'close')
  response.writeHead(refused.status, head)
  response.write(body)
  linger(request, response, clock)
}

function remainderIsSmall(request: IncomingMessage): boolean {
  if (request.complete) return true
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined) return false
  return Number(headers['content-length'] ?? 0) <= DISCARD_BYTES_MAX
}

/**
 * The whole answer is on its way, but ending the response would close the socket, and closing a socket with
 * unread bytes resets it: the sender would lose the answer. So the rest of the body is read and thrown away,
 * within bounds, before the response ends.
 */
function linger(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  let bytes = 0
  const cancel = clock.after(LINGER_MS_MAX, stop)
  function stop(): void {
    cancel()
    request.off('data', discard)
    request.off('close', stop)
    response.end()
  }
  function discard(chunk: Buffer): void {
    bytes += chunk.length
    if (bytes > LINGER_BYTES_MAX) stop()
  }
  request.on('data', discard)
  request.on('end', stop)
  request.on('close', stop)
  request.resume()
}
