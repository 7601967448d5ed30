/** The tables of engagement events: sources, currents, delivery and who may ask about them. */

import { type CreateTableBuilder, sql, type Transaction } from 'kysely'
import { type Columns, columnsOf, type Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'

type Kind = 'whole' | 'text' | 'bytes'
/** A column's type; with '?' it may be null. */
type Shape = Readonly<Record<string, Kind | `${Kind}?`>>

export interface Table {
  readonly name: string
  /** Name of the column that numbers the rows; then there is no other primary key. */
  readonly serial?: string
  readonly key?: readonly string[]
  /** Rows lie in the order of their key. */
  readonly byKey?: true
  readonly columns: Shape
  readonly references?: readonly [column: string, table: string, target: string]
}

const TABLES: readonly Table[] = [
  { name: 'meta', key: ['key'], byKey: true, columns: { key: 'text', value: 'text' } },
  {
    name: 'sources',
    serial: 'number',
    columns: {
      name: 'text',
      kind: 'text',
      settings: 'text',
      created_at: 'whole',
      updated_at: 'whole',
      deleted_at: 'whole?',
    },
  },
  {
    name: 'source_tokens',
    key: ['id'],
    columns: {
      id: 'text',
      source: 'whole',
      label: 'text',
      hash: 'bytes',
      created_at: 'whole',
      revoked_at: 'whole?',
    },
    references: ['source', 'sources', 'number'],
  },
  {
    name: 'authorizations',
    key: ['id'],
    columns: {
      id: 'text',
      label: 'text',
      description: 'text',
      provider: 'text',
      fields: 'text',
      sealed: 'bytes',
      health: 'text',
      health_detail: 'text',
      checked_at: 'whole?',
      rotated_at: 'whole?',
      created_at: 'whole',
      updated_at: 'whole',
    },
  },
  {
    name: 'currents',
    serial: 'number',
    columns: {
      key: 'text',
      name: 'text',
      state: 'text',
      state_reason: 'text',
      state_since: 'whole',
      version: 'whole',
      start_offset: 'whole?',
      created_at: 'whole',
      launched_at: 'whole?',
    },
  },
  {
    name: 'current_versions',
    key: ['current', 'version'],
    columns: {
      current: 'whole',
      version: 'whole',
      from_offset: 'whole',
      definition: 'text',
      created_at: 'whole',
      note: 'text',
    },
    references: ['current', 'currents', 'number'],
  },
  {
    name: 'checkpoints',
    key: ['current'],
    columns: { current: 'whole', position: 'whole', updated_at: 'whole' },
  },
  {
    name: 'batches',
    key: ['current', 'id'],
    columns: {
      current: 'whole',
      id: 'text',
      slice_from: 'whole',
      slice_to: 'whole',
      first_offset: 'whole',
      last_offset: 'whole',
      records: 'bytes?',
      count: 'whole',
      delivered: 'whole',
      failed: 'whole',
      skipped: 'whole',
      version: 'whole',
      replay: 'text?',
      attempts: 'whole',
      status: 'whole',
      first_sent_at: 'whole',
      settled_at: 'whole',
    },
  },
  {
    name: 'ledger',
    key: ['current', 'minute', 'event_type', 'outcome', 'reason'],
    byKey: true,
    columns: {
      current: 'whole',
      minute: 'whole',
      event_type: 'text',
      outcome: 'text',
      reason: 'text',
      count: 'whole',
    },
  },
  {
    name: 'intake',
    key: ['source', 'minute', 'event_type'],
    byKey: true,
    columns: { source: 'whole', minute: 'whole', event_type: 'text', accepted: 'whole', bytes: 'whole' },
  },
  {
    name: 'quarantine',
    key: ['offset'],
    columns: {
      offset: 'whole',
      source: 'whole',
      received_at: 'whole',
      reason: 'text',
      bytes: 'whole',
      excerpt: 'text',
    },
  },
  {
    name: 'first_seen',
    key: ['event_type', 'source'],
    byKey: true,
    columns: { event_type: 'text', source: 'whole', at: 'whole', known: 'whole' },
  },
  {
    name: 'dead_letters',
    key: ['id'],
    columns: {
      id: 'text',
      current: 'whole',
      record_offset: 'whole',
      event_id: 'text',
      event_type: 'text',
      received_at: 'whole',
      version: 'whole',
      batch: 'text',
      replay: 'text?',
      fault: 'text',
      reason: 'text',
      message: 'text',
      status: 'whole',
      event: 'bytes',
      edited: 'bytes?',
      sent: 'text',
      answer: 'text',
      attempts: 'whole',
      state: 'text',
      note: 'text',
      created_at: 'whole',
      updated_at: 'whole',
    },
  },
  {
    name: 'replays',
    key: ['id'],
    columns: {
      id: 'text',
      current: 'whole',
      from_offset: 'whole',
      to_offset: 'whole',
      position: 'whole',
      types: 'text',
      state: 'text',
      reason: 'text',
      selected: 'whole',
      delivered: 'whole',
      dead: 'whole',
      skipped: 'whole',
      created_at: 'whole',
      updated_at: 'whole',
    },
  },
  {
    name: 'alerts',
    key: ['id'],
    columns: {
      id: 'text',
      current: 'whole?',
      kind: 'text',
      contact: 'text',
      subject: 'text',
      detail: 'text',
      created_at: 'whole',
      resolved_at: 'whole?',
    },
  },
  {
    name: 'api_tokens',
    key: ['id'],
    columns: {
      id: 'text',
      label: 'text',
      role: 'text',
      hash: 'bytes',
      created_at: 'whole',
      last_used_at: 'whole?',
      revoked_at: 'whole?',
    },
  },
]

export interface Index {
  readonly table: string
  readonly columns: readonly string[]
  readonly unique?: true
  readonly where?: ReturnType<typeof sql<boolean>>
}

const INDEXES: readonly Index[] = [
  { table: 'sources', columns: ['name'], unique: true, where: sql<boolean>`deleted_at is null` },
  { table: 'source_tokens', columns: ['hash'] },
  { table: 'source_tokens', columns: ['source'] },
  { table: 'currents', columns: ['key'], unique: true },
  { table: 'currents', columns: ['name'], unique: true, where: sql<boolean>`state <> 'deleted'` },
  { table: 'batches', columns: ['current', 'slice_from'] },
  { table: 'batches', columns: ['current', 'first_offset'] },
  { table: 'quarantine', columns: ['source', 'offset'] },
  { table: 'dead_letters', columns: ['current', 'state', 'created_at'] },
  { table: 'dead_letters', columns: ['record_offset'] },
  { table: 'dead_letters', columns: ['event_id'] },
  { table: 'replays', columns: ['current', 'created_at'] },
  { table: 'alerts', columns: ['current', 'created_at'] },
  { table: 'alerts', columns: ['created_at'] },
  { table: 'api_tokens', columns: ['hash'], unique: true },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  for (const table of TABLES) await createTable(db, table, columnsOf(dialect))
  for (const index of INDEXES) await createIndex(db, index)
}

export async function createTable(db: Transaction<Schema>, table: Table, columns: Columns): Promise<void> {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(table.name)
  if (table.serial !== undefined) builder = builder.addColumn(table.serial, columns.serial)
  for (const [name, shape] of Object.entries(table.columns)) {
    const optional = shape.endsWith('?')
    const kind = shape.replace('?', '') as Kind
    builder = builder.addColumn(name, columns[kind], (column) => (optional ? column : column.notNull()))
  }
  if (table.key !== undefined) builder = builder.addPrimaryKeyConstraint(`${table.name}_key`, [...table.key])
  if (table.references !== undefined) {
    const [column, target, targetColumn] = table.references
    builder = builder.addForeignKeyConstraint(`${table.name}_${column}`, [column], target, [targetColumn])
  }
  await columns.finish(builder, table.byKey ? 'by-key' : 'as-inserted').execute()
}

export async function createIndex(db: Transaction<Schema>, index: Index): Promise<void> {
  let builder = db.schema
    .createIndex(`${index.table}_by_${index.columns.join('_')}`)
    .on(index.table)
    .columns([...index.columns])
  if (index.unique) builder = builder.unique()
  if (index.where !== undefined) builder = builder.where(index.where)
  await builder.execute()
}
