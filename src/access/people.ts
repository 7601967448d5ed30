/**
 * People who may sign in, their roles, and the one-time links by which they choose a password. Of a link only the SHA-256 of its
 * code is kept. Owns the table people.
 *
 * | state    | means                                        | by                                          |
 * |----------|----------------------------------------------|---------------------------------------------|
 * | invited  | has not chosen a password yet                | made by an admin                            |
 * | active   | may sign in                                  | a link accepted, or the set-up              |
 * | disabled | may not, nor use a link; sessions have ended | an admin; enabled again, it is as it was before |
 */

import { randomBytes } from 'node:crypto'
import type { Selectable, Transaction } from 'kysely'
import * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { hashToken, newToken } from '../core/secret.ts'
import type { PeopleTable, Schema } from '../store/schema.ts'
import { type Store, violatesUnique } from '../store/store.ts'
import { NO_PASSWORD } from './passwords.ts'
import { type Role, roleOf } from './roles.ts'

export const PEOPLE_MAX = 1_000
export const LINK_MS = 24 * 3_600_000
const LINK_PREFIX = 'thalweg_link'
/** The longest that the mail system takes. */
const EMAIL_CHARS_MAX = 254
const NAME_CHARS_MAX = 100

export const Email = z
  .string()
  .trim()
  .max(EMAIL_CHARS_MAX)
  .regex(/^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u, 'This is no e-mail address')
export const PersonName = z
  .string()
  .trim()
  .min(1)
  .max(NAME_CHARS_MAX)
  .regex(/^\P{Cc}*$/u, 'A name has no control characters')

export const PERSON_STATES = ['invited', 'active', 'disabled'] as const
export type PersonState = (typeof PERSON_STATES)[number]

/** A person as they may be shown. Times in milliseconds since the epoch. */
export interface Person {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly role: Role
  readonly state: PersonState
  /** Until when a link that was not used yet works; null: there is none. */
  readonly linkUntil: number | null
  /** To the minute; null: never signed in. */
  readonly seenAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** Given out once; whoever has the code may choose the password. */
export interface Link {
  readonly code: string
  readonly until: number
}

export interface NewPerson {
  readonly email: string
  readonly name: string
  readonly role: Role
}

export interface PersonChange {
  readonly email?: string
  readonly name?: string
  readonly role?: Role
  readonly disabled?: boolean
}

type Row = Selectable<PeopleTable>
type Tx = Transaction<Schema>

/** Signs in by the sandbox only, so it is of no use where there is none. */
const DEMO = { id: 'person_demo', email: 'owner@demo.invalid', name: 'Demo owner' } as const

export class People {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** All, oldest first. */
  async list(): Promise<Person[]> {
    const rows = await this.#store.db
      .selectFrom('people')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    return rows.map((row) => personOf(row, this.#clock.now()))
  }

  /** By id or e-mail address. Throws PERSON_UNKNOWN. */
  async get(which: string): Promise<Person> {
    return personOf(await this.#row(which), this.#clock.now())
  }

  /** Who signs in by this address, and what the password is compared with; undefined: nobody may. */
  async signingIn(email: string): Promise<{ person: Person; password: string | null } | undefined> {
    const row = await this.#find(email)
    return row === undefined || row.disabled_at !== null || row.password === null
      ? undefined
      : { person: personOf(row, this.#clock.now()), password: row.password }
  }

  /** The hash that a person's password is compared with. Throws PERSON_UNKNOWN. */
  async passwordOf(id: string): Promise<string | null> {
    return (await this.#row(id)).password
  }

  /** Whether there is no admin yet who can sign in with a password. */
  async needsOwner(): Promise<boolean> {
    return !(await hasAdmin(this.#store.db, ''))
  }

  /** Throws PERSON_EMAIL_TAKEN; PEOPLE_FULL when there are PEOPLE_MAX. */
  async invite(wanted: NewPerson): Promise<{ person: Person; link: Link }> {
    const link = this.#newLink()
    const row = this.#newRow(wanted, { link_hash: hashToken(link.code), link_until: link.until })
    await this.#insert(row)
    return { person: personOf(row, this.#clock.now()), link }
  }

  /** The first admin, with a password already. Throws SETUP_DONE when there is one; PERSON_EMAIL_TAKEN, PEOPLE_FULL. */
  async createOwner(wanted: Omit<NewPerson, 'role'>, password: string): Promise<Person> {
    const row = this.#newRow({ ...wanted, role: 'admin' }, { password })
    await this.#insert(row, async (tx) => {
      if (await hasAdmin(tx, ''))
        throw new ThalwegError('SETUP_DONE', 'Thalweg has an owner already: sign in')
    })
    return personOf(row, this.#clock.now())
  }

  /** The ready-made admin of the demo, made when it is first asked for. */
  async demoOwner(): Promise<Person> {
    const row = { ...this.#newRow({ ...DEMO, role: 'admin' }, { password: NO_PASSWORD }), id: DEMO.id }
    await this.#store.db
      .insertInto('people')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return this.get(DEMO.id)
  }

  /** Throws PERSON_UNKNOWN, PERSON_EMAIL_TAKEN; PERSON_LAST_ADMIN when nobody would be left to let others in. */
  async change(which: string, { email, name, role, disabled }: PersonChange): Promise<Person> {
    const now = this.#clock.now()
    const { id } = await this.#row(which)
    try {
      await this.#store.transaction(async (tx) => {
        const row = await this.#locked(tx, id)
        if (role !== undefined && role !== 'admin') await keepAnAdmin(tx, row, 'get another role')
        if (disabled === true) await keepAnAdmin(tx, row, 'be disabled')
        await tx
          .updateTable('people')
          .set({
            updated_at: now,
            ...(email === undefined ? {} : { email, email_key: keyOf(email) }),
            ...(name === undefined ? {} : { name }),
            ...(role === undefined ? {} : { role }),
            ...(disabled === undefined ? {} : { disabled_at: disabled ? (row.disabled_at ?? now) : null }),
          })
          .where('id', '=', id)
          .execute()
        if (disabled === true) await endSessions(tx, id)
      })
    } catch (error) {
      throw violatesUnique(error) ? taken(email ?? '') : error
    }
    return this.get(id)
  }

  /** Their sessions end. Throws PERSON_UNKNOWN, PERSON_LAST_ADMIN. */
  async remove(which: string): Promise<void> {
    const { id } = await this.#row(which)
    await this.#store.transaction(async (tx) => {
      await keepAnAdmin(tx, await this.#locked(tx, id), 'be removed')
      await endSessions(tx, id)
      await tx.deleteFrom('people').where('id', '=', id).execute()
    })
  }

  /** A new link in place of any before it: an invitation for who has no password yet, else to choose another one. Throws PERSON_UNKNOWN, PERSON_DISABLED. */
  async newLink(which: string): Promise<{ person: Person; link: Link }> {
    const { id, disabled_at, email } = await this.#row(which)
    if (disabled_at !== null)
      throw new ThalwegError(
        'PERSON_DISABLED',
        `${email} is disabled: enable them before you give them a link`,
      )
    const link = this.#newLink()
    await this.#set(id, { link_hash: hashToken(link.code), link_until: link.until })
    return { person: await this.get(id), link }
  }

  /** Whose link this is. Throws LINK_REFUSED when it is wrong, was used, is too old, or its person is disabled. */
  async ofLink(code: string): Promise<Person> {
    const now = this.#clock.now()
    const row = await this.#store.db
      .selectFrom('people')
      .selectAll()
      .where('link_hash', '=', hashToken(code))
      .where('link_until', '>', now)
      .where('disabled_at', 'is', null)
      .executeTakeFirst()
    if (row === undefined) throw refusedLink()
    return personOf(row, now)
  }

  /** Uses up the link: the password is theirs from now on, and all their sessions end. Throws LINK_REFUSED. */
  async acceptLink(code: string, password: string, name: string | undefined): Promise<Person> {
    const { id } = await this.ofLink(code)
    const now = this.#clock.now()
    await this.#store.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('people')
        .set({
          password,
          link_hash: null,
          link_until: null,
          updated_at: now,
          ...(name === undefined ? {} : { name }),
        })
        .where('id', '=', id)
        // Of two who accept at once, one finds it used.
        .where('link_hash', '=', hashToken(code))
        .where('disabled_at', 'is', null)
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n) throw refusedLink()
      await endSessions(tx, id)
    })
    return this.get(id)
  }

  /** The person's own change. Throws PERSON_UNKNOWN. */
  async changeOwn(
    id: string,
    wanted: { readonly name?: string; readonly password?: string },
  ): Promise<Person> {
    await this.#set(id, { ...wanted, updated_at: this.#clock.now() })
    return this.get(id)
  }

  async #set(id: string, values: Partial<Omit<Row, 'id'>>): Promise<void> {
    await this.#store.db.updateTable('people').set(values).where('id', '=', id).execute()
  }

  #newLink(): Link {
    return { code: newToken(LINK_PREFIX), until: this.#clock.now() + LINK_MS }
  }

  #newRow({ email, name, role }: NewPerson, over: Partial<Row>): Row {
    const now = this.#clock.now()
    return {
      id: `person_${randomBytes(8).toString('hex')}`,
      email,
      email_key: keyOf(email),
      name,
      role,
      password: null,
      link_hash: null,
      link_until: null,
      disabled_at: null,
      seen_at: null,
      created_at: now,
      updated_at: now,
      ...over,
    }
  }

  async #insert(row: Row, unless?: (tx: Tx) => Promise<void>): Promise<void> {
    try {
      await this.#store.transaction(async (tx) => {
        await unless?.(tx)
        const { count } = await tx
          .selectFrom('people')
          .select((e) => e.fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow()
        if (count >= PEOPLE_MAX)
          throw new ThalwegError('PEOPLE_FULL', `There are ${PEOPLE_MAX} people: remove some first`)
        await tx.insertInto('people').values(row).execute()
      })
    } catch (error) {
      throw violatesUnique(error) ? taken(row.email) : error
    }
  }

  async #row(which: string): Promise<Row> {
    const row = await this.#find(which)
    if (row === undefined)
      throw new ThalwegError('PERSON_UNKNOWN', `There is no person ${JSON.stringify(which)}`)
    return row
  }

  #find(which: string): Promise<Row | undefined> {
    const query = this.#store.db.selectFrom('people').selectAll()
    return (
      which.includes('@') ? query.where('email_key', '=', keyOf(which)) : query.where('id', '=', which)
    ).executeTakeFirst()
  }

  /** Two admins that take the role from each other at once must not both succeed: on SQLite there is one writer anyway. */
  async #locked(tx: Tx, id: string): Promise<Row> {
    const query = tx.selectFrom('people').selectAll().orderBy('id')
    const rows = await (this.#store.dialect === 'postgres' ? query.forUpdate() : query).execute()
    const row = rows.find((one) => one.id === id)
    if (row === undefined) throw new ThalwegError('PERSON_UNKNOWN', `The person ${id} was removed`)
    return row
  }
}

/** For the session's own look at its person. */
export function personOf(row: Row, nowMs: number): Person {
  const { id, email, name, role, password, disabled_at, link_hash, link_until } = row
  return {
    id,
    email,
    name,
    role: roleOf(role),
    state: disabled_at !== null ? 'disabled' : password === null ? 'invited' : 'active',
    linkUntil: link_hash !== null && link_until !== null && link_until > nowMs ? link_until : null,
    seenAt: row.seen_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function keyOf(email: string): string {
  return email.trim().toLowerCase()
}

async function endSessions(tx: Tx, person: string): Promise<void> {
  await tx.deleteFrom('sessions').where('person', '=', person).execute()
}

/** Whether another one than `except` is an admin who can sign in with a password. */
async function hasAdmin(db: Store['db'] | Tx, except: string): Promise<boolean> {
  const row = await db
    .selectFrom('people')
    .select('id')
    .where('role', '=', 'admin')
    .where('disabled_at', 'is', null)
    .where('password', '<>', NO_PASSWORD)
    .where('id', '<>', except)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Throws PERSON_LAST_ADMIN. */
async function keepAnAdmin(tx: Tx, row: Row, fate: string): Promise<void> {
  const counts =
    row.role === 'admin' && row.disabled_at === null && (row.password ?? NO_PASSWORD) !== NO_PASSWORD
  if (!counts || (await hasAdmin(tx, row.id))) return
  throw new ThalwegError(
    'PERSON_LAST_ADMIN',
    `${row.email} is the last admin who can sign in and cannot ${fate}: make somebody else an admin first`,
  )
}

function taken(email: string): ThalwegError {
  return new ThalwegError('PERSON_EMAIL_TAKEN', `There is a person with the address ${email} already`)
}

function refusedLink(): ThalwegError {
  return new ThalwegError(
    'LINK_REFUSED',
    'The link is wrong, was used, or is older than a day: ask for a new one',
  )
}
