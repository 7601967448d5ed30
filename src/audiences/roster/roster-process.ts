/**
 * The process of one roster; talks to roster.ts over the IPC channel and ends with its parent.
 *
 *   roster    person → whether the vendor accepted that they are in; whoever was never decided is not there. With their key (person.ts)
 *   salt      of the keys
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
 * A result that comes as a file lies beside the roster until it is compared, instead of in `staged`. People are compared by their
 * keys (partitions.ts), which lie beside it as well where they are many; the text of those who differ is looked up afterwards.
 */

import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import {
  type DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBValue,
  UINTEGER,
  VARCHAR,
} from '@duckdb/node-api'
import engine from '@duckdb/node-bindings'
import { MEMBERSHIP_ENTERED, MEMBERSHIP_LEFT } from '../../core/membership.ts'
import { type SubjectIdentifier, spellingsOf } from '../../core/traces.ts'
import { exampleOf, INVALID_REASONS } from '../columns.ts'
import { type Difference, differenceOf } from './difference.ts'
import { KEY_WORDS, Partitions } from './partitions.ts'
import { KIND_SQL, keySql, mayBeOneOf, USER_JSON_SQL, VALUE_SQL } from './person.ts'
import type { Answering, Ask, RosterSettings } from './protocol.ts'
import type { Change, Comparison, Operation, RecordsPage } from './roster.ts'
import { PAGE_MAX, snapshotFile } from './roster.ts'
import {
  type Incoming,
  parquet,
  Snapshot,
  type SnapshotCounts,
  type SnapshotPlan,
  STAGED,
} from './snapshot.ts'

const CHUNK_ROWS = 2_048

const NOBODY: Difference['leaving'] = { certain: new Uint32Array(0), doubted: new Uint32Array(0) }

const SCHEMA = `
create table if not exists salt(value varchar not null);
create table if not exists roster(person varchar not null, inside boolean not null, key uhugeint not null);
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

/** Bytes of a salt. */
const SALT_BYTES = 12

/** Whether somebody was in at a moment: their last move until then. */
const AT =
  'select person from (select person, arg_max(enters, (moment, run)) as inside from history where moment <= $at group by person) where inside'

/** Whether the identifier itself has $search in it. */
const FOUND = `contains(lower(${VALUE_SQL}), lower($search))`

class RosterProcess {
  readonly #db: DuckDBConnection
  readonly #file: string
  readonly #salt: string
  /** The people of the result at hand. */
  #incoming: Incoming = STAGED
  /** Their keys, once they are read. */
  #came: Partitions | undefined
  /** Records of one page: fewer once one was too long. */
  #recordsMax = Number.POSITIVE_INFINITY

  constructor(db: DuckDBConnection, { file, salt }: { file: string; salt: string }) {
    this.#db = db
    this.#file = file
    this.#salt = salt
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
    stand: async ({ run }) => {
      const [row] = await this.#rows(
        'select (select count(*) from applied where run = $run), (select count(*) from compared where run = $run)',
        { run },
      )
      if (Number(row?.[0]) > 0) return 'applied'
      return Number(row?.[1]) > 0 ? 'compared' : 'unknown'
    },
    forget: ({ last }) =>
      this.#asOne(async () => {
        await this.#db.run(`
          delete from named;
          delete from roster where not inside;
          insert into doubted select person from roster anti join doubted using (person);
        `)
        if (last !== null) await this.#db.run('insert into applied values ($last)', { last })
        return undefined
      }),
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
    const file = snapshotFile(this.#file)
    const described = await this.#rows(`describe select * from ${parquet(file)}`)
    const types = described.map(([, type]) => String(type))
    const snapshot = new Snapshot(file, types, plan)
    this.#incoming = snapshot
    const came = await this.#readKeys()
    const [[rows] = []] = await this.#rows(snapshot.rows)
    // Nothing is wrong with any of them.
    if (plan.identifiers === 'first' && Number(rows) === came.count)
      return { rows: came.count, identifiers: came.count, invalid: {} }
    return this.#countsOf(snapshot)
  }

  async #countsOf(snapshot: Snapshot): Promise<SnapshotCounts> {
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
    this.#came?.close()
    this.#came = undefined
    // A process that was killed leaves its keys.
    for (const file of [snapshotFile(this.#file), this.#cameFile, this.#knownFile])
      await rm(file, { force: true })
  }

  get #cameFile(): string {
    return `${this.#file}.came`
  }

  get #knownFile(): string {
    return `${this.#file}.known`
  }

  async #readKeys(): Promise<Partitions> {
    this.#came?.close()
    this.#came = new Partitions(this.#cameFile)
    await this.#gather(this.#incoming.keys(this.#salt), this.#came)
    return this.#came
  }

  /** `sql`: keys and references. */
  async #gather(sql: string, into: Partitions): Promise<void> {
    const result = await this.#db.stream(sql)
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return
      into.add(wordsOf(chunk, 0, KEY_WORDS), wordsOf(chunk, 1, 1), chunk.rowCount)
    }
  }

  async #compare(operation: Operation, run: string): Promise<Comparison> {
    const certain = (await this.#count('doubted')) === 0 ? '' : 'anti join doubted using (person)'
    const compared = await this.#asOne(async () => {
      const { distinct, entering, leaving } = await this.#difference(operation, certain)
      await this.#db.run(NO_CHANGES)
      const known = (table: string): string =>
        `select n, person from ${table} join chosen on ${table}.rowid = chosen.reference`
      await this.#choose(leaving.certain, known('roster'), false)
      await this.#choose(leaving.doubted, known('doubted'), false)
      await this.#choose(entering, this.#incoming.chosen, operation !== 'remove')
      await this.#affirm(operation, certain)
      await this.#db.run('drop table staged')
      await this.#noteCompared(run)
      // Without doubts whoever leaves by a mirror is a member.
      const membersRemoved = operation === 'mirror' && certain === '' ? leaving.certain.length : undefined
      return this.#comparison(distinct, operation, membersRemoved)
    })
    await this.#dropSnapshot()
    return compared
  }

  /** What leaves is known, and what enters came; but of a removal what came is to leave. */
  async #difference(operation: Operation, certain: string): Promise<Difference> {
    const known = new Partitions(this.#knownFile)
    try {
      const came = this.#came ?? (await this.#readKeys())
      for (const sql of await this.#known(operation, certain)) await this.#gather(sql, known)
      const found = differenceOf(came, known)
      return operation === 'mirror' ? found : { ...found, leaving: NOBODY }
    } finally {
      known.close()
    }
  }

  /** Keys and references of those whom the operation need not send, and of the doubted ones whom a mirror sends either way. */
  async #known(operation: Operation, certain: string): Promise<string[]> {
    const keys = (where: string): string =>
      `select key, (roster.rowid * 2 + 1)::uinteger as reference from roster ${certain} where ${where}`
    if (operation === 'add') return [keys('inside')]
    if (operation === 'mirror')
      return [
        keys('inside'),
        `select ${keySql(this.#salt)} as key, (rowid * 2)::uinteger as reference from doubted`,
      ]
    // Whoever is not known to be out: somebody else may have let them in, by another identifier.
    const like = mayBeOneOf(await this.#kindsOf('roster where inside'))
    return [keys(`not inside and not ${like}`)]
  }

  /** The changes behind those that are there: `people` gives n and person of the references. */
  async #choose(references: Uint32Array, people: string, enters: boolean): Promise<void> {
    if (references.length === 0) return
    await this.#db.run(
      'create or replace temp table chosen(n uinteger not null, reference uinteger not null)',
    )
    const appender = await this.#db.createAppender('chosen', 'main', 'temp')
    const numbers = new Uint32Array(CHUNK_ROWS)
    for (let from = 0; from < references.length; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, references.length - from)
      for (let i = 0; i < count; i++) numbers[i] = from + i
      const chunk = DuckDBDataChunk.create([UINTEGER, UINTEGER], count)
      fill(chunk, 0, numbers.subarray(0, count))
      fill(chunk, 1, references.subarray(from, from + count))
      appender.appendDataChunk(chunk)
    }
    appender.closeSync()
    const before = await this.#count('changes')
    await this.#db.run(`insert into changes select ${before} + n, person, ${enters}, false from (${people})`)
    await this.#db.run('drop table chosen')
  }

  /** Members who stay, where one who leaves may be the same profile. */
  async #affirm(operation: Operation, certain: string): Promise<void> {
    const like =
      operation === 'remove' ? 'false' : mayBeOneOf(await this.#kindsOf('changes where not enters'))
    if (like === 'false') return
    const members = `select person from roster ${certain} where inside and ${like}`
    await this.#db.run(
      `insert into changes select (select count(*) from changes) + row_number() over () - 1, person, true, true
        from (select distinct person from (${this.#incoming.persons}) semi join (${members}) using (person))`,
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

  /** `membersRemoved` where it is known: counting them looks at every member. */
  async #comparison(distinct: number, operation: Operation, membersRemoved?: number): Promise<Comparison> {
    const [row] = await this.#rows(`
      select count(*) filter (where enters and not again), count(*) filter (where not enters),
        count(*) filter (where again), (select count(*) from roster where inside)
      from changes`)
    const [added = 0, removed = 0, affirmed = 0, members = 0] = (row ?? []).map(Number)
    const mentioned = operation === 'remove' ? removed : added
    const leavingMembers = `roster where inside and key in (select ${keySql(this.#salt)} from changes where not enters)`
    return {
      distinct,
      unchanged: distinct - mentioned,
      added,
      removed,
      affirmed,
      members,
      membersRemoved: membersRemoved ?? (await this.#count(leavingMembers)),
    }
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
      `select count(*), encode(concat('[', string_agg(record, ','), ']')) from (
        select concat($head, n, '","event_type":"', if(enters, '${MEMBERSHIP_ENTERED}', '${MEMBERSHIP_LEFT}'),
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
        `create or replace temp view accepted as from changes anti join rejected using (n) where n < ${sent}`,
      )
      const key = keySql(this.#salt)
      // A first run need not put all whom it brings into a table to find that nobody is there.
      if ((await this.#count('roster')) > 0)
        await this.#db.run(`delete from roster where key in (select ${key} from accepted where not again)`)
      await this.#db.run(`insert into roster select person, enters, ${key} from accepted where not again`)
      const about = { run, at: atMs }
      for (const [table, which] of [
        ['history', 'accepted where not again'],
        ['affirmed', 'accepted where again'],
        ['refused', 'changes semi join rejected using (n)'],
      ])
        await this.#db.run(`insert into ${table} select $run, n, $at, person, enters from ${which}`, about)
      await this.#doubt(sent, unsure)
      await this.#db.run('insert into applied values ($run)', { run })
      await this.#db.run('drop view accepted')
    })
    return undefined
  }

  /** Whoever was decided is certain; whoever was refused, or may be the same profile as one who left, is not. */
  async #doubt(sent: number, unsure: boolean): Promise<void> {
    if ((await this.#count('doubted')) > 0)
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
  await db.run(
    `set allowed_paths = ['${snapshotFile(file).replaceAll("'", "''")}']; set enable_external_access = false`,
  )
  // With the megabyte that is usual, keys spend more time on being handed over than on being made.
  await db.run("set streaming_buffer_size = '32MB'")
  await db.run(SCHEMA)
  return new RosterProcess(db, { file, salt: await saltOf(db) })
}

/** The roster's salt; it gets one when it has none, and its people their keys if they are there without. */
async function saltOf(db: DuckDBConnection): Promise<string> {
  const known = await db.runAndReadAll('select value from salt')
  const [row] = known.getRows()
  if (row !== undefined) return String(row[0])
  const salt = randomBytes(SALT_BYTES).toString('base64url')
  await db.run(`
    begin;
    insert into salt values ('${salt}');
    alter table roster rename to unkeyed;
    create table roster(person varchar not null, inside boolean not null, key uhugeint not null);
    insert into roster select person, inside, ${keySql(salt)} from unkeyed;
    drop table unkeyed;
    commit;
  `)
  return salt
}

function fill(
  { chunk }: DuckDBDataChunk,
  column: number,
  { buffer, byteOffset, byteLength }: Uint32Array,
): void {
  const vector = engine.data_chunk_get_vector(chunk, column)
  engine.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset, byteLength)
}

/** Values of a column as words of 32 bits; valid as long as the chunk. */
function wordsOf({ chunk, rowCount }: DuckDBDataChunk, column: number, words: number): Int32Array {
  const bytes = engine.vector_get_data(engine.data_chunk_get_vector(chunk, column), rowCount * words * 4)
  return new Int32Array(bytes.buffer, bytes.byteOffset, rowCount * words)
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
