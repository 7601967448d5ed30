/** What all secrets that we put into headers or queries have in common. */

import * as z from 'zod'

/**
 * A key or token: printable ASCII without spaces, so that it cannot break out of a header. Vendors change the
 * shapes of their keys; we do not judge them further.
 */
export const Secret = z
  .string()
  .regex(/^[\x21-\x7e]{1,1024}$/, 'A key is 1 to 1,024 printable ASCII characters without spaces')

/** The spellings of a secret that can turn up in a request, without repetition. */
export function spellings(...secrets: readonly string[]): readonly string[] {
  return [...new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]))]
}
