/**
 * Whoever's credentials we keep under an authorization: a vendor that we write to, a database that we ask, a store of
 * files. An authorization names its provider; the provider says what the secrets are and whether they are good.
 */

import type * as z from 'zod'
import { ThalwegError } from './errors.ts'
import type { Receipt } from './receipt.ts'

export interface Provider {
  /** The word in definitions and URLs. One provider may be a destination and a query engine at once. */
  readonly name: string
  readonly title: string
  /** One or two sentences for the picker. */
  readonly description: string
  /** What `verify` needs to know beside the secrets, such as an address. Every field carries `.describe()`. */
  readonly settings: z.ZodType
  /** The secret half; write-only. Every field carries `.describe()`. */
  readonly credentials: z.ZodType
  /** Whether only an administrator may name settings to try the credentials with: they say where the hub connects to. */
  readonly placeIsGuarded?: true
  /** Tries the credentials as closely as is safe. Both arguments are checked against the schemas by the provider; throws INPUT_INVALID or CURRENT_INVALID. */
  verify(settings: unknown, credentials: unknown): Promise<Receipt>
}

/** Throws INPUT_INVALID that names the fields, never their values. */
export function fitting<T>(schema: z.ZodType<T>, given: unknown, what: string): T {
  const result = schema.safeParse(given)
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => `${[what, ...path].join('.')}: ${message}`)
  throw new ThalwegError('INPUT_INVALID', problems.join('; '))
}
