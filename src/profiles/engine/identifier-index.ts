/**
 * Whose an identifier is. The table has it by value, at a place that is as good as random: a new person would change a page of the file for each of
 * their identifiers. On SQLite those of new people are therefore kept here until so many have gathered that neighbours go to one page together, and a
 * filter spares the question to the table about what it does not have.
 *
 *   owned ──by somebody known before──────────────────────────► table
 *     └────by somebody new──► young ──enough──► old ──in order, by a thread, some with each stretch──► table; all: `indexed_to`
 *
 * Nothing is lost with the process: whoever is behind `indexed_to` has their identifiers in their profile, and is read at the next start.
 */

import { sql, type Transaction } from 'kysely'
import { rowSet, textList } from '../../store/row-set.ts'
import { putRows, type Row, type Target } from '../../store/rows.ts'
import type { Schema } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import { unpack } from '../packed.ts'
import { type IdentifierKey, identifierKey, keyOf } from '../profile.ts'
import { KeyFilter } from './key-filter.ts'
import { hashOf, splitKey } from './key-hash.ts'
import { KeyTable } from './key-table.ts'
import { Leaving } from './leaving.ts'

/** An identifier that is looked up. */
export interface Wanted {
  readonly field: string
  readonly value: string
  readonly key: IdentifierKey
}

/** Those that are on their way to the table. */
interface Old {
  readonly keys: KeyTable
  readonly leaving: Leaving
  /** Resolves to whether all of them are there, once those are that were told to go last. */
  going: Promise<boolean>
  /** When all of them are there, everybody up to this id has theirs there. */
  readonly indexedTo: number
}

/** Where new people's identifiers are kept for a while: with a store in a file. */
export interface Keeping {
  /** Path of the file. */
  readonly file: string
  readonly sizes?: IndexSizes
}

export interface IndexSizes {
  /** Identifiers that are young until they are old. */
  readonly young: number
  /** Of the old ones that go to the table beside one transaction of records: more than it brings. */
  readonly leaving: number
  /** Rows of the table that the filter learns before one stretch. */
  readonly learnt: number
}

/**
 * Young: of some thirty thousand people, whose identifiers take 20 MB; of a table of half a million people a page gets four of them at once. What
 * leaves or is learnt takes some twenty milliseconds.
 */
const SIZES: IndexSizes = { young: 131_072, leaving: 8_192, learnt: 20_000 }
/** People read at once at a start. */
const READ_AT_ONCE = 2_000
/** Above every profile's id: nobody is new. */
const NOBODY_NEW = Number.MAX_SAFE_INTEGER

const TABLE: Target = {
  table: 'profile_identifiers',
  columns: { field: 'text', value: 'text', profile: 'whole' },
  key: ['field', 'value'],
}

export class IdentifierIndex {
  readonly #store: Store
  /** undefined: all goes to the table at once. */
  readonly #file: string | undefined
  readonly #sizes: IndexSizes
  #young = new KeyTable()
  #old: Old | undefined
  /** Whoever is behind it is new: what they come to have may be kept, because it is read again until they are in the table as a whole. */
  #newAfter = NOBODY_NEW
  /** Has what the table has, once it has learnt it. */
  readonly #filter = new KeyFilter()
  /** The last row of the table that the filter has learnt; undefined: it knows them all. */
  #learnedTo: readonly [field: string, value: string] | undefined = ['', '']
  #isDoubtful = false
  #reading: Promise<void> | undefined

  /** Until it is to be read it keeps nothing: all goes to the table. */
  constructor(store: Store, keeping?: Keeping) {
    this.#store = store
    this.#file = keeping?.file
    this.#sizes = keeping?.sizes ?? SIZES
  }

  /** What is kept is read anew before it is needed: at the start, and after a write of which nobody knows whether it was done. */
  doubt(): void {
    this.#isDoubtful = this.#file !== undefined
  }

  /** Nothing of this is to be written before: `moved` and `owners` as `write` takes them. */
  async prepare(
    moved: readonly IdentifierKey[],
    owners: ReadonlyMap<IdentifierKey, number | null>,
  ): Promise<void> {
    await this.#ready()
    const old = this.#old?.keys
    // The thread would still bring what is to be nobody's.
    if (
      old !== undefined &&
      moved.some((key) => (owners.get(key) ?? null) === null && old.knows(key, hashOf(key)))
    )
      await this.#settleOld()
  }

  async #ready(): Promise<void> {
    while (this.#isDoubtful || this.#reading !== undefined) {
      this.#reading ??= this.#readKept().finally(() => {
        this.#reading = undefined
      })
      await this.#reading
    }
  }

  async #readKept(): Promise<void> {
    this.#isDoubtful = false
    try {
      await this.#readNew()
    } catch (error) {
      this.doubt()
      throw error
    }
  }

  async #readNew(): Promise<void> {
    const old = this.#old
    this.#old = undefined
    await old?.leaving.end()
    const young = new KeyTable()
    const { indexed_to: indexedTo } = await this.#store.db
      .selectFrom('profile_position')
      .select('indexed_to')
      .executeTakeFirstOrThrow()
    for (let at = indexedTo; ; ) {
      const people = await this.#store.db
        .selectFrom('profiles')
        .select(['id', 'fields', 'core'])
        .where('id', '>', at)
        .where('merged_into', 'is', null)
        .orderBy('id')
        .limit(READ_AT_ONCE)
        .execute()
      for (const { id, fields, core } of people)
        for (const held of unpack(core, JSON.parse(fields)).identifiers) {
          const key = keyOf(held)
          young.set(key, hashOf(key), id)
        }
      at = people.at(-1)?.id ?? at
      if (people.length < READ_AT_ONCE) break
    }
    this.#young = young
    this.#newAfter = indexedTo
  }

  /** Of those that somebody has: whose they are, by their place in the list. All of one field. */
  async owners(
    field: string,
    wanted: readonly Wanted[],
  ): Promise<readonly { readonly place: number; readonly profile: number }[]> {
    await this.#ready()
    const owners: { place: number; profile: number }[] = []
    const places: number[] = []
    wanted.forEach(({ key }, place) => {
      const hash = hashOf(key)
      const profile = this.#young.get(key, hash) ?? this.#old?.keys.get(key, hash)
      if (profile !== undefined) owners.push({ place, profile })
      else if (this.#mayBeInTable(hash)) places.push(place)
    })
    if (places.length === 0) return owners
    const values = places.map((place) => (wanted[place] as Wanted).value)
    // SQLite takes a cross join in the order it is written in: each value is looked up, not each identifier there is.
    const { rows } = await sql<{ place: number; profile: number }>`
      select wanted.place, have.profile from ${textList(this.#store.dialect, values)} as wanted
      cross join profile_identifiers as have
      where have.field = ${field} and have.value = wanted.value`.execute(this.#store.db)
    for (const { place, profile } of rows) owners.push({ place: places[place] as number, profile })
    return owners
  }

  /**
   * Writes whose the moved identifiers are now; null: nobody's. `moved` may say one several times. What it gives is to be called once the transaction
   * is committed; where nobody knows whether it is, `doubt` is.
   */
  async write(
    tx: Transaction<Schema>,
    moved: readonly IdentifierKey[],
    owners: ReadonlyMap<IdentifierKey, number | null>,
  ): Promise<() => void> {
    const kept: IdentifierKey[] = []
    const hashes: number[] = []
    const owned = new Set<IdentifierKey>()
    const free = new Set<IdentifierKey>()
    for (const key of moved) {
      const owner = owners.get(key) ?? null
      const hash = owner === null || owner <= this.#newAfter ? undefined : hashOf(key)
      if (owner === null) free.add(key)
      else if (hash === undefined || this.#mayBeInTable(hash)) owned.add(key)
      else {
        kept.push(key)
        hashes.push(hash)
      }
    }
    await this.#free(tx, [...free])
    // Of each field in the order of the table: neighbours lie on one page.
    await this.#put(tx, [...owned].sort(), (key) => owners.get(key) as number)
    return () => {
      // What is being read anew may have passed by whoever was written.
      if (this.#isDoubtful || this.#reading !== undefined) return this.doubt()
      for (const key of [...free, ...owned]) this.#drop(key, hashOf(key))
      kept.forEach((key, i) => {
        const hash = hashes[i] as number
        this.#old?.keys.delete(key, hash)
        this.#young.set(key, hash, owners.get(key) as number)
      })
    }
  }

  /** Lets some of what is kept go to the table, once enough is. Nothing else is to be written meanwhile. */
  async settleSome(): Promise<void> {
    await this.#ready()
    const isMuch = this.#young.size >= this.#sizes.young
    if (this.#old !== undefined) {
      // The young ones must not become more and more while the old ones are too slow.
      if (isMuch) await this.#settleOld()
      else if (!this.#old.leaving.isBusy) await this.#send(this.#old)
    }
    if (this.#old === undefined && isMuch) await this.#grow()
  }

  /** Brings all that is kept into the table. Nothing else is to be written meanwhile. */
  async settle(): Promise<void> {
    await this.#ready()
    await this.#settleOld()
    if (this.#young.size > 0) await this.#grow()
    await this.#settleOld()
  }

  async #settleOld(): Promise<void> {
    for (let old = this.#old; old !== undefined; old = this.#old) await this.#send(old)
  }

  /** The young ones are old. */
  async #grow(): Promise<void> {
    const { next_profile: next } = await this.#store.db
      .selectFrom('profile_position')
      .select('next_profile')
      .executeTakeFirstOrThrow()
    const keys: IdentifierKey[] = []
    const owners: number[] = []
    this.#young.forEach((key, hash, owner) => {
      // Before it is there: a filter that knows too much costs a question, one that knows too little would lose somebody.
      this.#filter.add(hash)
      keys.push(key)
      owners.push(owner)
    })
    const leaving = new Leaving(this.#file as string, keys, owners)
    this.#old = { keys: this.#young, leaving, going: Promise.resolve(keys.length === 0), indexedTo: next - 1 }
    this.#young = new KeyTable()
    this.#newAfter = next - 1
  }

  /** The next of the old ones set out; where all of them are there, nobody is old any more. */
  async #send(old: Old): Promise<void> {
    try {
      if (!(await old.going)) {
        old.going = old.leaving.some(this.#sizes.leaving)
        old.going.catch(() => {
          if (this.#old === old) this.doubt()
        })
        return
      }
      await this.#store.db.updateTable('profile_position').set({ indexed_to: old.indexedTo }).execute()
      this.#old = undefined
    } catch (error) {
      this.doubt()
      throw error
    }
  }

  /** The filter learns more of what an earlier process wrote. */
  async learn(): Promise<void> {
    if (this.#learnedTo === undefined || this.#file === undefined) return
    const [lastField, lastValue] = this.#learnedTo
    const { rows } = await sql<{ field: string; value: string }>`
      select field, value from profile_identifiers where (value, field) > (${lastValue}, ${lastField})
      order by value, field limit ${this.#sizes.learnt}`.execute(this.#store.db)
    for (const { field, value } of rows) this.#filter.add(hashOf(identifierKey(field, value)))
    const last = rows.at(-1)
    this.#learnedTo =
      rows.length < this.#sizes.learnt || last === undefined ? undefined : [last.field, last.value]
  }

  #mayBeInTable(hash: number): boolean {
    return this.#learnedTo !== undefined || this.#filter.mayHave(hash)
  }

  async #put(
    tx: Transaction<Schema>,
    keys: readonly IdentifierKey[],
    ownerOf: (key: IdentifierKey) => number,
  ): Promise<void> {
    const rows = keys.map((key): Row => {
      // Before it is there: a filter that knows too much costs a question, one that knows too little would lose somebody.
      if (this.#file !== undefined) this.#filter.add(hashOf(key))
      const [field, value] = splitKey(key)
      return [field, value, ownerOf(key)]
    })
    await putRows(tx, this.#store.dialect, TABLE, rows)
  }

  #drop(key: IdentifierKey, hash: number): void {
    this.#young.delete(key, hash)
    this.#old?.keys.delete(key, hash)
  }

  async #free(tx: Transaction<Schema>, keys: readonly IdentifierKey[]): Promise<void> {
    if (keys.length === 0) return
    const free = rowSet(this.#store.dialect, { field: 'text', value: 'text' }, keys.map(splitKey))
    await sql`delete from profile_identifiers where (field, value) in ${free}`.execute(tx)
  }
}
