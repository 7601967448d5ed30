/** Blots out the secrets of a request before it is kept or shown. */

import type { WireRequest } from '../core/exchange.ts'

const BLOT = '[secret]'

export function redacted(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, BLOT)
  return clean
}

/** The URL with secrets blotted out, also in their percent-encoded form. */
export function redactedUrl(request: WireRequest): string {
  return redacted(redacted(request.url, request.secrets), request.secrets.map(encodeURIComponent))
}
