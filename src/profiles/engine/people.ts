/** The tables of profiles, read for a stretch of records and written back with what became of it, in one transaction. */

import { sql, type Transaction } from 'kysely'
import { rowSet } from '../../store/row-set.ts'
import { putRows, type Row, type Target } from '../../store/rows.ts'
import type { Schema } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import { addToQuarters } from '../audiences/quarters.ts'
import type { Standing } from '../follower.ts'
import type { Move } from '../judge.ts'
import { pack, unpack } from '../packed.ts'
import { type IdentifierKey, identifierKey, type Judged, keyOf, type Profile } from '../profile.ts'
import { type Conflict, type Merge, neverLink, WorkingSet } from '../working-set.ts'
import { IdentifierIndex, type Keeping, type Wanted } from './identifier-index.ts'
import { splitKey } from './key-hash.ts'

/** Profiles that one was made of, as far as its history is told. */
const WHOLE_MAX = 500

/** The one row of profile_position. */
const THE_ROW = 1

export interface Position {
  readonly position: number
  readonly nextProfile: number
  readonly judgedBy: string
  readonly judgedTo: number
}

/** What one transaction leaves behind. */
export interface Outcome {
  readonly touched: readonly Profile[]
  /** Loser → survivor. */
  readonly merged: ReadonlyMap<number, number>
  readonly gone: readonly number[]
  /** Perhaps several times. */
  readonly moved: readonly IdentifierKey[]
  /** At least of the moved ones; null: nobody's. */
  readonly owners: ReadonlyMap<IdentifierKey, number | null>
  readonly merges: readonly Merge[]
  readonly conflicts: readonly Conflict[]
  readonly moves: readonly Move[]
}

export class People {
  readonly identifiers: IdentifierIndex
  readonly #store: Store

  constructor(store: Store, keeping?: Keeping) {
    this.#store = store
    this.identifiers = new IdentifierIndex(store, keeping)
  }

  /** Where the log is read on; undefined before it was ever read. */
  async position(): Promise<Position | undefined> {
    const row = await this.#store.db.selectFrom('profile_position').selectAll().executeTakeFirst()
    if (row === undefined) return undefined
    return {
      position: row.position,
      nextProfile: row.next_profile,
      judgedBy: row.judged_by,
      judgedTo: row.judged_to,
    }
  }

  async open(position: number, judgedBy: string): Promise<void> {
    await this.#store.db
      .insertInto('profile_position')
      .values({
        id: THE_ROW,
        position,
        next_profile: 1,
        judged_by: judgedBy,
        judged_to: JUDGED_ALL,
        indexed_to: 0,
      })
      .execute()
  }

  /** The profiles that these identifiers have. */
  async load(wanted: Iterable<Wanted>, nextId: number): Promise<WorkingSet> {
    const set = new WorkingSet(nextId, await this.neverLinks())
    const byField = new Map<string, Wanted[]>()
    for (const one of wanted) {
      if (set.owners.has(one.key)) continue
      set.owners.set(one.key, null)
      const ofField = byField.get(one.field)
      if (ofField === undefined) byField.set(one.field, [one])
      else ofField.push(one)
    }
    const owners = new Set<number>()
    for (const [field, ofField] of byField)
      for (const { place, profile } of await this.identifiers.owners(field, ofField)) {
        const { key } = ofField[place] as Wanted
        set.owners.set(key, profile)
        owners.add(profile)
      }
    await this.#fill(set, [...owners])
    return set
  }

  /** These profiles and no others. */
  async loadProfiles(ids: readonly number[], nextId: number): Promise<WorkingSet> {
    const set = new WorkingSet(nextId, await this.neverLinks())
    await this.#fill(set, ids)
    return set
  }

  async #fill(set: WorkingSet, ids: readonly number[]): Promise<void> {
    for (const profile of await this.profiles(ids)) {
      set.profiles.set(profile.id, profile)
      for (const held of profile.identifiers) set.owners.set(keyOf(held), profile.id)
    }
  }

  /** Those that are there, in the order of their ids. */
  async profiles(ids: readonly number[]): Promise<Profile[]> {
    if (ids.length === 0) return []
    const wanted = rowSet(
      this.#store.dialect,
      { id: 'whole' },
      ids.map((id) => [id]),
    )
    const { rows } = await sql<WholeRow>`
      select id, flip_at, members, fields, core from profiles
      where id in ${wanted} and merged_into is null order by id`.execute(this.#store.db)
    return rows.map(profileFrom)
  }

  /** How these people stand, of those that are there. `db`: the transaction that asks, if it does. */
  async standings(
    ids: readonly number[],
    db: Store['db'] | Transaction<Schema> = this.#store.db,
  ): Promise<ReadonlyMap<number, Standing>> {
    if (ids.length === 0) return new Map()
    const wanted = rowSet(
      this.#store.dialect,
      { id: 'whole' },
      ids.map((id) => [id]),
    )
    const { rows } = await sql<JudgedRow>`
      select id, flip_at, members, fields from profiles where id in ${wanted} and merged_into is null`.execute(
      db,
    )
    return new Map(rows.map((row) => [row.id, judgedFrom(row)]))
  }

  /** A page of everybody, by id. */
  async after(id: number, limit: number): Promise<Profile[]> {
    const rows = await this.#store.db
      .selectFrom('profiles')
      .select(['id', 'flip_at', 'members', 'fields', 'core'])
      .where('id', '>', id)
      .where('merged_into', 'is', null)
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(profileFrom)
  }

  /** The highest id that anybody had; 0 where there never was anybody. */
  async lastId(): Promise<number> {
    const row = await this.#store.db
      .selectFrom('profiles')
      .select('id')
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row?.id ?? 0
  }

  /**
   * Of those behind `after` up to `until`, by id, whose fields as JSON have the text somewhere, in letters of either case; at most `limit`. Names of
   * fields count, too: whoever asks looks at the values.
   */
  async mentioning(text: string, after: number, until: number, limit: number): Promise<Profile[]> {
    const like = sql.raw(this.#store.dialect === 'postgres' ? 'ilike' : 'like')
    const pattern = `%${JSON.stringify(text)
      .slice(1, -1)
      .replaceAll(/[\\%_]/g, '\\$&')}%`
    const { rows } = await sql<WholeRow>`
      select id, flip_at, members, fields, core from profiles
      where id > ${after} and id <= ${until} and merged_into is null and fields ${like} ${pattern} escape '\\'
      order by id limit ${limit}`.execute(this.#store.db)
    return rows.map(profileFrom)
  }

  /** Whose identifiers in the table begin with one of these texts, by value; each once, so many identifiers at most. */
  async beginning(starts: readonly string[], limit: number): Promise<number[]> {
    const ids = new Set<number>()
    for (const start of new Set(starts)) {
      const rows = await this.#store.db
        .selectFrom('profile_identifiers')
        .select('profile')
        .where('value', '>=', start)
        .where('value', '<', `${start}\u{10ffff}`)
        .orderBy('value')
        .limit(limit)
        .execute()
      for (const { profile } of rows) ids.add(profile)
    }
    return [...ids].slice(0, limit)
  }

  /** A profile and all that were joined into it, and into those, before it or since; at most WHOLE_MAX. */
  async whole(id: number): Promise<number[]> {
    const { rows } = await sql<{ id: number }>`
      with recursive whole(id) as (
        select ${id}${sql.raw(this.#store.dialect === 'postgres' ? '::bigint' : '')}
        union
        select loser from profile_merges inner join whole on survivor = whole.id where undone_at is null
      ) select id from whole limit ${WHOLE_MAX}`.execute(this.#store.db)
    return rows.map((row) => Number(row.id))
  }

  /** The same, without what judging does not look at. */
  async judgedAfter(id: number, limit: number): Promise<Judged[]> {
    const rows = await this.#store.db
      .selectFrom('profiles')
      .select(['id', 'flip_at', 'members', 'fields'])
      .where('id', '>', id)
      .where('merged_into', 'is', null)
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(judgedFrom)
  }

  /** Those that a rule with a relative date may judge otherwise by now, longest due first. */
  async due(nowMs: number, limit: number): Promise<Judged[]> {
    const rows = await this.#store.db
      .selectFrom('profiles')
      .select(['id', 'flip_at', 'members', 'fields'])
      .where('flip_at', '<=', nowMs)
      .orderBy('flip_at')
      .limit(limit)
      .execute()
    return rows.map(judgedFrom)
  }

  async nextFlip(): Promise<number | undefined> {
    const row = await this.#store.db
      .selectFrom('profiles')
      .select('flip_at')
      .where('flip_at', 'is not', null)
      .orderBy('flip_at')
      .limit(1)
      .executeTakeFirst()
    return row?.flip_at ?? undefined
  }

  async neverLinks(): Promise<ReadonlySet<string>> {
    const rows = await this.#store.db.selectFrom('profile_never_links').select(['a', 'b']).execute()
    return new Set(rows.map(({ a, b }) => neverLink(keyFrom(a), keyFrom(b))))
  }

  /** Follows joins to whom a profile belongs now. */
  async survivorOf(id: number): Promise<number | undefined> {
    let at = id
    for (;;) {
      const row = await this.#store.db
        .selectFrom('profiles')
        .select('merged_into')
        .where('id', '=', at)
        .executeTakeFirst()
      if (row === undefined) return undefined
      if (row.merged_into === null) return at
      at = row.merged_into
    }
  }

  /** Moves the position from `from` to `to`; false, with nothing written, when it is not at `from`. */
  async advance(tx: Transaction<Schema>, from: number, to: number, nextProfile: number): Promise<boolean> {
    const moved = await tx
      .updateTable('profile_position')
      .set({ position: to, next_profile: nextProfile })
      .where('position', '=', from)
      .executeTakeFirst()
    return Number(moved.numUpdatedRows) > 0
  }

  async judged(tx: Transaction<Schema>, judgedBy: string, judgedTo: number): Promise<void> {
    await tx.updateTable('profile_position').set({ judged_by: judgedBy, judged_to: judgedTo }).execute()
  }

  /** Of people who were only judged: nothing else of them changed. */
  async writeJudged(
    tx: Transaction<Schema>,
    judged: readonly Judged[],
    moves: readonly Move[],
  ): Promise<void> {
    if (judged.length === 0) return
    const columns = { id: 'whole', flip_at: 'whole', members: 'text' } as const
    const rows = judged.map((one) => [one.id, one.flipAt, membersText(one)])
    await sql`
      update profiles set flip_at = more.flip_at, members = more.members
      from ${rowSet(this.#store.dialect, columns, rows)} as more where profiles.id = more.id`.execute(tx)
    await this.#writeMoves(tx, moves, judged)
  }

  /** What it gives is to be called once the transaction is committed. */
  async write(tx: Transaction<Schema>, outcome: Outcome, nowMs: number): Promise<() => void> {
    const { dialect } = this.#store
    await putRows(tx, dialect, PROFILES, profileRows(outcome, nowMs))
    await this.#forget(tx, outcome.gone)
    const committed = await this.identifiers.write(tx, outcome.moved, outcome.owners)
    await putRows(tx, dialect, MERGES, outcome.merges.map(mergeRow))
    await putRows(tx, dialect, CONFLICTS, outcome.conflicts.map(conflictRow))
    await this.#writeMoves(tx, outcome.moves, outcome.touched)
    return committed
  }

  async #writeMoves(
    tx: Transaction<Schema>,
    moves: readonly Move[],
    touched: readonly Judged[],
  ): Promise<void> {
    if (moves.length === 0) return
    const { dialect } = this.#store
    const since = new Map(touched.map(({ id, members }) => [id, members]))
    // A profile may have moved twice within one stretch: where it stands now is what counts.
    const left = new Map<string, [number, number]>()
    const entered = new Map<string, Row>()
    for (const { audience, profile } of moves) {
      const at = since.get(profile)?.[audience]
      const pair = `${audience} ${profile}`
      if (at === undefined) left.set(pair, [audience, profile])
      else entered.set(pair, [audience, profile, at])
    }
    if (left.size > 0) {
      const gone = rowSet(dialect, { audience: 'whole', profile: 'whole' }, [...left.values()])
      await sql`delete from audience_members where (audience, profile) in ${gone}`.execute(tx)
    }
    await putRows(tx, dialect, MEMBERS, [...entered.values()])
    await putRows(
      tx,
      dialect,
      MOVES,
      moves.map((move) => [
        ...[move.audience, move.profile, move.at, move.entered ? 1 : 0, move.cause, move.offset],
      ]),
    )
    await addToQuarters(tx, dialect, moves)
  }

  async #forget(tx: Transaction<Schema>, ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return
    const gone = rowSet(
      this.#store.dialect,
      { id: 'whole' },
      ids.map((id) => [id]),
    )
    await sql`delete from profiles where id in ${gone}`.execute(tx)
  }
}

/** Everybody was judged by the present rules. */
export const JUDGED_ALL = Number.MAX_SAFE_INTEGER

const PROFILES: Target = {
  table: 'profiles',
  columns: {
    id: 'whole',
    flip_at: 'whole',
    merged_into: 'whole',
    updated_at: 'whole',
    members: 'text',
    fields: 'text',
    core: 'text',
  },
  key: ['id'],
}
const MERGES: Target = {
  table: 'profile_merges',
  columns: {
    at: 'whole',
    record_offset: 'whole',
    survivor: 'whole',
    loser: 'whole',
    identifiers: 'text',
  },
}
const CONFLICTS: Target = {
  table: 'profile_conflicts',
  columns: {
    at: 'whole',
    record_offset: 'whole',
    stream: 'text',
    field: 'text',
    value: 'text',
    reason: 'text',
    kept: 'whole',
    other: 'whole',
  },
}
const MEMBERS: Target = {
  table: 'audience_members',
  columns: { audience: 'whole', profile: 'whole', since: 'whole' },
  key: ['audience', 'profile'],
}
const MOVES: Target = {
  table: 'audience_moves',
  columns: {
    audience: 'whole',
    profile: 'whole',
    at: 'whole',
    entered: 'whole',
    cause: 'text',
    record_offset: 'whole',
  },
}

function profileRows({ touched, merged }: Outcome, nowMs: number): Row[] {
  const rows: Row[] = touched.map((profile) => [
    profile.id,
    profile.flipAt,
    null,
    nowMs,
    membersText(profile),
    JSON.stringify(profile.fields),
    pack(profile, profile.fields),
  ])
  for (const [loser, survivor] of merged) rows.push([loser, null, survivor, nowMs, '', '', ''])
  return rows
}

interface JudgedRow {
  readonly id: number
  readonly flip_at: number | null
  readonly members: string
  readonly fields: string
}

interface WholeRow extends JudgedRow {
  readonly core: string
}

function profileFrom(row: WholeRow): Profile {
  const judged = judgedFrom(row)
  const { createdAt, seenAt, identifiers, edges, retired } = unpack(row.core, judged.fields)
  const bytes = row.core.length + row.fields.length
  return { ...judged, createdAt, seenAt, identifiers, edges, retired, bytes }
}

function judgedFrom({ id, flip_at: flipAt, members, fields }: JudgedRow): Judged {
  return { id, flipAt, members: members === '' ? {} : JSON.parse(members), fields: JSON.parse(fields) }
}

function membersText({ members }: Judged): string {
  for (const _ in members) return JSON.stringify(members)
  return ''
}

function mergeRow({ at, offset, survivor, loser, identifiers }: Merge): Row {
  return [at, offset, survivor, loser, JSON.stringify(identifiers.map(splitKey))]
}

function conflictRow({ at, offset, stream, field, value, reason, kept, other }: Conflict): Row {
  return [at, offset, stream, field, value, reason, kept, other]
}

/** An identifier as the tables spell it where it stands in one column. */
export function keyText(key: IdentifierKey): string {
  return JSON.stringify(splitKey(key))
}

function keyFrom(text: string): IdentifierKey {
  const [field = '', value = ''] = JSON.parse(text) as string[]
  return identifierKey(field, value)
}
