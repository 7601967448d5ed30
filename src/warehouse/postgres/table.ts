/** The tables that we keep in a PostgreSQL database: makes them, adds columns, and says which columns can be filled. */

import pg from 'pg'
import { type ColumnType, EVENT_COLUMNS } from '../../catalog/columns.ts'
import { addableColumns, type TableColumn } from '../../destinations/event-rows.ts'

export interface TableNames {
  readonly schema: string
  /** With the schema, quoted. */
  readonly events: string
  readonly positions: string
}

export function tableNames({ schema, table }: { schema: string; table: string }): TableNames {
  const quoted = pg.escapeIdentifier(schema)
  return {
    schema: quoted,
    events: `${quoted}.${pg.escapeIdentifier(table)}`,
    positions: `${quoted}.thalweg_positions`,
  }
}

const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  bigint: 'bigint',
  double: 'double precision',
  boolean: 'boolean',
  timestamp: 'timestamp with time zone',
  json: 'jsonb',
}

/** By the name that PostgreSQL shows. A column of any other type is the operator's own and is left alone. */
const TYPES: ReadonlyMap<string, ColumnType> = new Map([
  ...Object.entries(SQL_TYPES).map(([type, sql]) => [sql, type as ColumnType] as const),
  ['character varying', 'text'],
  ['json', 'json'],
])

/** Which columns tables have, as they were when we looked: a column is not taken away under us, or the next load fails and we look again. */
export class KnownColumns {
  readonly #tables = new Map<string, ReadonlyMap<string, TableColumn>>()

  forget(): void {
    this.#tables.clear()
  }

  /** Those of `wanted` that the table has; looks by `look` when some were not seen before. */
  async get(
    { events }: TableNames,
    wanted: readonly TableColumn[],
    look: () => Promise<readonly TableColumn[]>,
  ): Promise<readonly TableColumn[]> {
    const seen = this.#tables.get(events)
    if (seen !== undefined && wanted.every(({ name }) => seen.has(name))) return chosen(seen, wanted)
    const found = new Map((await look()).map((column) => [column.name, column]))
    this.#tables.set(events, found)
    return chosen(found, wanted)
  }
}

function chosen(
  present: ReadonlyMap<string, TableColumn>,
  wanted: readonly TableColumn[],
): readonly TableColumn[] {
  return wanted.flatMap(({ name }) => present.get(name) ?? [])
}

/** Every column of the table that can be filled, once those of `wanted` were added that may be. */
export async function readyTable(
  client: pg.ClientBase,
  names: TableNames,
  create: boolean,
  wanted: readonly TableColumn[],
): Promise<readonly TableColumn[]> {
  if (create) await makeTables(client, names)
  const present = await presentColumns(client, names)
  const missing = create
    ? addableColumns(
        present.map(({ name }) => name),
        wanted,
      )
    : []
  if (missing.length === 0) return fillable(present)
  await client.query(
    `alter table ${names.events} ${missing.map((column) => `add column if not exists ${definition(column)}`).join(', ')}`,
  )
  return fillable(await presentColumns(client, names))
}

/** Does all that a first load would do but for the rows, and takes it back. */
export async function rehearse(
  client: pg.ClientBase,
  names: TableNames,
  create: boolean,
): Promise<readonly TableColumn[]> {
  await client.query('begin')
  const columns = await readyTable(client, names, create, [])
  await client.query(`insert into ${names.events} (_current, _offset) select '', 0 where false`)
  await client.query(`update ${names.positions} set position = position where false`)
  await client.query('rollback')
  return columns
}

/**
 * Looks before it makes: IF NOT EXISTS asks for the right to make something even where nothing is to be made (PostgreSQL, CREATE SCHEMA).
 */
async function makeTables(client: pg.ClientBase, { schema, events, positions }: TableNames): Promise<void> {
  const { rows } = await client.query<{ schema: boolean; events: boolean; positions: boolean }>(
    'select to_regnamespace($1) is null as schema, to_regclass($2) is null as events, to_regclass($3) is null as positions',
    [schema, events, positions],
  )
  const [lacks] = rows
  if (lacks?.schema) await client.query(`create schema if not exists ${schema}`)
  if (lacks?.events) {
    const columns = EVENT_COLUMNS.map((column) => definition(column)).join(', ')
    await client.query(`create table if not exists ${events} (${columns}, primary key (_current, _offset))`)
  }
  if (lacks?.positions) {
    await client.query(
      `create table if not exists ${positions} (current text primary key, position bigint not null, updated_at timestamptz not null)`,
    )
  }
}

interface PresentColumn {
  readonly name: string
  readonly type: ColumnType | undefined
}

/** Fails with 42P01 or 3F000 where there is no such table. */
async function presentColumns(
  client: pg.ClientBase,
  { events }: TableNames,
): Promise<readonly PresentColumn[]> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [events],
  )
  return rows.map(({ name, type }) => ({ name, type: TYPES.get(type) }))
}

function fillable(present: readonly PresentColumn[]): readonly TableColumn[] {
  return present.flatMap(({ name, type }) => (type === undefined ? [] : [{ name, type }]))
}

function definition({ name, type }: TableColumn): string {
  return `${pg.escapeIdentifier(name)} ${SQL_TYPES[type]}`
}
