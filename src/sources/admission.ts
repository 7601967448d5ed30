/**
 * Who may come in: compares what a request shows with the digests of the source's tokens, before a byte of
 * the body is read. A stranger learns nothing: a wrong or missing secret is answered the same, with the same
 * work, whether or not the address exists; only a holder of some valid token is told that an address is
 * unknown.
 */

import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { hashToken, tokensEqual } from '../core/secret.ts'
import type { Address } from './addresses.ts'
import { type Refusal, refusal } from './refusals.ts'
import type { Entrance, EntranceIndex, KeyedKind } from './sources.ts'

/**
 * Credentials that were accepted lately and whose digest is kept, so that SHA-256 is not computed per
 * request.
 */
const REMEMBERED_MAX = 1024

/**
 * - admitted: read the body
 * - dropped: answer as if all were well and keep nothing (lenient key mode)
 * - refused: the secret does not open the source
 * - nowhere: the address names no source
 */
export type Admission =
  | { readonly verdict: 'admitted' | 'dropped'; readonly entrance: Entrance }
  | { readonly verdict: 'refused'; readonly refused: Refusal; readonly entrance: Entrance }
  | { readonly verdict: 'nowhere'; readonly refused: Refusal }

/** Compared when the address is unknown, so that this takes as long as when it is known. Matches nothing. */
const DECOY: readonly Uint8Array[] = [randomBytes(32)]

export class Gatekeeper {
  readonly #index: EntranceIndex
  /**
   * Credential → digest, oldest first. Only accepted credentials are kept, so strangers cannot push others
   * out; a hit only saves the hashing, the digest is compared all the same, so a revoked token is refused at
   * once.
   */
  readonly #digests = new Map<string, Uint8Array>()

  constructor(index: EntranceIndex) {
    this.#index = index
  }

  admit(address: Address, headers: IncomingHttpHeaders): Admission {
    const { entrance } = address
    const secret = shownSecret(address, headers)
    const digest = secret === undefined ? undefined : (this.#digests.get(secret) ?? hashToken(secret))
    const fits = digest !== undefined && anyEqual(digest, entrance?.digests ?? DECOY)
    if (fits && entrance !== undefined && secret !== undefined) {
      if (!this.#digests.has(secret)) this.#remember(secret, digest)
      return { verdict: 'admitted', entrance }
    }
    if (entrance === undefined) {
      const known = digest !== undefined && this.#index.knowsDigest(digest)
      const refused = known ? unknownAddress() : secretRefused(address, secret !== undefined)
      return { verdict: 'nowhere', refused }
    }
    if (address.door === 'postback' && isLenient(entrance)) {
      // Treasure Data answers before it looks at the key: a wrong one gets 200, only a missing one 403.
      return secret === undefined
        ? { verdict: 'refused', refused: keyForbidden(), entrance }
        : { verdict: 'dropped', entrance }
    }
    return { verdict: 'refused', refused: secretRefused(address, secret !== undefined), entrance }
  }

  /** Whether there is a source of this kind, whose key could be looked for. */
  knows(kind: KeyedKind): boolean {
    return this.#index.has(kind)
  }

  /**
   * The source that a key opens, of a kind whose addresses name none. A look-up by digest tells nothing of the
   * keys there are.
   */
  find(kind: KeyedKind, secret: string): Entrance | undefined {
    const digest = this.#digests.get(secret) ?? hashToken(secret)
    const entrance = this.#index.byDigest(kind, digest)
    if (entrance !== undefined && !this.#digests.has(secret)) this.#remember(secret, digest)
    return entrance
  }

  #remember(secret: string, digest: Uint8Array): void {
    if (this.#digests.size >= REMEMBERED_MAX) {
      const oldest = this.#digests.keys().next()
      if (!oldest.done) this.#digests.delete(oldest.value)
    }
    this.#digests.set(secret, digest)
  }
}

function isLenient(entrance: Entrance): boolean {
  return entrance.source.kind === 'treasure-data' && entrance.source.settings.keyMode === 'lenient'
}

/** Compares with every digest, without an early end. */
function anyEqual(digest: Uint8Array, digests: readonly Uint8Array[]): boolean {
  let equal = false
  for (const other of digests) {
    if (tokensEqual(digest, other)) equal = true
  }
  return equal
}

function shownSecret(address: Address, headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers
  if (address.door === 'currents' || address.door === 'task') return afterScheme(authorization, 'bearer ')
  const writeKey = headers['x-td-write-key']
  // Treasure Data: the header beats the address; a key in the address is known to Postback only.
  return (
    afterScheme(authorization, 'td1 ') ??
    (typeof writeKey === 'string' && writeKey !== '' ? writeKey : undefined) ??
    (address.door === 'postback' ? keyInQuery(address.query) : undefined)
  )
}

/**
 * The text behind an authorization scheme (`scheme` in lower case with its space; the scheme's case does not
 * matter: RFC 9110).
 */
export function afterScheme(header: string | undefined, scheme: string): string | undefined {
  if (header === undefined || header.length <= scheme.length) return undefined
  if (header.slice(0, scheme.length).toLowerCase() !== scheme) return undefined
  const secret = header.slice(scheme.length).trim()
  return secret === '' ? undefined : secret
}

function keyInQuery(query: string): string | undefined {
  if (!query.includes('td_write_key=')) return undefined
  return new URLSearchParams(query).get('td_write_key') || undefined
}

function unknownAddress(): Refusal {
  return refusal(
    'SOURCE_UNKNOWN',
    'No source has this address: compare the last part with the list of sources, and check that it takes this protocol',
  )
}

function keyForbidden(): Refusal {
  return refusal(
    'KEY_REFUSED',
    'Show the write key as Authorization: TD1 <key>, X-TD-Write-Key or ?td_write_key=',
  )
}

function secretRefused(address: Address, shown: boolean): Refusal {
  if (address.door === 'currents' || address.door === 'task') {
    const message = shown
      ? 'The bearer token does not open this address: copy the one that the source was made with, or add a token to the source'
      : 'This address needs the header Authorization: Bearer <token>'
    return refusal('TOKEN_REFUSED', message, {}, ['www-authenticate', 'Bearer realm="thalweg"'])
  }
  return shown
    ? refusal(
        'KEY_REFUSED',
        'The write key does not open this address: compare it with the key of the source',
      )
    : refusal(
        'KEY_MISSING',
        'This address needs a write key, as Authorization: TD1 <key> or X-TD-Write-Key',
        {},
        ['www-authenticate', 'TD1 realm="thalweg"'],
      )
}
