/**
 * The process of one roster; talks to roster.ts over the IPC channel and ends with its parent.
 *
 *   roster    person → whether the vendor accepted that they are in; whoever was never decided is not there
 *   history   each accepted change: run, number in the run, moment, person, direction
 *   applied   runs whose changes are in both
 *   affirmed  accepted changes that changed nothing here: members who were sent once more
 *   named     the name that the vendor accepted, if any
 *   refused   changes that the vendor refused, for a retry
 *   doubted   people of whom the vendor's word is not certain any more: what was refused may have been taken by a try whose answer was
 *             lost, and somebody who left by another identifier may have been the same profile. They are sent whatever the roster says
 *   staged, changes      the result of the run at hand, and its difference; changes are numbered from 0, those who leave first
 *   compared  the run whose difference is in changes
 *
 * A result that comes as a file lies beside the roster until it is compared, instead of in `staged`.
 */

import { rm } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import {
  type DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBValue,
  VARCHAR,
} from '@duckdb/node-api'
import { MEMBERSHIP_ENTERED, MEMBERSHIP_LEFT } from '../../core/membership.ts'
import { type SubjectIdentifier, spellingsOf } from '../../core/traces.ts'
import { exampleOf, INVALID_REASONS } from '../columns.ts'
import { KIND_SQL, mayBeOneOf, USER_JSON_SQL, VALUE_SQL } from './person.ts'
import type { Answering, Ask, RosterSettings } from './protocol.ts'
import type { Change, Comparison, Operation, RecordsPage } from './roster.ts'
import { PAGE_MAX, snapshotFile } from './roster.ts'
import { parquet, Snapshot, type SnapshotCounts, type SnapshotPlan } from './snapshot.ts'

const CHUNK_ROWS = 2_048

const SCHEMA = `
create table if not exists roster(person varchar not null, inside boolean not null);
create table if not exists history(run varchar not null, n bigint not null, moment bigint not null, person varchar not null, enters boolean not null);
create table if not exists applied(run varchar not null);
create table if not exists affirmed as from history limit 0;
create table if not exists refused as from history limit 0;
create table if not exists doubted(person varchar not null);
create table if not exists named(name varchar not null);
create table if not exists compared(run varchar not null);
`

const NO_CHANGES =
  'create or replace table changes(n bigint not null, person varchar not null, enters boolean not null, again boolean not null)'

/** Who is a member, and who may be one and is not `certain`. */
function membersSql(certain: string): string {
  const members = `select person, true as certain from roster ${certain} where inside`
  return certain === '' ? members : `${members} union all select person, false as certain from doubted`
}

/** Whether somebody was in at a moment: their last move until then. */
const AT =
  'select person from (select person, arg_max(enters, (moment, run)) as inside from history where moment <= $at group by person) where inside'

const STAGED = 'select person from staged'

/** Whether the identifier itself has $search in it. */
const FOUND = `contains(lower(${VALUE_SQL}), lower($search))`

class RosterProcess {
  readonly #db: DuckDBConnection
  readonly #snapshot: string
  /** The people of the result at hand as SQL, with repeats. */
  #incoming = STAGED
  /** Records of one page: fewer once one was too long. */
  #recordsMax = Number.POSITIVE_INFINITY

  constructor(db: DuckDBConnection, snapshot: string) {
    this.#db = db
    this.#snapshot = snapshot
  }

  readonly answering: Answering = {
    open: () => undefined,
    begin: async () => {
      await this.#db.run('create or replace table staged(person varchar not null)')
      await this.#dropSnapshot()
      return undefined
    },
    load: async ({ persons }) => {
      const appender = await this.#db.createAppender('staged')
      for (let i = 0; i < persons.length; i += CHUNK_ROWS) {
        const chunk = DuckDBDataChunk.create([VARCHAR])
        chunk.setColumns([persons.slice(i, i + CHUNK_ROWS)])
        appender.appendDataChunk(chunk)
      }
      appender.closeSync()
      return undefined
    },
    snapshot: ({ plan }) => this.#read(plan),
    compare: ({ operation, run }) => this.#compare(operation, run),
    'compare-refused': ({ of, run }) => this.#compareRefused(of, run),
    sample: ({ enters, limit }) =>
      this.#persons('select person from changes where enters = $enters order by n limit $limit', {
        enters,
        limit,
      }),
    records: (ask) => this.#records(ask),
    apply: (ask) => this.#apply(ask),
    size: async ({ atMs }) => {
      const [row] =
        atMs === null
          ? await this.#rows('select count(*) from roster where inside')
          : await this.#rows(`select count(*) from (${AT})`, { at: atMs })
      return Number(row?.[0])
    },
    members: ({ atMs, after }) =>
      this.#persons(`select person from (${AT}) where person > $after order by person limit ${PAGE_MAX}`, {
        at: atMs,
        after,
      }),
    between: ({ fromMs, toMs, enters, after }) => {
      const earlier = AT.replaceAll('$at', '$from')
      const later = AT.replaceAll('$at', '$to')
      const [have, lack] = enters ? [later, earlier] : [earlier, later]
      return this.#persons(
        `select person from (${have}) anti join (${lack}) using (person) where person > $after order by person limit ${PAGE_MAX}`,
        { from: fromMs, to: toMs, after },
      )
    },
    moves: async ({ person }) =>
      (
        await this.#rows(
          'select run, n, moment, enters from history where person = $person order by moment, run',
          {
            person,
          },
        )
      ).map(([run, n, moment, enters]) => ({
        run: String(run),
        change: Number(n),
        at: Number(moment),
        enters: enters === true,
      })),
    moved: ({ run, enters, after, search }) =>
      this.#changes(
        `from history where run = $run and enters = $enters and person > $after and ${FOUND} order by person`,
        { run, enters, after, search },
      ),
    planned: async ({ run, enters, after, search }) => {
      const [compared] = await this.#rows('select count(*) from compared where run = $run', { run })
      if (Number(compared?.[0]) === 0) return undefined
      return this.#changes(
        `from changes where enters = $enters and not again and person > $after and ${FOUND} order by person`,
        { enters, after, search },
      )
    },
    refused: ({ run, after, search }) =>
      this.#changes(`from refused where run = $run and n > $after and ${FOUND} order by n`, {
        run,
        after,
        search,
      }),
    name: async () => {
      const [row] = await this.#rows('select name from named')
      return row === undefined ? undefined : String(row[0])
    },
    rename: async ({ name }) => {
      await this.#db.run('create or replace table named as select $name::varchar as name', { name })
      return undefined
    },
    forget: async () => {
      await this.#db.run(`
        delete from named;
        delete from roster where not inside;
        insert into doubted select person from roster anti join doubted using (person);
      `)
      return undefined
    },
    erase: ({ identifiers, isDry }) => this.#erase(identifiers, isDry),
  }

  /** Rows about somebody, in all tables; whatever kind they were known by here. */
  async #erase(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<number> {
    const texts = (isAddress: boolean): string => {
      const of = identifiers.filter(({ kind }) => (kind === 'email') === isAddress).flatMap(spellingsOf)
      return of.length === 0 ? 'null' : of.map((text) => `'${text.replaceAll("'", "''")}'`).join(', ')
    }
    const isTheirs = `(${VALUE_SQL} in (${texts(false)}) or lower(${VALUE_SQL}) in (${texts(true)}))`
    const found = await this.#rows(
      "select table_name from duckdb_columns() where column_name = 'person' and not internal order by 1",
    )
    return this.#asOne(async () => {
      let rows = 0
      for (const [table] of found) {
        rows += await this.#count(`"${table}" where ${isTheirs}`)
        if (!isDry) await this.#db.run(`delete from "${table}" where ${isTheirs}`)
      }
      return rows
    })
  }

  async #read(plan: SnapshotPlan): Promise<SnapshotCounts> {
    const described = await this.#rows(`describe select * from ${parquet(this.#snapshot)}`)
    const types = described.map(([, type]) => String(type))
    const snapshot = new Snapshot(this.#snapshot, types, plan)
    this.#incoming = snapshot.persons
    const [row] = await this.#rows(snapshot.counts)
    const [rows = 0, identifiers = 0, ...counts] = (row ?? []).map(Number)
    const invalid: SnapshotCounts['invalid'] = {}
    for (const [i, reason] of INVALID_REASONS.entries()) {
      const count = counts[i] ?? 0
      if (count === 0) continue
      const examples = await this.#rows(snapshot.examples(reason))
      invalid[reason] = {
        count,
        examples: examples.map(([number, text]) => exampleOf(Number(number), String(text))),
      }
    }
    return { rows, identifiers, invalid }
  }

  async #dropSnapshot(): Promise<void> {
    this.#incoming = STAGED
    await rm(this.#snapshot, { force: true })
  }

  async #compare(operation: Operation, run: string): Promise<Comparison> {
    const certain = (await this.#count('doubted')) === 0 ? '' : 'anti join doubted using (person)'
    const differing = await this.#differing(operation, certain)
    const compared = await this.#asOne(async () => {
      // Numbers come afterwards: giving them would keep the join on one core.
      await this.#db.run(`create table found as select distinct person, enters, known from (${differing})`)
      await this.#db.run(NO_CHANGES)
      await this.#change('from found where not enters', { enters: false })
      await this.#change('from found where enters', { enters: true })
      const like =
        operation === 'remove' ? 'false' : mayBeOneOf(await this.#kindsOf('changes where not enters'))
      if (like !== 'false') {
        const members = `select person from roster ${certain} where inside and ${like}`
        const staying = `select distinct person from (${this.#incoming}) semi join (${members}) using (person)`
        await this.#change(`from (${staying})`, { enters: true, again: true })
      }
      const distinct = await this.#distinct(operation, certain)
      await this.#db.run('drop table found; drop table staged')
      await this.#noteCompared(run)
      return this.#comparison(distinct, operation)
    })
    await this.#dropSnapshot()
    return compared
  }

  /**
   * Who leaves or enters, perhaps several times, as SQL. `known`: they are a member, or may be one. A mirror needs one join
   * for both directions; it takes repeats, so that the whole result need not be made distinct first.
   */
  async #differing(operation: Operation, certain: string): Promise<string> {
    if (operation === 'mirror')
      return `select coalesce(result.person, member.person) as person, result.person is not null as enters,
          member.person is not null as known
        from (${this.#incoming}) result full join (${membersSql(certain)}) member using (person)
        where result.person is null or member.person is null or not member.certain`
    if (operation === 'add')
      return `select person, true as enters, false as known from (${this.#incoming})
        anti join (select person from roster ${certain} where inside) using (person)`
    // Whoever is not known to be out: somebody else may have let them in, by another identifier.
    const like = mayBeOneOf(await this.#kindsOf('roster where inside'))
    return `select person, false as enters, false as known from (${this.#incoming})
      anti join (select person from roster ${certain} where not inside and not ${like}) using (person)`
  }

  /** How many people the result holds. After a mirror nobody needs to count them: they are the members who do not leave, and the new ones. */
  async #distinct(operation: Operation, certain: string): Promise<number> {
    if (operation !== 'mirror') return this.#count(`(select distinct person from (${this.#incoming}))`)
    const [row] = await this.#rows(
      `select (select count(*) from (${membersSql(certain)})) - count(*) filter (where not enters)
        + count(*) filter (where not known) from found`,
    )
    return Number(row?.[0])
  }

  async #change(
    whom: string,
    { enters, again = false }: { enters: boolean; again?: boolean },
  ): Promise<void> {
    await this.#db.run(
      `insert into changes select (select count(*) from changes) + row_number() over () - 1, person, ${enters}, ${again} ${whom}`,
    )
  }

  /** Of what a run was refused, that which no later run has decided. */
  async #compareRefused(of: string, run: string): Promise<Comparison> {
    await this.#db.run(NO_CHANGES)
    const since = (table: string, later: string) =>
      `exists (from ${table} as l where l.person = r.person and l.moment ${later} r.moment)`
    for (const enters of [false, true])
      await this.#db.run(
        `insert into changes
          select (select count(*) from changes) + row_number() over () - 1, person, enters, false from refused as r
          where run = $run and enters = $enters
            and not ${since('history', '>=')} and not ${since('affirmed', '>=')} and not ${since('refused', '>')}`,
        { run: of, enters },
      )
    await this.#noteCompared(run)
    const [row] = await this.#rows('select count(*) from refused where run = $run', { run: of })
    const found = await this.#comparison(Number(row?.[0]), 'mirror')
    return { ...found, unchanged: found.distinct - found.added - found.removed }
  }

  async #noteCompared(run: string): Promise<void> {
    await this.#db.run('delete from compared')
    await this.#db.run('insert into compared values ($run)', { run })
  }

  async #comparison(distinct: number, operation: Operation): Promise<Comparison> {
    const [row] = await this.#rows(`
      select count(*) filter (where enters and not again), count(*) filter (where not enters),
        count(*) filter (where again),
        (select count(*) from roster where inside),
        (select count(*) from changes semi join (select person from roster where inside) using (person) where not enters)
      from changes`)
    const [added = 0, removed = 0, affirmed = 0, members = 0, membersRemoved = 0] = (row ?? []).map(Number)
    const mentioned = operation === 'remove' ? removed : added
    return { distinct, unchanged: distinct - mentioned, added, removed, affirmed, members, membersRemoved }
  }

  /** Halves the page until it fits, and keeps to the size that did: the identifiers of a run are much alike. */
  async #records({ from, below, room, about }: Extract<Ask, { what: 'records' }>): Promise<RecordsPage> {
    for (;;) {
      const wanted = Math.min(room.recordsMax, this.#recordsMax, below - from)
      const page = await this.#page(from, from + wanted, about)
      if (page.body.length <= room.bytesMax || page.count <= 1) return page
      this.#recordsMax = Math.ceil(page.count / 2)
    }
  }

  async #page(
    from: number,
    below: number,
    { prefix, activation, run, timeMs }: Extract<Ask, { what: 'records' }>['about'],
  ): Promise<RecordsPage> {
    const head = `{"id":${JSON.stringify(`${prefix}-`).slice(0, -1)}`
    const time = `","time":${Math.floor(timeMs / 1000)},"user":`
    const tail = `,"properties":${JSON.stringify({ activation, run })}}`
    const [row] = await this.#rows(
      `select count(*), encode(concat('[', string_agg(record, ',' order by n), ']')) from (
        select n, concat($head, n, '","event_type":"', if(enters, '${MEMBERSHIP_ENTERED}', '${MEMBERSHIP_LEFT}'),
          $time, ${USER_JSON_SQL}, $tail) as record
        from changes where n >= $from and n < $below)`,
      { head, time, tail, from, below },
    )
    const [count, body] = row ?? []
    return { count: Number(count), body: (body as DuckDBBlobValue).bytes }
  }

  async #apply({ run, atMs, sent, unsure, rejected }: Extract<Ask, { what: 'apply' }>): Promise<undefined> {
    const [known] = await this.#rows('select count(*) from applied where run = $run', { run })
    if (Number(known?.[0]) > 0) return undefined
    await this.#db.run('create or replace temp table rejected(n bigint not null)')
    for (let i = 0; i < rejected.length; i += CHUNK_ROWS) {
      const values = rejected.slice(i, i + CHUNK_ROWS).map((n) => `(${Number(n)})`)
      await this.#db.run(`insert into rejected values ${values.join(',')}`)
    }
    await this.#asOne(async () => {
      await this.#db.run(
        'create or replace temp table accepted as select n, person, enters, again from changes anti join rejected using (n) where n < $sent',
        { sent },
      )
      await this.#db.run(`
        delete from roster where person in (select person from accepted where not again);
        insert into roster select person, enters from accepted where not again;
      `)
      const about = { run, at: atMs }
      for (const [table, which] of [
        ['history', 'accepted where not again'],
        ['affirmed', 'accepted where again'],
        ['refused', 'changes semi join rejected using (n)'],
      ])
        await this.#db.run(`insert into ${table} select $run, n, $at, person, enters from ${which}`, about)
      await this.#doubt(sent, unsure)
      await this.#db.run('insert into applied values ($run)', { run })
      await this.#db.run('drop table accepted')
    })
    return undefined
  }

  /** Whoever was decided is certain; whoever was refused, or may be the same profile as one who left, is not. */
  async #doubt(sent: number, unsure: boolean): Promise<void> {
    await this.#db.run('delete from doubted where person in (select person from accepted)')
    const like = mayBeOneOf(await this.#kindsOf(`changes where not enters and n < ${sent}`))
    const whom = [
      'select person from changes semi join rejected using (n)',
      ...(unsure ? [`select person from changes where n >= ${sent}`] : []),
      ...(like === 'false'
        ? []
        : [
            `select person from (from roster where inside and ${like}) anti join (select person from accepted where enters) using (person)`,
          ]),
    ]
    for (const one of whom)
      await this.#db.run(`insert into doubted from (${one}) anti join doubted using (person)`)
  }

  async #kindsOf(rows: string): Promise<string[]> {
    return (await this.#rows(`select distinct ${KIND_SQL} from ${rows}`)).map(([kind]) => String(kind))
  }

  async #count(table: string): Promise<number> {
    const [row] = await this.#rows(`select count(*) from ${table}`)
    return Number(row?.[0])
  }

  /** All of it or nothing; and one sync instead of one a statement. */
  async #asOne<T>(work: () => Promise<T>): Promise<T> {
    await this.#db.run('begin')
    try {
      const result = await work()
      await this.#db.run('commit')
      return result
    } catch (error) {
      await this.#db.run('rollback')
      throw error
    }
  }

  async #rows(sql: string, values: Record<string, DuckDBValue> = {}): Promise<DuckDBValue[][]> {
    return (await this.#db.runAndReadAll(sql, values)).getRows()
  }

  /** `which`: from where, which and in what order, as SQL over n, person and enters. */
  async #changes(which: string, values: Record<string, DuckDBValue>): Promise<Change[]> {
    const rows = await this.#rows(`select n, person, enters ${which} limit ${PAGE_MAX}`, values)
    return rows.map(([n, person, enters]) => ({
      change: Number(n),
      person: String(person),
      enters: enters === true,
    }))
  }

  async #persons(sql: string, values: Record<string, DuckDBValue>): Promise<string[]> {
    return (await this.#rows(sql, values)).map(([person]) => String(person))
  }
}

const { file, memoryBytesMax, threads } = JSON.parse(process.argv[2] ?? '{}') as RosterSettings
let opened: Promise<RosterProcess> | undefined

async function open(): Promise<RosterProcess> {
  // The doors of the hub come first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  const instance = await DuckDBInstance.create(file, {
    memory_limit: `${Math.floor(memoryBytesMax / 1_000_000)}MB`,
    threads: String(threads),
    // What does not fit goes to disk beside the file.
    temp_directory: `${file}.tmp`,
    preserve_insertion_order: 'false',
  })
  const db = await instance.connect()
  const snapshot = snapshotFile(file)
  await db.run(
    `set allowed_paths = ['${snapshot.replaceAll("'", "''")}']; set enable_external_access = false`,
  )
  await db.run(SCHEMA)
  return new RosterProcess(db, snapshot)
}

process.on('message', (ask: Ask) => {
  opened ??= open()
  opened
    .then((roster) => roster.answering[ask.what](ask as never))
    .then(
      (result: unknown) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
    )
})
process.on('disconnect', () => process.exit(0))
