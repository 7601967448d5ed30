/** The people of exports in the store of profiles. Owns the table export_people. */

import { type Expression, type SqlBool, sql, type Transaction } from 'kysely'
import type { Address } from '../../core/audience-change.ts'
import type { Dialect } from '../../store/columns.ts'
import { rowSet } from '../../store/row-set.ts'
import { putRows, type Target } from '../../store/rows.ts'
import type { ExportPeopleTable, Schema } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import type { Figures, PeopleQuery } from './book.ts'
import { isForgettable, type Lane, type Person, type PersonState } from './person.ts'

type Tx = Transaction<Schema>

const TARGET: Target = {
  table: 'export_people',
  columns: {
    export: 'whole',
    kind: 'text',
    label: 'text',
    value: 'text',
    profile: 'whole',
    held: 'whole',
    wanted: 'text',
    wanted_count: 'whole',
    sent: 'text',
    doubt: 'text',
    state: 'text',
    reason: 'text',
    attempts: 'whole',
    lane: 'text',
    due_at: 'whole',
    revision: 'whole',
    updated_at: 'whole',
  },
  key: ['export', 'kind', 'label', 'value'],
}

/** Spelt as the index spells it, so that SQLite takes that. */
const UNSETTLED: Expression<SqlBool> = sql<SqlBool>`state <> 'settled'`

export class PeopleTable {
  readonly #dialect: Dialect

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  /** All whom these profiles have or had, and those who are named. */
  async load(
    tx: Tx,
    exportNumber: number,
    profiles: readonly number[],
    named: readonly Address[],
  ): Promise<Person[]> {
    const found = new Map<string, Person>()
    const take = ({ rows }: { rows: readonly ExportPeopleTable[] }): void => {
      for (const row of rows) found.set(`${row.kind}\0${row.label}\0${row.value}`, personFrom(row))
    }
    if (profiles.length > 0) {
      const ids = rowSet(
        this.#dialect,
        { id: 'whole' },
        profiles.map((id) => [id]),
      )
      take(
        await sql<ExportPeopleTable>`
          select * from export_people where profile in ${ids} and export = ${exportNumber}`.execute(tx),
      )
    }
    if (named.length > 0)
      take(
        await sql<ExportPeopleTable>`
          select have.* from ${this.#addresses(named)} as named
          join export_people as have on have.export = ${exportNumber}
            and have.kind = named.kind and have.label = named.label and have.value = named.value`.execute(tx),
      )
    return [...found.values()]
  }

  async save(tx: Tx, exportNumber: number, people: readonly Person[]): Promise<void> {
    const gone = people.filter(isForgettable)
    await putRows(
      tx,
      this.#dialect,
      TARGET,
      people.filter((person) => !isForgettable(person)).map((person) => rowOf(exportNumber, person)),
    )
    if (gone.length === 0) return
    const named = this.#addresses(gone.map(({ who }) => who))
    await sql`delete from export_people where export = ${exportNumber} and (kind, label, value) in ${named}`.execute(
      tx,
    )
  }

  /** Those who wait on a lane, longest due first. */
  async waiting(db: Store['db'] | Tx, exportNumber: number, lane: Lane, max: number): Promise<Person[]> {
    const rows = await waitingOn(db, exportNumber, lane).selectAll().orderBy('due_at').limit(max).execute()
    return rows.map(personFrom)
  }

  async dueAts(db: Store['db'], exportNumber: number, lane: Lane, max: number): Promise<number[]> {
    const rows = await waitingOn(db, exportNumber, lane)
      .select('due_at')
      .orderBy('due_at')
      .limit(max)
      .execute()
    return rows.map(({ due_at: dueAt }) => dueAt)
  }

  /** In the order of their addresses. */
  async page(
    db: Store['db'] | Tx,
    exportNumber: number,
    { state, profile, value, after, limit }: PeopleQuery,
  ): Promise<Person[]> {
    let query = db.selectFrom('export_people').selectAll().where('export', '=', exportNumber)
    if (state !== undefined) query = query.where('state', '=', state)
    if (state !== undefined && state !== 'settled') query = query.where(UNSETTLED)
    if (profile !== undefined) query = query.where('profile', '=', profile)
    if (value !== undefined) query = query.where('value', '=', value)
    if (after !== undefined)
      query = query.where(
        sql<SqlBool>`(kind, label, value) > (${after.kind}, ${after.label}, ${after.value})`,
      )
    const rows = await query.orderBy('kind').orderBy('label').orderBy('value').limit(limit).execute()
    return rows.map(personFrom)
  }

  async figures(
    db: Store['db'],
    exportNumber: number,
    overMoreThan: number,
  ): Promise<Pick<Figures, 'people' | 'states' | 'holding' | 'over'>> {
    const rows = await db
      .selectFrom('export_people')
      .select(({ fn }) => [
        'state',
        fn.countAll<number>().as('people'),
        sql<number>`sum(case when sent = '[]' then 0 else 1 end)`.as('holding'),
        sql<number>`sum(case when wanted_count > ${overMoreThan} then 1 else 0 end)`.as('over'),
      ])
      .where('export', '=', exportNumber)
      .groupBy('state')
      .execute()
    const states: Record<PersonState, number> = { settled: 0, pending: 0, sending: 0, refused: 0 }
    const sums = { people: 0, holding: 0, over: 0 }
    for (const { state, people, holding, over } of rows) {
      states[state as PersonState] = Number(people)
      sums.people += Number(people)
      sums.holding += Number(holding)
      sums.over += Number(over)
    }
    return { ...sums, states }
  }

  /** From one state to waiting, due now. Gives how many. */
  async wait(
    db: Store['db'],
    exportNumber: number,
    from: 'sending' | 'refused',
    nowMs: number,
  ): Promise<number> {
    const result = await db
      .updateTable('export_people')
      .set({ state: 'pending', reason: '', due_at: nowMs, updated_at: nowMs })
      .where('export', '=', exportNumber)
      .where('state', '=', from)
      .where(UNSETTLED)
      .executeTakeFirst()
    return Number(result.numUpdatedRows)
  }

  async drop(tx: Tx, exportNumber: number): Promise<void> {
    await tx.deleteFrom('export_people').where('export', '=', exportNumber).execute()
  }

  #addresses(named: readonly Address[]) {
    return rowSet(
      this.#dialect,
      { kind: 'text', label: 'text', value: 'text' },
      named.map(({ kind, label, value }) => [kind, label, value]),
    )
  }
}

function waitingOn(db: Store['db'] | Tx, exportNumber: number, lane: Lane) {
  return db
    .selectFrom('export_people')
    .where('export', '=', exportNumber)
    .where('state', '=', 'pending')
    .where(UNSETTLED)
    .where('lane', '=', lane)
}

function rowOf(exportNumber: number, person: Person) {
  const { who, profile, held, wanted, sent, doubt, state, reason, attempts, lane } = person
  return [
    ...[exportNumber, who.kind, who.label, who.value, profile, held ? 1 : 0],
    ...[JSON.stringify(wanted), wanted.length, JSON.stringify(sent), JSON.stringify(doubt)],
    ...[state, reason, attempts, lane, person.dueAt, person.revision, person.updatedAt],
  ]
}

function personFrom(row: ExportPeopleTable): Person {
  return {
    who: { kind: row.kind as Address['kind'], label: row.label, value: row.value },
    profile: row.profile,
    held: row.held === 1,
    wanted: JSON.parse(row.wanted) as number[],
    sent: JSON.parse(row.sent) as string[],
    doubt: JSON.parse(row.doubt) as string[],
    state: row.state as PersonState,
    reason: row.reason,
    attempts: row.attempts,
    lane: row.lane as Lane,
    dueAt: row.due_at,
    revision: row.revision,
    updatedAt: row.updated_at,
  }
}
