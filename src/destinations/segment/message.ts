/** Ids of Segment messages. */

import { createHash } from 'node:crypto'

/** Segment HTTP API: "messageId" has fewer than 100 characters. We count bytes, which are never fewer. */
export const MESSAGE_ID_BYTES_MAX = 99

/**
 * Segment drops a second message with an id that it has seen, whichever source it came from, so the same
 * event through two connections needs two ids: `<event id>:<connection key>`. Braze's own connector lacks the
 * suffix, and two of them lose data.
 *
 * An id that would be too long is replaced by `id-<its SHA-256>`, a missing one by `content-<SHA-256 of the
 * event's bytes>`: both are the same at every retry and replay. Events without an id that are equal byte for
 * byte count as one event.
 */
export function messageIdOf(id: unknown, bytes: Uint8Array, connection: string): string {
  const suffix = messageIdSuffix(connection)
  if (typeof id !== 'string' || id === '') return `content-${sha256(bytes)}${suffix}`
  return Buffer.byteLength(id + suffix) <= MESSAGE_ID_BYTES_MAX ? id + suffix : `id-${sha256(id)}${suffix}`
}

/** `connection` is at most 12 characters of [a-z0-9]: see EventBatch. */
export function messageIdSuffix(connection: string): string {
  return `:${connection}`
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
