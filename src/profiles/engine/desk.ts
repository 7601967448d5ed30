/** Questions about people, answered by the process that keeps them. Arguments and answers travel: plain values only. */

import type { Store } from '../../store/store.ts'
import type { AudienceQueries } from '../audiences/desk.ts'
import { identifierKey, type Profile } from '../profile.ts'
import type { AgainDesk } from './again.ts'
import { Census, type CensusView, type PeopleCounts } from './census.ts'
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

/** A page, newest first. `profile`: of that one only and of what was joined into it, whichever side it was on. */
export interface PageRequest {
  readonly profile?: number | undefined
  /** Id that the page before ended with. */
  readonly before?: number | undefined
  readonly limit: number
}

/** What somebody is looked for by, wherever it stands in a value. */
export interface TextSearch {
  readonly text: string
  /** Only in these fields. */
  readonly fields: readonly string[]
  /** Id of the profile that the page before ended with. */
  readonly after: number
  readonly limit: number
}

export interface TextFound {
  readonly profiles: readonly Profile[]
  /** Where to go on; null: everybody was looked at. */
  readonly next: number | null
  /** The highest id there is: how far there is to go. */
  readonly last: number
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
  /** Whose identifiers begin with one of these texts. */
  beginning(starts: readonly string[], limit: number): Promise<Profile[]>
  /** A bounded look at the next people: a page may have few, or none, and there may be more all the same. */
  searchText(search: TextSearch): Promise<TextFound>
  /** Exactly, in as long as it takes. */
  counts(): Promise<PeopleCounts>
  /** At once, of a large store perhaps as it was a while ago. */
  census(nowMs: number): Promise<CensusView>
  merges(page: PageRequest): Promise<MergeView[]>
  conflicts(page: PageRequest): Promise<ConflictView[]>
}

/** All that the process answers about people. */
export type Desk = PeopleQuestions & HandDesk & AgainDesk & EvidenceDesk & ForgettingDesk & AudienceQueries

/** People whom one page of a search looks at, in ids; those of them that are read; and at once. */
const LOOKED_MAX = 20_000
const READ_MAX = 1_000
const READ_AT_ONCE = 200

export class PeopleDesk implements PeopleQuestions {
  readonly #store: Store
  readonly #engine: ProfileEngine
  readonly #census: Census

  constructor(store: Store, engine: ProfileEngine) {
    this.#store = store
    this.#engine = engine
    this.#census = new Census(store, engine)
  }

  async find(field: string, value: string): Promise<Profile | undefined> {
    const { people } = this.#engine
    const key = identifierKey(field, value)
    return (await people.load([{ field, value, key }], 0)).ownerOf(key)
  }

  async search(identifiers: readonly Named[]): Promise<Profile[]> {
    const set = await this.#engine.people.load(
      identifiers.map(([field, value]) => ({ field, value, key: identifierKey(field, value) })),
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

  async beginning(starts: readonly string[], limit: number): Promise<Profile[]> {
    const { people } = this.#engine
    await this.#engine.settleIdentifiers()
    return people.profiles(await people.beginning(starts, limit))
  }

  async searchText({ text, fields, after, limit }: TextSearch): Promise<TextFound> {
    const { people } = this.#engine
    const last = await people.lastId()
    const until = Math.min(last, after + LOOKED_MAX)
    const found: Profile[] = []
    let at = after
    for (let read = 0; read < READ_MAX && at < until; ) {
      const page = await people.mentioning(text, at, until, READ_AT_ONCE)
      read += page.length
      at = page.length < READ_AT_ONCE ? until : (page.at(-1)?.id ?? until)
      for (const profile of page) {
        if (!fields.some((field) => hasText(profile.fields[field], text.toLowerCase()))) continue
        found.push(profile)
        if (found.length === limit)
          return { profiles: found, next: profile.id < last ? profile.id : null, last }
      }
    }
    return { profiles: found, next: at < last ? at : null, last }
  }

  counts(): Promise<PeopleCounts> {
    return this.#census.exact()
  }

  census(nowMs: number): Promise<CensusView> {
    return this.#census.view(nowMs)
  }

  async merges({ profile, before, limit }: PageRequest): Promise<MergeView[]> {
    let query = this.#store.db.selectFrom('profile_merges').selectAll().orderBy('id', 'desc').limit(limit)
    if (before !== undefined) query = query.where('id', '<', before)
    if (profile !== undefined) {
      const ids = await this.#engine.people.whole(profile)
      query = query.where('id', 'in', ({ selectFrom }) =>
        selectFrom('profile_merges')
          .select('id')
          .where('survivor', 'in', ids)
          .union(selectFrom('profile_merges').select('id').where('loser', 'in', ids)),
      )
    }
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
    if (profile !== undefined) {
      const ids = await this.#engine.people.whole(profile)
      query = query.where('id', 'in', ({ selectFrom }) =>
        selectFrom('profile_conflicts')
          .select('id')
          .where('kept', 'in', ids)
          .union(selectFrom('profile_conflicts').select('id').where('other', 'in', ids)),
      )
    }
    return (await query.execute()).map(({ record_offset: offset, ...row }) => ({ ...row, offset }))
  }
}

/** Whether a value of a field, or a part of it, has the text; `text` in small letters. */
function hasText(value: unknown, text: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value !== 'object') return String(value).toLowerCase().includes(text)
  if (Array.isArray(value)) return value.some((one) => hasText(one, text))
  return Object.entries(value).some(([key, one]) => key.toLowerCase().includes(text) || hasText(one, text))
}
