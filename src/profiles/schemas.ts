/** The versions of the profiles' schema. Owns the table profile_schemas. */

import type { Clock } from '../core/clock.ts'
import { Turns } from '../core/turns.ts'
import type { Store } from '../store/store.ts'
import { ProfileSchema } from './schema.ts'

export interface SchemaVersion {
  /** 0: the one that a new installation has, which nobody saved. */
  readonly version: number
  readonly definition: ProfileSchema
  readonly note: string
  readonly author: string
  readonly savedAt: number
}

export class Schemas {
  readonly #store: Store
  readonly #clock: Clock
  readonly #first: ProfileSchema
  readonly #turns = new Turns()
  #present: SchemaVersion

  /** `first`: what counts until somebody saves another one. */
  constructor(store: Store, clock: Clock, first: ProfileSchema) {
    this.#store = store
    this.#clock = clock
    this.#first = first
    this.#present = this.#unsaved()
  }

  get present(): SchemaVersion {
    return this.#present
  }

  /** Reads again what another node may have saved. */
  start(): Promise<void> {
    return this.#turns.take(async () => {
      this.#present = (await this.versions(Number.POSITIVE_INFINITY, 1))[0] ?? this.#unsaved()
    })
  }

  /** Those before one, latest first; the last of all is what nobody saved. */
  async versions(before: number, limit: number): Promise<SchemaVersion[]> {
    const rows = await this.#store.db
      .selectFrom('profile_schemas')
      .selectAll()
      .where('version', '<', Math.min(before, Number.MAX_SAFE_INTEGER))
      .orderBy('version', 'desc')
      .limit(limit)
      .execute()
    const saved = rows.map((row) => ({
      version: row.version,
      definition: ProfileSchema.parse(JSON.parse(row.definition)),
      note: row.note,
      author: row.author,
      savedAt: row.created_at,
    }))
    return saved.length < limit && before > 0 ? [...saved, this.#unsaved()] : saved
  }

  /** Taken as valid. In turn with `start`: what that read before would undo it. */
  save(definition: ProfileSchema, note: string, author: string): Promise<SchemaVersion> {
    return this.#turns.take(() => this.#save(definition, note, author))
  }

  async #save(definition: ProfileSchema, note: string, author: string): Promise<SchemaVersion> {
    const savedAt = this.#clock.now()
    const { version } = await this.#store.db
      .insertInto('profile_schemas')
      .values(({ selectFrom, fn, val }) => ({
        version: selectFrom('profile_schemas').select(({ eb }) =>
          eb(fn.coalesce(fn.max('version'), val(0)), '+', 1).as('next'),
        ),
        definition: JSON.stringify(definition),
        note,
        author,
        created_at: savedAt,
      }))
      .returning('version')
      .executeTakeFirstOrThrow()
    this.#present = { version, definition, note, author, savedAt }
    return this.#present
  }

  #unsaved(): SchemaVersion {
    return { version: 0, definition: this.#first, note: '', author: '', savedAt: 0 }
  }
}
