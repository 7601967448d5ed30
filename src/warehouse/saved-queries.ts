/** Queries kept under a name, with every version of what they said. Owns the tables saved_queries and saved_query_versions. */

import * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { type Store, violatesUnique } from '../store/store.ts'
import { EngineName } from './engines.ts'
import { SQL_CHARS_MAX } from './guard/tokens.ts'

export const SavedQueryName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/,
    'A name is 1 to 100 letters, digits, dots, - and _, beginning with a letter or digit',
  )

export const SavedQueryDefinition = z.strictObject({
  name: SavedQueryName.describe('Unique name.'),
  engine: EngineName.default('warehouse').describe('The engine it is meant for.'),
  sql: z.string().min(1).max(SQL_CHARS_MAX).describe('The query.'),
  description: z.string().max(2_000).default('').describe('For people.'),
})

export interface SavedQuery {
  readonly name: string
  readonly version: number
  readonly engine: string
  readonly sql: string
  readonly description: string
  readonly note: string
  /** Who saved this version, and when it was saved. */
  readonly author: string
  readonly savedAt: number
  readonly createdAt: number
}

export type SavedQueryText = Omit<z.output<typeof SavedQueryDefinition>, 'name'>

export type SavedQueryVersion = SavedQueryText & Pick<SavedQuery, 'version' | 'note' | 'author' | 'savedAt'>

/** Versions of one query: the oldest are forgotten. */
export const VERSIONS_MAX = 100
const LISTED_MAX = 1_000

export class SavedQueries {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** The first LISTED_MAX, by name. */
  list(): Promise<SavedQuery[]> {
    return this.#select().orderBy('saved_queries.name').limit(LISTED_MAX).execute()
  }

  /** Throws SAVED_QUERY_UNKNOWN. */
  async get(name: string): Promise<SavedQuery> {
    const row = await this.#select().where('saved_queries.name', '=', name).executeTakeFirst()
    if (row === undefined) throw unknown(name)
    return row
  }

  /** All kept ones, latest first. Throws SAVED_QUERY_UNKNOWN. */
  async versions(name: string): Promise<SavedQueryVersion[]> {
    await this.get(name)
    return this.#store.db
      .selectFrom('saved_query_versions')
      .select(['version', 'engine', 'sql', 'description', 'note', 'author', 'created_at as savedAt'])
      .where('name', '=', name)
      .orderBy('version', 'desc')
      .execute()
  }

  /** Throws SAVED_QUERY_NAME_TAKEN. The text is not checked: an engine that is away must not keep anybody from writing it down. */
  async create(name: string, text: SavedQueryText, author: string, note = ''): Promise<SavedQuery> {
    const now = this.#clock.now()
    try {
      await this.#store.transaction(async (tx) => {
        await tx
          .insertInto('saved_queries')
          .values({ name, version: 1, created_at: now, updated_at: now })
          .execute()
        await tx
          .insertInto('saved_query_versions')
          .values({ name, version: 1, ...text, note, author, created_at: now })
          .execute()
      })
    } catch (error) {
      if (!violatesUnique(error)) throw error
      throw new ThalwegError(
        'SAVED_QUERY_NAME_TAKEN',
        `There is a saved query ${JSON.stringify(name)} already`,
      )
    }
    return this.get(name)
  }

  /** Adds a version. Throws SAVED_QUERY_UNKNOWN. */
  async revise(name: string, text: Partial<SavedQueryText>, author: string, note = ''): Promise<SavedQuery> {
    const { engine, sql, description } = await this.get(name)
    const now = this.#clock.now()
    await this.#store.transaction(async (tx) => {
      const { version } = await tx
        .updateTable('saved_queries')
        .set((e) => ({ version: e('version', '+', 1), updated_at: now }))
        .where('name', '=', name)
        .returning('version')
        .executeTakeFirstOrThrow(() => unknown(name))
      await tx
        .insertInto('saved_query_versions')
        .values({ name, version, engine, sql, description, ...text, note, author, created_at: now })
        .execute()
      await tx
        .deleteFrom('saved_query_versions')
        .where('name', '=', name)
        .where('version', '<=', version - VERSIONS_MAX)
        .execute()
    })
    return this.get(name)
  }

  /** With all its versions. Throws SAVED_QUERY_UNKNOWN. */
  async remove(name: string): Promise<void> {
    await this.#store.transaction(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('saved_queries')
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      if (numDeletedRows === 0n) throw unknown(name)
      await tx.deleteFrom('saved_query_versions').where('name', '=', name).execute()
    })
  }

  #select() {
    return this.#store.db
      .selectFrom('saved_queries')
      .innerJoin('saved_query_versions as text', (join) =>
        join
          .onRef('text.name', '=', 'saved_queries.name')
          .onRef('text.version', '=', 'saved_queries.version'),
      )
      .select([
        'saved_queries.name',
        'saved_queries.version',
        'text.engine',
        'text.sql',
        'text.description',
        'text.note',
        'text.author',
        'text.created_at as savedAt',
        'saved_queries.created_at as createdAt',
      ])
  }
}

function unknown(name: string): ThalwegError {
  return new ThalwegError('SAVED_QUERY_UNKNOWN', `There is no saved query ${JSON.stringify(name)}`)
}
