/**
 * Secrets: values that must not reach a log, an error or an answer by accident, and tokens, of which only a hash is kept.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const SHOWN = '[secret]'

/** Keeps a value out of everything that prints: text, JSON and inspection show `[secret]`. Only `reveal` gives it out. */
export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return SHOWN
  }

  toJSON(): string {
    return SHOWN
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return SHOWN
  }
}

/** Blots secrets out of a text before it is kept or shown. */
export function redacted(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, SHOWN)
  return clean
}

/**
 * SHA-256 of the token's text. Enough for tokens of `newToken`, which nobody can guess; a password would need a slow hash.
 */
export function hashToken(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text, 'utf8').digest())
}

/** Compares in a time that does not tell where the two differ. A text stands for its hash, so a token can be compared with a kept hash. */
export function tokensEqual(a: string | Uint8Array, b: string | Uint8Array): boolean {
  const left = typeof a === 'string' ? hashToken(a) : a
  const right = typeof b === 'string' ? hashToken(b) : b
  return left.length === right.length && timingSafeEqual(left, right)
}

/** A new token: `<prefix>_` and 32 random bytes in base64url (43 characters). The prefix lets people and scanners tell what it is. */
export function newToken(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`
}

/** The 32 bytes that 64 hexadecimal digits or base64 (either alphabet, padding optional) stand for; undefined for anything else. */
export function parseKey(text: string): Uint8Array | undefined {
  const trimmed = text.trim()
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return new Uint8Array(Buffer.from(trimmed, 'hex'))
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return undefined
  const bytes = Buffer.from(trimmed, 'base64')
  return bytes.length === 32 ? new Uint8Array(bytes) : undefined
}
