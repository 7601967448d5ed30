/** What an operator does to profiles: joins two, undoes a join, says that two identifiers are never to be joined. */

import { sql } from 'kysely'
import { ThalwegError } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import { type Difference, type Plan, planMerge, planUndo, preview } from '../identity/split.ts'
import { identifierKey, keyOf, type Profile } from '../profile.ts'
import { neverLink, type WorkingSet } from '../working-set.ts'
import type { ProfileEngine } from './engine.ts'
import { keyText } from './people.ts'

/** What was done, or with `dry` would be. */
export interface Handled {
  readonly differences: readonly Difference[]
  /** Fields of which somebody would have more values than the rules allow. */
  readonly crowded: readonly string[]
}

export interface NeverLink {
  readonly a: readonly [field: string, value: string]
  readonly b: readonly [field: string, value: string]
  readonly note: string
  readonly createdAt: number
}

export interface NeverLinksPage {
  readonly profile?: number | undefined
  /** How many come before. */
  readonly skip: number
  readonly limit: number
}

export type Named = readonly [field: string, value: string]

export interface HandDesk {
  /** Throws PROFILE_UNKNOWN, and INPUT_INVALID where both are one. */
  merge(one: number, two: number, dry: boolean, nowMs: number): Promise<Handled>
  /** Throws PROFILE_MERGE_UNKNOWN, PROFILE_MERGE_STATE. */
  undo(merge: number, note: string, dry: boolean, nowMs: number): Promise<Handled>
  /** They are kept apart from now on; whoever has both already keeps them until the join is undone. */
  neverLink(a: Named, b: Named, note: string, nowMs: number): Promise<void>
  /** False: they were not kept apart. */
  mayLink(a: Named, b: Named): Promise<boolean>
  /** Newest first; `profile`: those of which it has an identifier. */
  neverLinks(page: NeverLinksPage): Promise<NeverLink[]>
}

export class OperatorDesk implements HandDesk {
  readonly #store: Store
  readonly #engine: ProfileEngine

  constructor(store: Store, engine: ProfileEngine) {
    this.#store = store
    this.#engine = engine
  }

  async merge(one: number, two: number, dry: boolean, nowMs: number): Promise<Handled> {
    const ids = await Promise.all([this.#survivor(one), this.#survivor(two)])
    if (ids[0] === ids[1]) throw new ThalwegError('INPUT_INVALID', 'Both are one profile already')
    return this.#carryOut(ids, dry, nowMs, 'merge', ({ profiles }) => {
      const [first, second] = ids.map((id) => found(profiles, id))
      if (first === undefined || second === undefined) throw unknown(one)
      return planMerge(first, second, this.#engine.doctrine.rules, nowMs)
    })
  }

  async undo(merge: number, note: string, dry: boolean, nowMs: number): Promise<Handled> {
    const row = await this.#store.db
      .selectFrom('profile_merges')
      .selectAll()
      .where('id', '=', merge)
      .executeTakeFirst()
    if (row === undefined) throw new ThalwegError('PROFILE_MERGE_UNKNOWN', `There is no join ${merge}`)
    if (row.undone_at !== null)
      throw new ThalwegError('PROFILE_MERGE_STATE', `The join ${merge} was undone already`)
    const identifiers = (JSON.parse(row.identifiers) as [string, string][]).map(([field, value]) =>
      identifierKey(field, value),
    )
    const survivor = await this.#survivor(row.survivor)
    return this.#carryOut(
      [survivor],
      dry,
      nowMs,
      'split',
      (set) => {
        const plan = planUndo(
          found(set.profiles, survivor),
          { at: row.at, loser: row.loser, identifiers },
          this.#engine.doctrine.rules,
          { neverLinks: set.neverLinks, newId: () => set.nextId++, at: nowMs },
        )
        if (plan !== undefined) return plan
        throw new ThalwegError(
          'PROFILE_MERGE_STATE',
          `The join ${merge} is past undoing: the profile has nothing left of what it joined, or nothing else`,
        )
      },
      note,
      merge,
    )
  }

  async neverLink(a: Named, b: Named, note: string, nowMs: number): Promise<void> {
    await this.#keepApart(neverLink(identifierKey(...a), identifierKey(...b)), note, nowMs, this.#store.db)
  }

  async mayLink(a: Named, b: Named): Promise<boolean> {
    const [first = '', second = ''] = neverLink(identifierKey(...a), identifierKey(...b)).split('\n')
    const deleted = await this.#store.db
      .deleteFrom('profile_never_links')
      .where('a', '=', keyText(first))
      .where('b', '=', keyText(second))
      .executeTakeFirst()
    return Number(deleted.numDeletedRows) > 0
  }

  async neverLinks({ profile, skip, limit }: NeverLinksPage): Promise<NeverLink[]> {
    let query = this.#store.db
      .selectFrom('profile_never_links')
      .selectAll()
      .orderBy('created_at', 'desc')
      .orderBy('a')
      .orderBy('b')
      .offset(skip)
      .limit(limit)
    if (profile !== undefined) {
      const [whole] = await this.#engine.people.profiles([await this.#survivor(profile)])
      const keys = (whole?.identifiers ?? []).map((held) => keyText(keyOf(held)))
      if (keys.length === 0) return []
      query = query.where((is) => is.or([is('a', 'in', keys), is('b', 'in', keys)]))
    }
    const rows = await query.execute()
    return rows.map(({ a, b, note, created_at: createdAt }) => ({
      a: JSON.parse(a) as [string, string],
      b: JSON.parse(b) as [string, string],
      note,
      createdAt,
    }))
  }

  async #carryOut(
    ids: readonly number[],
    dry: boolean,
    nowMs: number,
    cause: 'merge' | 'split',
    planned: (set: WorkingSet) => Plan,
    note = '',
    undone?: number,
  ): Promise<Handled> {
    const { rules, askedFields } = this.#engine.doctrine
    let plan: Plan | undefined
    let differences: readonly Difference[] = []
    const think = (set: WorkingSet): Plan => {
      plan = planned(set)
      differences = preview([...set.profiles.values()], plan, rules, askedFields, nowMs)
      return plan
    }
    if (dry) {
      think(await this.#engine.people.loadProfiles(ids, 0))
    } else {
      await this.#engine.alter(
        { ids },
        { cause, nowMs },
        (set) => {
          settle(set, think(set))
          return []
        },
        async (tx) => {
          for (const pair of plan?.neverLinks ?? []) await this.#keepApart(pair, note, nowMs, tx)
          if (undone !== undefined)
            await tx
              .updateTable('profile_merges')
              .set({ undone_at: nowMs })
              .where('id', '=', undone)
              .execute()
        },
      )
    }
    return { differences, crowded: plan?.crowded ?? [] }
  }

  async #keepApart(
    pair: string,
    note: string,
    nowMs: number,
    db: Pick<Store['db'], 'insertInto'>,
  ): Promise<void> {
    const [a = '', b = ''] = pair.split('\n')
    await db
      .insertInto('profile_never_links')
      .values({ a: keyText(a), b: keyText(b), note, created_at: nowMs })
      .onConflict((conflict) => conflict.columns(['a', 'b']).doUpdateSet({ note: sql`excluded.note` }))
      .execute()
  }

  async #survivor(id: number): Promise<number> {
    const survivor = await this.#engine.people.survivorOf(id)
    if (survivor === undefined) throw unknown(id)
    return survivor
  }
}

/** What was planned becomes what is to be written. */
function settle(set: WorkingSet, plan: Plan): void {
  for (const profile of plan.profiles) {
    set.profiles.set(profile.id, profile)
    set.touched.add(profile.id)
    for (const held of profile.identifiers)
      if (set.owners.get(keyOf(held)) !== profile.id) set.own(keyOf(held), profile.id)
  }
  for (const merge of plan.merges) {
    set.merges.push(merge)
    set.merged.set(merge.loser, merge.survivor)
    set.profiles.delete(merge.loser)
  }
}

function found(profiles: ReadonlyMap<number, Profile>, id: number): Profile {
  const profile = profiles.get(id)
  if (profile === undefined) throw unknown(id)
  return profile
}

function unknown(id: number): ThalwegError {
  return new ThalwegError('PROFILE_UNKNOWN', `There is no profile ${id}`)
}
