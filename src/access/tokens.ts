/**
 * API tokens: who may talk to /api/v1, and as what. Only the SHA-256 of a token is kept; the token itself is
 * shown once, when it is made. Owns the table api_tokens.
 */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { hashToken, newToken, tokensEqual } from '../core/secret.ts'
import { Turns } from '../core/turns.ts'
import type { ApiTokensTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { type Role, roleOf } from './roles.ts'

/** A token as it may be shown. */
export interface ApiToken {
  readonly id: string
  readonly label: string
  readonly role: Role
  readonly createdAt: number
  /** To the minute; null: never. */
  readonly lastUsedAt: number | null
}

interface Kept {
  readonly token: ApiToken
  readonly digest: Uint8Array
}

export const LABEL_CHARS_MAX = 200
/** Tokens that are not revoked: all of them lie in memory. */
export const API_TOKENS_MAX = 1_000
const PREFIX = 'thalweg_api'
/** How long a token that another node made or revoked may go unnoticed, in milliseconds. */
const STALE_MS = 30_000
/** A flood of unknown tokens must not become a flood of queries. */
const REREAD_MS = 1_000
const USED_EVERY_MS = 60_000

/**
 * Opens the tokens of the store; when it never had any, makes the first one, with the role admin, and gives
 * it out this once.
 */
export async function openTokens(
  store: Store,
  clock: Clock,
): Promise<{ tokens: ApiTokens; first: string | undefined }> {
  const tokens = new ApiTokens(store, clock)
  const any = await store.db.selectFrom('api_tokens').select('id').limit(1).executeTakeFirst()
  const first = any === undefined ? (await tokens.create('first', 'admin')).secret : undefined
  await tokens.refresh()
  return { tokens, first }
}

export class ApiTokens {
  readonly #store: Store
  readonly #clock: Clock
  /**
   * By digest. Finding it in time that depends on it gives nothing away: it is the hash of the secret, not
   * the secret.
   */
  #kept: ReadonlyMap<string, Kept> = new Map()
  readonly #reads = new Turns()
  #readAt = Number.NEGATIVE_INFINITY

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  refresh(): Promise<void> {
    // One after another: what was read before a change must not undo it.
    return this.#reads.take(() => this.#read())
  }

  async #read(): Promise<void> {
    this.#readAt = this.#clock.now()
    const rows = await this.#store.db
      .selectFrom('api_tokens')
      .selectAll()
      .where('revoked_at', 'is', null)
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    this.#kept = new Map(rows.map((row) => [keyOf(row.hash), { token: tokenOf(row), digest: row.hash }]))
  }

  /** Whose token this is; undefined when it is wrong or was revoked. Throws STORE_UNAVAILABLE. */
  async holder(secret: string): Promise<ApiToken | undefined> {
    const digest = hashToken(secret)
    const key = keyOf(digest)
    const age = this.#clock.now() - this.#readAt
    if (age >= STALE_MS || (age >= REREAD_MS && !this.#kept.has(key))) await this.refresh()
    const kept = this.#kept.get(key)
    return kept !== undefined && tokensEqual(kept.digest, digest) ? kept.token : undefined
  }

  /** Notes that a token was used, to the minute. */
  async used(token: ApiToken): Promise<void> {
    const now = this.#clock.now()
    if (token.lastUsedAt !== null && now - token.lastUsedAt < USED_EVERY_MS) return
    this.#kept = new Map(
      [...this.#kept].map(([key, kept]) =>
        kept.token.id === token.id ? [key, { ...kept, token: { ...token, lastUsedAt: now } }] : [key, kept],
      ),
    )
    await this.#store.db
      .updateTable('api_tokens')
      .set({ last_used_at: now })
      .where('id', '=', token.id)
      .execute()
  }

  /** Those not revoked, oldest first. */
  async list(): Promise<ApiToken[]> {
    await this.refresh()
    return [...this.#kept.values()].map((kept) => kept.token)
  }

  /**
   * The secret comes back this once. Throws INPUT_INVALID when the label is empty or too long, or there are
   * API_TOKENS_MAX.
   */
  async create(label: string, role: Role): Promise<{ token: ApiToken; secret: string }> {
    if (label === '' || label.length > LABEL_CHARS_MAX)
      throw new ThalwegError('INPUT_INVALID', `A label has 1 to ${LABEL_CHARS_MAX} characters`)
    if (this.#kept.size >= API_TOKENS_MAX)
      throw new ThalwegError('INPUT_INVALID', `There are ${API_TOKENS_MAX} API tokens: revoke some first`)
    const secret = newToken(PREFIX)
    const row: ApiTokensTable = {
      id: `token_${randomBytes(8).toString('hex')}`,
      label,
      role,
      hash: hashToken(secret),
      created_at: this.#clock.now(),
      last_used_at: null,
      revoked_at: null,
    }
    await this.#store.db.insertInto('api_tokens').values(row).execute()
    await this.refresh()
    return { token: tokenOf(row), secret }
  }

  /**
   * The token is refused from now on. Throws TOKEN_UNKNOWN; TOKEN_LAST for the last admin, which would lock
   * everybody out.
   */
  async revoke(id: string): Promise<void> {
    await this.#store.transaction(async (tx) => {
      const rows = await tx.selectFrom('api_tokens').selectAll().where('revoked_at', 'is', null).execute()
      const row = rows.find((one) => one.id === id)
      if (row === undefined)
        throw new ThalwegError('TOKEN_UNKNOWN', `There is no API token ${JSON.stringify(id)}`)
      if (row.role === 'admin' && rows.filter((one) => one.role === 'admin').length === 1) {
        throw new ThalwegError(
          'TOKEN_LAST',
          `The token "${row.label}" is the last one with the role admin: make another one first`,
        )
      }
      await tx
        .updateTable('api_tokens')
        .set({ revoked_at: this.#clock.now() })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .execute()
    })
    await this.refresh()
  }
}

function keyOf(digest: Uint8Array): string {
  return Buffer.from(digest).toString('latin1')
}

function tokenOf(row: ApiTokensTable): ApiToken {
  return {
    id: row.id,
    label: row.label,
    role: roleOf(row.role),
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  }
}
