/** Takes people out who are to be forgotten: profiles with everything that tells of them, and words about them in others' values. */

import { sql, type Transaction } from 'kysely'
import { isNamingMember, isTelling, type SubjectIdentifier, spellingsOf, Traces } from '../../core/traces.ts'
import { compactStore } from '../../store/compact.ts'
import type { Touched } from '../../store/edit-rows.ts'
import { rowSet } from '../../store/row-set.ts'
import type { Schema } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import { takeFromQuarters } from '../audiences/quarters.ts'
import type { ProfileEngine } from './engine.ts'

export interface ForgettingDesk {
  /** Field and value of everything by which the profiles are found that one of these finds, as whatever field. */
  identifiersOf(
    identifiers: readonly SubjectIdentifier[],
  ): Promise<(readonly [field: string, value: string])[]>
  /**
   * Takes these profiles out, with what they absorbed, their joins, conflicts, audiences and what exports hold of them, and rewrites the files of the database. Nobody leaves
   * an audience by it, and nothing is exported. Dry: counts only.
   */
  forget(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<Touched[]>
}

export class PeopleForgetting implements ForgettingDesk {
  readonly #store: Store
  readonly #engine: ProfileEngine
  readonly #forgotten: () => void

  /** `forgotten`: called when members and moves went without a move that tells of it. */
  constructor(store: Store, engine: ProfileEngine, forgotten: () => void) {
    this.#store = store
    this.#engine = engine
    this.#forgotten = forgotten
  }

  async identifiersOf(identifiers: readonly SubjectIdentifier[]): Promise<(readonly [string, string])[]> {
    await this.#engine.settleIdentifiers()
    const owners = await this.#ownersOf(this.#store.db, identifiers)
    if (owners.length === 0) return []
    const rows = await this.#store.db
      .selectFrom('profile_identifiers')
      .select(['field', 'value'])
      .where('profile', 'in', owners)
      .orderBy('field')
      .orderBy('value')
      .execute()
    return rows.map(({ field, value }) => [field, value])
  }

  async forget(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<Touched[]> {
    const touched = await this.#engine.inTurn(async () => {
      await this.#engine.people.identifiers.settle()
      return this.#store.transaction((tx) => this.#forget(tx, identifiers, isDry))
    })
    if (!isDry) {
      this.#forgotten()
      await this.#engine.inTurn(() => compactStore(this.#store))
    }
    return touched
  }

  async #forget(
    tx: Transaction<Schema>,
    identifiers: readonly SubjectIdentifier[],
    isDry: boolean,
  ): Promise<Touched[]> {
    const { dialect } = this.#store
    const traces = new Traces(identifiers)
    const ids = await this.#withAbsorbed(tx, await this.#ownersOf(tx, identifiers))
    const theirs = rowSet(
      dialect,
      { id: 'whole' },
      ids.map((id) => [id]),
    )
    const words = await this.#wordsOf(tx, traces, new Set(ids))
    if (!isDry) await takeFromQuarters(tx, theirs)
    let beside = 0
    for (const { table, where } of [
      { table: 'profile_identifiers', where: sql`profile in ${theirs}` },
      { table: 'profile_merges', where: sql`survivor in ${theirs} or loser in ${theirs}` },
      { table: 'profile_conflicts', where: sql`kept in ${theirs} or other in ${theirs}` },
      { table: 'audience_members', where: sql`profile in ${theirs}` },
      { table: 'audience_moves', where: sql`profile in ${theirs}` },
      { table: 'export_people', where: sql`profile in ${theirs}` },
    ]) {
      const { rows } = await sql<{ count: number }>`
        select count(*) as count from ${sql.table(table)} where ${where}`.execute(tx)
      beside += Number(rows[0]?.count ?? 0)
      if (!isDry) await sql`delete from ${sql.table(table)} where ${where}`.execute(tx)
    }
    beside += await this.#neverLinks(tx, traces, isDry)
    if (!isDry) {
      await sql`delete from profiles where id in ${theirs}`.execute(tx)
      for (const { id, fields, core } of words)
        await tx
          .updateTable('profiles')
          .set({ fields: traces.masked(fields), core: traces.masked(core) })
          .where('id', '=', id)
          .execute()
    }
    return [
      { place: 'profiles', rows: ids.length },
      { place: 'profiles, what tells of them', rows: beside },
      { place: "profiles, words about them in what is others'", rows: words.length },
    ]
  }

  /** Profiles that are found by one of these. A short number counts only in a field that names somebody. */
  async #ownersOf(
    db: Store['db'] | Transaction<Schema>,
    identifiers: readonly SubjectIdentifier[],
  ): Promise<number[]> {
    const values = [...new Set(identifiers.flatMap(spellingsOf))]
    const rows = await db
      .selectFrom('profile_identifiers')
      .select(['field', 'value', 'profile'])
      .where('value', 'in', values)
      .execute()
    const owners = rows.filter(({ field, value }) => isTelling(value) || isNamingMember(field, ''))
    return [...new Set(owners.map(({ profile }) => profile))]
  }

  /** With those that were joined into them, however far back. */
  async #withAbsorbed(tx: Transaction<Schema>, ids: readonly number[]): Promise<number[]> {
    const all = new Set(ids)
    for (let next = [...ids]; next.length > 0; ) {
      const rows = await tx.selectFrom('profiles').select('id').where('merged_into', 'in', next).execute()
      next = rows.map(({ id }) => id).filter((id) => !all.has(id))
      for (const id of next) all.add(id)
    }
    return [...all]
  }

  /** Other profiles in whose values an identifier stands as a word. */
  async #wordsOf(
    tx: Transaction<Schema>,
    traces: Traces,
    theirs: ReadonlySet<number>,
  ): Promise<{ id: number; fields: string; core: string }[]> {
    const patterns = traces.identifiers.flatMap(spellingsOf).filter(isTelling).map(likePattern)
    if (patterns.length === 0) return []
    const anyOf = patterns.map(
      (pattern) =>
        sql<boolean>`lower(core) like ${pattern} escape '!' or lower(fields) like ${pattern} escape '!'`,
    )
    const { rows } = await sql<{ id: number; fields: string; core: string }>`
      select id, fields, core from profiles where ${sql.join(anyOf, sql` or `)}`.execute(tx)
    return rows.filter(
      ({ id, fields, core }) =>
        !theirs.has(id) && (traces.masked(fields) !== fields || traces.masked(core) !== core),
    )
  }

  async #neverLinks(tx: Transaction<Schema>, traces: Traces, isDry: boolean): Promise<number> {
    const rows = await tx.selectFrom('profile_never_links').select(['a', 'b', 'note']).execute()
    const about = rows.filter((row) => traces.owns([row.a, row.b]) || traces.masked(row.note) !== row.note)
    if (!isDry)
      for (const { a, b } of about)
        await tx.deleteFrom('profile_never_links').where('a', '=', a).where('b', '=', b).execute()
    return about.length
  }
}

/** As JSON writes the text, within a longer one. */
function likePattern(text: string): string {
  const written = JSON.stringify(text).slice(1, -1).toLowerCase()
  return `%${written.replaceAll(/[!%_]/g, '!$&')}%`
}
