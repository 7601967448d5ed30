/**
 * The process of one roster; talks to roster.ts over the IPC channel and ends with its parent.
 *
 *   roster    person → whether the vendor accepted that they are in; whoever was never decided is not there
 *   history   each accepted change: run, number in the run, moment, person, direction
 *   applied   runs whose changes are in both
 *   refused   changes that the vendor refused, for a retry
 *   staged, changes      the result of the run at hand, and its difference; changes are numbered from 0
 */

import {
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBValue,
  VARCHAR,
} from '@duckdb/node-api'
import { MEMBERSHIP_ENTERED, MEMBERSHIP_LEFT } from '../../core/membership.ts'
import { USER_JSON_SQL } from './person.ts'
import type { Answering, Ask, RosterSettings } from './protocol.ts'
import type { Comparison, Operation } from './roster.ts'
import { PAGE_MAX, RECORDS_MAX } from './roster.ts'

const CHUNK_ROWS = 2_048

const SCHEMA = `
create table if not exists roster(person varchar not null, inside boolean not null);
create table if not exists history(run varchar not null, n bigint not null, moment bigint not null, person varchar not null, enters boolean not null);
create table if not exists applied(run varchar not null);
create table if not exists refused(run varchar not null, n bigint not null, moment bigint not null, person varchar not null, enters boolean not null);
`

/** Who enters, who leaves: each by what the vendor accepted so far. */
const ENTERING =
  'select person, true as enters from incoming anti join (select person from roster where inside) using (person)'
const CHANGES: Readonly<Record<Operation, string>> = {
  add: ENTERING,
  // Whoever is not known to be out: others may have let them in.
  remove:
    'select person, false as enters from incoming anti join (select person from roster where not inside) using (person)',
  mirror: `${ENTERING} union all
    select person, false as enters from (select person from roster where inside) anti join incoming using (person)`,
}

/** Whether somebody was in at a moment: their last move until then. */
const AT =
  'select person from (select person, arg_max(enters, (moment, run)) as inside from history where moment <= $at group by person) where inside'

class RosterProcess {
  readonly #db: DuckDBConnection

  constructor(db: DuckDBConnection) {
    this.#db = db
  }

  readonly answering: Answering = {
    open: () => undefined,
    begin: async ({ run }) => {
      await this.#db.run('create or replace table staged(person varchar not null)')
      const [row] = await this.#rows('select count(*) from applied where run = $run', { run })
      return { applied: Number(row?.[0]) > 0 }
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
    compare: ({ operation }) => this.#compare(operation),
    'compare-refused': ({ run }) => this.#compareRefused(run),
    sample: ({ enters, limit }) =>
      this.#persons('select person from changes where enters = $enters order by n limit $limit', {
        enters,
        limit,
      }),
    records: (ask) => this.#records(ask),
    apply: (ask) => this.#apply(ask),
    change: async ({ n }) => (await this.#persons('select person from changes where n = $n', { n }))[0],
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
    moved: ({ run, enters, after }) =>
      this.#persons(
        `select person from history where run = $run and enters = $enters and person > $after order by person limit ${PAGE_MAX}`,
        { run, enters, after },
      ),
    refused: async ({ run, after }) =>
      (
        await this.#rows(
          `select n, person, enters from refused where run = $run and n > $after order by n limit ${PAGE_MAX}`,
          { run, after },
        )
      ).map(([n, person, enters]) => ({
        change: Number(n),
        person: String(person),
        enters: enters === true,
      })),
    forget: async () => {
      await this.#db.run('delete from roster')
      return undefined
    },
  }

  async #compare(operation: Operation): Promise<Comparison> {
    await this.#db.run(`
      create or replace table incoming as select distinct person from staged;
      drop table staged;
      create or replace table changes as
        select row_number() over () - 1 as n, person, enters from (${CHANGES[operation]});
    `)
    const [row] = await this.#rows('select count(*) from incoming')
    await this.#db.run('drop table incoming')
    return this.#comparison(Number(row?.[0]), operation)
  }

  /** Of what a run was refused, that which no later run has decided. */
  async #compareRefused(run: string): Promise<Comparison> {
    await this.#db.run(
      `create or replace table changes as
        select row_number() over () - 1 as n, person, enters from refused
        where run = $run and not exists (
          from history where history.person = refused.person and history.moment >= refused.moment)`,
      { run },
    )
    const [row] = await this.#rows('select count(*) from refused where run = $run', { run })
    const found = await this.#comparison(Number(row?.[0]), 'mirror')
    return { ...found, unchanged: found.distinct - found.added - found.removed }
  }

  async #comparison(distinct: number, operation: Operation): Promise<Comparison> {
    const [row] = await this.#rows(`
      select count(*) filter (where enters), count(*) filter (where not enters),
        (select count(*) from roster where inside)
      from changes`)
    const [added = 0, removed = 0, members = 0] = (row ?? []).map(Number)
    const mentioned = operation === 'remove' ? removed : added
    return { distinct, unchanged: distinct - mentioned, added, removed, members }
  }

  async #records({ from, prefix, activation, run, timeMs }: Extract<Ask, { what: 'records' }>) {
    const tail = `,"properties":${JSON.stringify({ activation, run })}}`
    const [row] = await this.#rows(
      `select count(*), '[' || coalesce(string_agg(record, ',' order by n), '') || ']' from (
        select n, '{"id":' || to_json($prefix || '-' || n)::varchar
          || ',"event_type":"' || if(enters, '${MEMBERSHIP_ENTERED}', '${MEMBERSHIP_LEFT}')
          || '","time":${Math.floor(timeMs / 1000)},"user":' || ${USER_JSON_SQL} || $tail as record
        from changes where n >= $from and n < $to)`,
      { prefix, tail, from, to: from + RECORDS_MAX },
    )
    const count = Number(row?.[0])
    return { count, body: String(row?.[1]), next: count < RECORDS_MAX ? undefined : from + count }
  }

  async #apply({ run, atMs, sent, rejected }: Extract<Ask, { what: 'apply' }>): Promise<undefined> {
    const [known] = await this.#rows('select count(*) from applied where run = $run', { run })
    if (Number(known?.[0]) > 0) return undefined
    await this.#db.run('create or replace temp table rejected(n bigint not null)')
    for (let i = 0; i < rejected.length; i += CHUNK_ROWS) {
      const values = rejected.slice(i, i + CHUNK_ROWS).map((n) => `(${Number(n)})`)
      await this.#db.run(`insert into rejected values ${values.join(',')}`)
    }
    await this.#db.run('begin')
    try {
      await this.#db.run(
        'create or replace temp table accepted as select n, person, enters from changes anti join rejected using (n) where n < $sent',
        { sent },
      )
      await this.#db.run(`
        delete from roster where person in (select person from accepted);
        insert into roster select person, enters from accepted;
      `)
      const about = { run, at: atMs }
      await this.#db.run('insert into history select $run, n, $at, person, enters from accepted', about)
      await this.#db.run(
        'insert into refused select $run, n, $at, person, enters from changes semi join rejected using (n)',
        about,
      )
      await this.#db.run('insert into applied values ($run)', { run })
      await this.#db.run('drop table accepted')
      await this.#db.run('commit')
    } catch (error) {
      await this.#db.run('rollback')
      throw error
    }
    return undefined
  }

  async #rows(sql: string, values: Record<string, DuckDBValue> = {}): Promise<DuckDBValue[][]> {
    return (await this.#db.runAndReadAll(sql, values)).getRows()
  }

  async #persons(sql: string, values: Record<string, DuckDBValue>): Promise<string[]> {
    return (await this.#rows(sql, values)).map(([person]) => String(person))
  }
}

const { file, memoryBytesMax, threads } = JSON.parse(process.argv[2] ?? '{}') as RosterSettings
let opened: Promise<RosterProcess> | undefined

async function open(): Promise<RosterProcess> {
  const instance = await DuckDBInstance.create(file, {
    memory_limit: `${Math.floor(memoryBytesMax / 1_000_000)}MB`,
    threads: String(threads),
    // What does not fit goes to disk beside the file.
    temp_directory: `${file}.tmp`,
    preserve_insertion_order: 'false',
    enable_external_access: 'false',
  })
  const db = await instance.connect()
  await db.run(SCHEMA)
  return new RosterProcess(db)
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
