/** Blots out the secrets of an address before it is kept or shown. */

import type { WireRequest } from '../core/exchange.ts'
import { redacted } from '../core/secret.ts'

/** The URL with secrets blotted out, also in their percent-encoded form. */
export function redactedUrl(request: WireRequest): string {
  return redacted(redacted(request.url, request.secrets), request.secrets.map(encodeURIComponent))
}
