/**
 * Authorizations: the credentials of a provider under a label, sealed. Write-only: what is listed names the fields that are
 * set, never their values. Only delivery asks for the values, and only to make requests.
 */

import { randomBytes } from 'node:crypto'
import type { Selectable, Transaction } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { AuthorizationsTable, Schema } from './schema.ts'
import type { Sealer } from './sealing.ts'
import type { Store } from './store.ts'

export type Health = 'unknown' | 'good' | 'bad'

/** What may be shown of an authorization. */
export interface Authorization {
  readonly id: string
  readonly label: string
  readonly description: string
  /** A destination's name. */
  readonly provider: string
  /** Names of the credential fields that are set, sorted. */
  readonly fields: readonly string[]
  readonly health: Health
  readonly healthDetail: string
  /** Milliseconds since the epoch; null: never. */
  readonly checkedAt: number | null
  readonly rotatedAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** Already checked against the provider's own schema by the caller. */
export type Credentials = Readonly<Record<string, unknown>>

export interface NewAuthorization {
  readonly label: string
  readonly description?: string
  readonly provider: string
  readonly credentials: Credentials
}

export interface AuthorizationsOptions {
  readonly store: Store
  readonly sealer: Sealer
  readonly clock: Clock
}

const LABEL_CHARS_MAX = 200
const TEXT_CHARS_MAX = 2_000
const CREDENTIALS_BYTES_MAX = 64 * 1024
const OPENED_MAX = 256
/** A rotation on another node is seen within this time; on this node, at once. */
const OPENED_MS_MAX = 30_000

const SHOWN = [
  'id',
  'label',
  'description',
  'provider',
  'fields',
  'health',
  'health_detail',
  'checked_at',
  'rotated_at',
  'created_at',
  'updated_at',
] as const

interface Opened {
  readonly credentials: Credentials
  readonly until: number
}

export class Authorizations {
  readonly #store: Store
  readonly #sealer: Sealer
  readonly #clock: Clock
  /** Opened credentials by id, oldest first. */
  readonly #opened = new Map<string, Opened>()
  /** Counts what made opened credentials stale, so that a read that was under way meanwhile is not kept. */
  #changes = 0

  constructor({ store, sealer, clock }: AuthorizationsOptions) {
    this.#store = store
    this.#sealer = sealer
    this.#clock = clock
  }

  /** Throws INPUT_INVALID when a text is empty or too long or the credentials exceed 64 KiB of JSON. */
  async create(wanted: NewAuthorization): Promise<Authorization> {
    const id = `auth_${randomBytes(8).toString('hex')}`
    const now = this.#clock.now()
    await this.#store.db
      .insertInto('authorizations')
      .values({
        id,
        label: checkText('label', wanted.label, 1, LABEL_CHARS_MAX),
        description: checkText('description', wanted.description ?? '', 0, TEXT_CHARS_MAX),
        provider: checkText('provider', wanted.provider, 1, LABEL_CHARS_MAX),
        ...this.#sealed(id, wanted.credentials),
        health: 'unknown',
        health_detail: '',
        checked_at: null,
        rotated_at: null,
        created_at: now,
        updated_at: now,
      })
      .execute()
    return this.get(id)
  }

  /** All, oldest first. */
  async list(): Promise<Authorization[]> {
    const rows = await this.#store.db
      .selectFrom('authorizations')
      .select(SHOWN)
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    return rows.map(shown)
  }

  /** Throws AUTHORIZATION_UNKNOWN. */
  async get(id: string): Promise<Authorization> {
    const row = await this.#store.db
      .selectFrom('authorizations')
      .select(SHOWN)
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined) throw unknown(id)
    return shown(row)
  }

  /** Changes what is for people only. Throws AUTHORIZATION_UNKNOWN, INPUT_INVALID. */
  async update(
    id: string,
    wanted: { readonly label?: string; readonly description?: string },
  ): Promise<Authorization> {
    const { label, description } = wanted
    await this.#change(id, {
      ...(label === undefined ? {} : { label: checkText('label', label, 1, LABEL_CHARS_MAX) }),
      ...(description === undefined
        ? {}
        : { description: checkText('description', description, 0, TEXT_CHARS_MAX) }),
      updated_at: this.#clock.now(),
    })
    return this.get(id)
  }

  /** Replaces all credentials; the health is unknown again. Throws AUTHORIZATION_UNKNOWN, INPUT_INVALID. */
  async rotate(id: string, credentials: Credentials): Promise<Authorization> {
    const now = this.#clock.now()
    await this.#change(id, {
      ...this.#sealed(id, credentials),
      health: 'unknown',
      health_detail: '',
      checked_at: null,
      rotated_at: now,
      updated_at: now,
    })
    this.#forget(id)
    return this.get(id)
  }

  /** Notes the outcome of a check or of a delivery. `detail` is cut at 2,000 characters. Throws AUTHORIZATION_UNKNOWN. */
  async setHealth(id: string, health: Exclude<Health, 'unknown'>, detail: string): Promise<void> {
    await this.#change(id, {
      health,
      health_detail: detail.slice(0, TEXT_CHARS_MAX),
      checked_at: this.#clock.now(),
    })
  }

  /**
   * Removes it for ever. `usedBy` is asked in the same transaction for the names of what still uses it.
   * Throws AUTHORIZATION_UNKNOWN, AUTHORIZATION_IN_USE.
   */
  async remove(id: string, usedBy: (tx: Transaction<Schema>) => Promise<readonly string[]>): Promise<void> {
    await this.#store.transaction(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('authorizations')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      if (numDeletedRows === 0n) throw unknown(id)
      const users = await usedBy(tx)
      if (users.length > 0) {
        throw new ThalwegError(
          'AUTHORIZATION_IN_USE',
          `The authorization "${id}" is still used by ${users.join(', ')}: give them another one first.`,
        )
      }
    })
    this.#forget(id)
  }

  /**
   * The credentials themselves, for delivery only: never to be logged, answered or stored. Kept in memory for up to 30 s.
   * Throws AUTHORIZATION_UNKNOWN, SEALING_KEY.
   */
  async reveal(id: string): Promise<Credentials> {
    const kept = this.#opened.get(id)
    if (kept !== undefined && kept.until > this.#clock.now()) return kept.credentials
    const changes = this.#changes
    const row = await this.#store.db
      .selectFrom('authorizations')
      .select('sealed')
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined) throw unknown(id)
    const text = Buffer.from(this.#sealer.open(row.sealed, id)).toString('utf8')
    const credentials = Object.freeze(JSON.parse(text) as Record<string, unknown>)
    if (changes === this.#changes) this.#keep(id, credentials)
    return credentials
  }

  #keep(id: string, credentials: Credentials): void {
    this.#opened.delete(id)
    this.#opened.set(id, { credentials, until: this.#clock.now() + OPENED_MS_MAX })
    if (this.#opened.size <= OPENED_MAX) return
    for (const oldest of this.#opened.keys()) {
      this.#opened.delete(oldest)
      break
    }
  }

  /** Another node may have rotated or removed some. */
  forgetOpened(): void {
    this.#changes++
    this.#opened.clear()
  }

  #forget(id: string): void {
    this.#changes++
    this.#opened.delete(id)
  }

  #sealed(id: string, credentials: Credentials): { sealed: Uint8Array; fields: string } {
    const plain = Buffer.from(JSON.stringify(credentials), 'utf8')
    if (plain.length > CREDENTIALS_BYTES_MAX) {
      throw new ThalwegError(
        'INPUT_INVALID',
        `The credentials take ${plain.length} bytes; at most ${CREDENTIALS_BYTES_MAX} are kept.`,
      )
    }
    return { sealed: this.#sealer.seal(plain, id), fields: JSON.stringify(fieldsSet(credentials)) }
  }

  async #change(id: string, values: Partial<AuthorizationsTable>): Promise<void> {
    const { numUpdatedRows } = await this.#store.db
      .updateTable('authorizations')
      .set(values)
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 0n) throw unknown(id)
  }
}

function fieldsSet(credentials: Credentials): string[] {
  return Object.entries(credentials)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name]) => name)
    .sort()
}

function shown(row: Pick<Selectable<AuthorizationsTable>, (typeof SHOWN)[number]>): Authorization {
  return {
    id: row.id,
    label: row.label,
    description: row.description,
    provider: row.provider,
    fields: JSON.parse(row.fields) as string[],
    health: row.health as Health,
    healthDetail: row.health_detail,
    checkedAt: row.checked_at,
    rotatedAt: row.rotated_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function checkText(name: string, text: string, least: number, most: number): string {
  if (text.length >= least && text.length <= most) return text
  throw new ThalwegError(
    'INPUT_INVALID',
    `The ${name} has ${text.length} characters; it takes ${least} to ${most}.`,
  )
}

function unknown(id: string): ThalwegError {
  return new ThalwegError('AUTHORIZATION_UNKNOWN', `There is no authorization "${id}".`)
}
