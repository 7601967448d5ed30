/**
 * How many people there are. A small store is counted at each question, exactly. A large one is counted on the side, slice by slice with a turn
 * for everybody else between two, and the question is answered at once with what was counted last.
 */

import { setImmediate as turn } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Store } from '../../store/store.ts'
import type { ProfileEngine } from './engine.ts'

export interface PeopleCounts {
  readonly profiles: number
  readonly identifiers: number
  readonly merges: number
  readonly conflicts: number
}

export interface CensusView {
  readonly merges: number
  readonly conflicts: number
  /** null: being counted for the first time since the start. */
  readonly profiles: number | null
  readonly identifiers: number | null
  /** When they were counted, by this process' clock; null as above. */
  readonly countedAt: number | null
}

type Counted = Pick<CensusView, 'profiles' | 'identifiers' | 'countedAt'>

/** Rows of one slice: some ten milliseconds. */
const SLICE = 20_000
const AGE_MS_MIN = 30_000
/** A count that takes long is made seldom: it may cost a hundredth of the time. */
const AGE_PER_COST = 100
const UNKNOWN: Counted = { profiles: null, identifiers: null, countedAt: null }

export class Census {
  readonly #store: Store
  readonly #engine: ProfileEngine
  #last = UNKNOWN
  #staleAt = 0
  #counting: Promise<void> | undefined

  constructor(store: Store, engine: ProfileEngine) {
    this.#store = store
    this.#engine = engine
  }

  /** Exactly, however long it takes. */
  async exact(): Promise<PeopleCounts> {
    return {
      profiles: await this.#profiles(),
      identifiers: await this.#identifiers(),
      merges: await this.#rows('profile_merges'),
      conflicts: await this.#rows('profile_conflicts'),
    }
  }

  /** At once. `nowMs`: what is told as the moment of a count. */
  async view(nowMs: number): Promise<CensusView> {
    if ((await this.#engine.people.lastId()) <= SLICE) return { ...(await this.exact()), countedAt: nowMs }
    if (performance.now() >= this.#staleAt)
      this.#counting ??= this.#count(nowMs)
        // The next question tries again.
        .catch(() => undefined)
        .finally(() => {
          this.#counting = undefined
        })
    return {
      ...this.#last,
      merges: await this.#rows('profile_merges'),
      conflicts: await this.#rows('profile_conflicts'),
    }
  }

  async #count(nowMs: number): Promise<void> {
    const startedAt = performance.now()
    const profiles = await this.#profiles()
    const identifiers = await this.#identifiers()
    this.#last = { profiles, identifiers, countedAt: nowMs }
    const costMs = performance.now() - startedAt
    this.#staleAt = performance.now() + Math.max(AGE_MS_MIN, AGE_PER_COST * costMs)
  }

  async #profiles(): Promise<number> {
    const last = await this.#engine.people.lastId()
    let profiles = 0
    for (let at = 0; at < last; at += SLICE) {
      const { count } = await this.#store.db
        .selectFrom('profiles')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('id', '>', at)
        .where('id', '<=', at + SLICE)
        .where('merged_into', 'is', null)
        .executeTakeFirstOrThrow()
      profiles += Number(count)
      await turn()
    }
    return profiles
  }

  async #identifiers(): Promise<number> {
    await this.#engine.settleIdentifiers()
    let identifiers = 0
    let [value, field] = ['', '']
    for (;;) {
      const { rows } = await sql<{ count: number; value: string | null; field: string | null }>`
        select (select count(*) from ${slice(value, field)} as every) as count, value, field
        from ${slice(value, field)} as slice order by value desc, field desc limit 1`.execute(this.#store.db)
      const [row] = rows
      if (row === undefined) return identifiers
      identifiers += Number(row.count)
      value = row.value ?? ''
      field = row.field ?? ''
      await turn()
    }
  }

  async #rows(table: 'profile_merges' | 'profile_conflicts'): Promise<number> {
    const { count } = await this.#store.db
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  }
}

/** The identifiers behind one, in the order in which they lie. */
function slice(value: string, field: string) {
  return sql`(select value, field from profile_identifiers
    where (value, field) > (${value}, ${field}) order by value, field limit ${SLICE})`
}
