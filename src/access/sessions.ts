/**
 * Sessions: browsers that somebody signed in with. The browser holds a secret in a cookie; here lies its SHA-256. Every request
 * asks the store, so that what ends a session or changes a role ends or changes it at once, on every node. Owns the table sessions.
 */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { hashToken, newToken } from '../core/secret.ts'
import type { Store } from '../store/store.ts'
import { type Person, personOf } from './people.ts'

export interface Session {
  readonly id: string
  /** What the browser says it is. */
  readonly agent: string
  /** From which it was signed in. */
  readonly address: string
  readonly createdAt: number
  /** To the minute. */
  readonly seenAt: number
}

export interface SessionLimits {
  readonly sessionIdleMs: number
  readonly sessionAgeMs: number
}

/** Where somebody signs in from. */
export interface From {
  readonly agent: string
  readonly address: string
}

const PREFIX = 'thalweg_session'
const AGENT_CHARS_MAX = 300
/** Of one person; the one that was used least lately makes room. */
export const SESSIONS_MAX = 50
const SEEN_EVERY_MS = 60_000

export class Sessions {
  readonly #store: Store
  readonly #clock: Clock
  readonly #limits: SessionLimits

  constructor(store: Store, clock: Clock, limits: SessionLimits) {
    this.#store = store
    this.#clock = clock
    this.#limits = limits
  }

  /** Gives what the cookie is to hold. */
  async open(person: string, { agent, address }: From): Promise<{ id: string; secret: string }> {
    const secret = newToken(PREFIX)
    const id = `session_${randomBytes(8).toString('hex')}`
    const now = this.#clock.now()
    await this.#store.transaction(async (tx) => {
      await tx
        .insertInto('sessions')
        .values({
          id,
          hash: hashToken(secret),
          person,
          agent: agent.slice(0, AGENT_CHARS_MAX),
          address,
          created_at: now,
          seen_at: now,
        })
        .execute()
      await tx.updateTable('people').set({ seen_at: now }).where('id', '=', person).execute()
      const many = await tx
        .selectFrom('sessions')
        .select('id')
        .where('person', '=', person)
        .orderBy('seen_at', 'desc')
        .orderBy('created_at', 'desc')
        .execute()
      const least = many.slice(SESSIONS_MAX).map((one) => one.id)
      if (least.length > 0) await tx.deleteFrom('sessions').where('id', 'in', least).execute()
    })
    return { id, secret }
  }

  /** Whose session this is; undefined when it is none, ended, or its person may not come in. Throws STORE_UNAVAILABLE. */
  async holder(secret: string): Promise<{ id: string; person: Person } | undefined> {
    const now = this.#clock.now()
    const row = await this.#store.db
      .selectFrom('sessions')
      .innerJoin('people', 'people.id', 'sessions.person')
      .selectAll('people')
      .select(['sessions.id as session', 'sessions.seen_at as used_at'])
      .where('sessions.hash', '=', hashToken(secret))
      .where('sessions.seen_at', '>', now - this.#limits.sessionIdleMs)
      .where('sessions.created_at', '>', now - this.#limits.sessionAgeMs)
      .where('people.disabled_at', 'is', null)
      .executeTakeFirst()
    if (row === undefined) return undefined
    if (now - row.used_at >= SEEN_EVERY_MS) await this.#seen(row.session, row.id, now)
    return { id: row.session, person: personOf(row, now) }
  }

  /** Of one person, the one used last first. */
  async list(person: string): Promise<Session[]> {
    const now = this.#clock.now()
    const rows = await this.#store.db
      .selectFrom('sessions')
      .selectAll()
      .where('person', '=', person)
      .where('seen_at', '>', now - this.#limits.sessionIdleMs)
      .where('created_at', '>', now - this.#limits.sessionAgeMs)
      .orderBy('seen_at', 'desc')
      .orderBy('id')
      .execute()
    return rows.map(({ id, agent, address, created_at, seen_at }) => ({
      id,
      agent,
      address,
      createdAt: created_at,
      seenAt: seen_at,
    }))
  }

  /** Throws SESSION_UNKNOWN when the person has no such session. */
  async end(person: string, id: string): Promise<void> {
    const { numDeletedRows } = await this.#store.db
      .deleteFrom('sessions')
      .where('id', '=', id)
      .where('person', '=', person)
      .executeTakeFirstOrThrow()
    if (numDeletedRows === 0n)
      throw new ThalwegError('SESSION_UNKNOWN', `You have no session ${JSON.stringify(id)}`)
  }

  /** Ends all of a person but one. Gives how many. */
  async endOthers(person: string, but: string): Promise<number> {
    const { numDeletedRows } = await this.#store.db
      .deleteFrom('sessions')
      .where('person', '=', person)
      .where('id', '<>', but)
      .executeTakeFirstOrThrow()
    return Number(numDeletedRows)
  }

  /** Removes what has ended by itself. */
  async purge(): Promise<void> {
    const now = this.#clock.now()
    await this.#store.db
      .deleteFrom('sessions')
      .where((e) =>
        e.or([
          e('seen_at', '<=', now - this.#limits.sessionIdleMs),
          e('created_at', '<=', now - this.#limits.sessionAgeMs),
        ]),
      )
      .execute()
  }

  async #seen(session: string, person: string, now: number): Promise<void> {
    await this.#store.transaction(
      async (tx) => {
        await tx.updateTable('sessions').set({ seen_at: now }).where('id', '=', session).execute()
        await tx.updateTable('people').set({ seen_at: now }).where('id', '=', person).execute()
      },
      { durable: 'soon' },
    )
  }
}
