/** Questions about people, answered by the process that keeps them. Arguments and answers travel: plain values only. */

import type { Store } from '../../store/store.ts'
import type { AudienceQueries } from '../audiences/desk.ts'
import { identifierKey, type Profile } from '../profile.ts'
import type { AgainDesk } from './again.ts'
import type { ProfileEngine } from './engine.ts'
import type { EvidenceDesk } from './evidence.ts'
import type { ForgettingDesk } from './forgetting.ts'
import type { HandDesk, Named } from './hand.ts'

/** A join, as it is told. */
export interface MergeView {
  readonly id: number
  readonly at: number
  readonly offset: number
  readonly survivor: number
  readonly loser: number
  /** Of the loser: field and value. */
  readonly identifiers: readonly (readonly [field: string, value: string])[]
  readonly undoneAt: number | null
}

export interface ConflictView {
  readonly id: number
  readonly at: number
  readonly offset: number
  readonly stream: string
  readonly field: string
  readonly value: string
  readonly reason: string
  readonly kept: number | null
  readonly other: number | null
}

/** A page, newest first. `profile`: of that one only, whichever side it was on. */
export interface PageRequest {
  readonly profile?: number | undefined
  /** Id that the page before ended with. */
  readonly before?: number | undefined
  readonly limit: number
}

export interface PeopleCounts {
  readonly profiles: number
  readonly identifiers: number
  readonly merges: number
  readonly conflicts: number
}

export interface PeopleQuestions {
  /** Whom an identifier finds now. */
  find(field: string, value: string): Promise<Profile | undefined>
  /** Everybody whom one of these identifiers finds, each once. */
  search(identifiers: readonly Named[]): Promise<Profile[]>
  /** By id; one that was joined into another one gives that one. */
  profile(id: number): Promise<Profile | undefined>
  /** A page of everybody, by id. */
  list(after: number, limit: number): Promise<Profile[]>
  counts(): Promise<PeopleCounts>
  merges(page: PageRequest): Promise<MergeView[]>
  conflicts(page: PageRequest): Promise<ConflictView[]>
}

/** All that the process answers about people. */
export type Desk = PeopleQuestions & HandDesk & AgainDesk & EvidenceDesk & ForgettingDesk & AudienceQueries

export class PeopleDesk implements PeopleQuestions {
  readonly #store: Store
  readonly #engine: ProfileEngine

  constructor(store: Store, engine: ProfileEngine) {
    this.#store = store
    this.#engine = engine
  }

  async find(field: string, value: string): Promise<Profile | undefined> {
    const { people } = this.#engine
    const set = await people.load([identifierKey(field, value)], 0)
    return set.ownerOf(identifierKey(field, value))
  }

  async search(identifiers: readonly Named[]): Promise<Profile[]> {
    const set = await this.#engine.people.load(
      identifiers.map(([field, value]) => identifierKey(field, value)),
      0,
    )
    return [...set.profiles.values()]
  }

  async profile(id: number): Promise<Profile | undefined> {
    const { people } = this.#engine
    const survivor = await people.survivorOf(id)
    return survivor === undefined ? undefined : (await people.profiles([survivor]))[0]
  }

  list(after: number, limit: number): Promise<Profile[]> {
    return this.#engine.people.after(after, limit)
  }

  async counts(): Promise<PeopleCounts> {
    const { db } = this.#store
    const count = async (table: 'profile_identifiers' | 'profile_merges' | 'profile_conflicts') => {
      const row = await db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(row.count)
    }
    const { profiles } = await db
      .selectFrom('profiles')
      .select(({ fn }) => fn.countAll<number>().as('profiles'))
      .where('merged_into', 'is', null)
      .executeTakeFirstOrThrow()
    return {
      profiles: Number(profiles),
      identifiers: await count('profile_identifiers'),
      merges: await count('profile_merges'),
      conflicts: await count('profile_conflicts'),
    }
  }

  async merges({ profile, before, limit }: PageRequest): Promise<MergeView[]> {
    let query = this.#store.db.selectFrom('profile_merges').selectAll().orderBy('id', 'desc').limit(limit)
    if (before !== undefined) query = query.where('id', '<', before)
    if (profile !== undefined)
      query = query.where((is) => is.or([is('survivor', '=', profile), is('loser', '=', profile)]))
    return (await query.execute()).map((row) => ({
      id: row.id,
      at: row.at,
      offset: row.record_offset,
      survivor: row.survivor,
      loser: row.loser,
      identifiers: JSON.parse(row.identifiers) as [string, string][],
      undoneAt: row.undone_at,
    }))
  }

  async conflicts({ profile, before, limit }: PageRequest): Promise<ConflictView[]> {
    let query = this.#store.db.selectFrom('profile_conflicts').selectAll().orderBy('id', 'desc').limit(limit)
    if (before !== undefined) query = query.where('id', '<', before)
    if (profile !== undefined)
      query = query.where((is) => is.or([is('kept', '=', profile), is('other', '=', profile)]))
    return (await query.execute()).map(({ record_offset: offset, ...row }) => ({ ...row, offset }))
  }
}
