/**
 * A batch of events as rows of the `events` table (catalog/columns.ts), for destinations that are warehouses. Pure: the same batch and the
 * same columns give the same rows.
 *
 * Which column a property has is decided row by row, so that it does not depend on where batches are cut: a catalogued property has its
 * own, any other the one that its name gives, unless the name is taken by the catalog or by an earlier property of the same event.
 */

import {
  type ColumnType,
  columnTypeOfValue,
  DISCOVERED_COLUMNS_MAX,
  EVENT_COLUMNS,
  propertyColumnName,
} from '../catalog/columns.ts'
import type { EventBatch } from '../core/batch.ts'
import { cellText, isRawNumber, wholeOf } from './cell.ts'
import type { SourceLabel } from './destination.ts'
import { exactEventValue, isObject } from './exact.ts'

/** What is known of the sources, by number. */
export type SourceLabels = ReadonlyMap<number, SourceLabel>

export interface TableColumn {
  readonly name: string
  readonly type: ColumnType
}

/** A cell per column, as cellText writes it; undefined where it is empty. */
export type Row = readonly (string | undefined)[]

type Members = Readonly<Record<string, unknown>>

const NO_MEMBERS: Members = {}

const CATALOGUED: ReadonlyMap<string, TableColumn> = new Map(
  EVENT_COLUMNS.map(({ name, type }) => [name, { name, type }]),
)
const COLUMN_OF_PROPERTY: ReadonlyMap<string, string> = new Map(
  EVENT_COLUMNS.filter(({ origin }) => origin === 'property').map(({ member, name }) => [member, name]),
)
const EVENT_MEMBERS = EVENT_COLUMNS.filter(({ origin }) => origin === 'event')
const USER_MEMBERS = EVENT_COLUMNS.filter(({ origin }) => origin === 'user')
const USER_NAMES: ReadonlySet<string> = new Set(USER_MEMBERS.map(({ member }) => member))
const TOP_NAMES: ReadonlySet<string> = new Set([
  ...EVENT_MEMBERS.map(({ member }) => member),
  'user',
  'properties',
])

export class EventRows {
  readonly count: number
  readonly #batch: EventBatch
  readonly #sources: SourceLabels
  readonly #events: readonly Members[]

  constructor(batch: EventBatch, sources: SourceLabels) {
    this.count = batch.count
    this.#batch = batch
    this.#sources = sources
    this.#events = Array.from({ length: batch.count }, (_, i) => exactEventValue(batch, i))
  }

  /** Columns that these rows can fill, with the types that new ones are given: of the catalog, and DISCOVERED_COLUMNS_MAX others. */
  columns(): readonly TableColumn[] {
    const found = new Map<string, TableColumn>()
    for (const { name, type, origin } of EVENT_COLUMNS) {
      if (origin !== 'property') found.set(name, { name, type })
    }
    let discovered = 0
    for (const { properties } of this.#events) {
      for (const [member, value] of Object.entries(membersOf(properties))) {
        if (value === null) continue
        const name = columnOf(member)
        if (name === undefined || found.has(name)) continue
        const column = CATALOGUED.get(name) ?? discoveredColumn(name, value)
        if (!CATALOGUED.has(name) && discovered++ >= DISCOVERED_COLUMNS_MAX) continue
        found.set(name, column)
      }
    }
    return [...found.values()]
  }

  /** Row i with a cell for each of `columns`. */
  row(i: number, columns: TableColumns): Row {
    const event = this.#events[i] ?? NO_MEMBERS
    const cells = new Array<string | undefined>(columns.all.length).fill(undefined)
    const set = (name: string, value: unknown): void => {
      const place = columns.placeOf(name)
      if (place === undefined || cells[place] !== undefined) return
      cells[place] = cellText(columns.all[place]?.type ?? 'text', value)
    }
    for (const { name, member } of EVENT_MEMBERS) set(name, event[member])
    const user = membersOf(event.user)
    for (const { name, member } of USER_MEMBERS) set(name, user[member])
    for (const [member, value] of Object.entries(membersOf(event.properties))) {
      const name = columnOf(member)
      if (name !== undefined) set(name, value)
    }
    set('properties', event.properties)
    set('extra', extraOf(event))
    set('_offset', this.#batch.offsets[i])
    set('_received_at', (this.#batch.receivedAt[i] ?? 0) / 1000)
    set('_source', this.#sources.get(this.#batch.sources[i] ?? 0)?.name)
    set('_current', this.#batch.connection)
    return cells
  }
}

/** Columns of a table in the order in which its rows are written. */
export class TableColumns {
  readonly all: readonly TableColumn[]
  readonly #places: ReadonlyMap<string, number>

  constructor(all: readonly TableColumn[]) {
    this.all = all
    this.#places = new Map(all.map(({ name }, place) => [name, place]))
  }

  placeOf(name: string): number | undefined {
    return this.#places.get(name)
  }
}

/** Every column of the catalog, for tables whose columns are fixed. */
export const CATALOG_COLUMNS = new TableColumns([...CATALOGUED.values()])

/** The row as a person would read it: the cells that are not empty, by the name of their column. */
export function rowPreview(batch: EventBatch, i: number, sources: SourceLabels): Record<string, string> {
  const rows = new EventRows(batch, sources)
  const columns = new TableColumns(rows.columns())
  const cells = rows.row(i, columns)
  return Object.fromEntries(
    columns.all.flatMap(({ name }, place) => (cells[place] === undefined ? [] : [[name, cells[place]]])),
  )
}

function membersOf(value: unknown): Members {
  return isObject(value) ? value : NO_MEMBERS
}

/** Names met so far, with their columns; derived from the names alone. Bounded: what senders make up must not fill the memory. */
const columnNames = new Map<string, string | undefined>()
const COLUMN_NAMES_MAX = 10_000

/** undefined: the catalog gave this column to another property. */
function columnOf(member: string): string | undefined {
  const known = COLUMN_OF_PROPERTY.get(member) ?? columnNames.get(member)
  if (known !== undefined || columnNames.has(member)) return known
  const name = propertyColumnName(member)
  const column = CATALOGUED.has(name) ? undefined : name
  if (columnNames.size >= COLUMN_NAMES_MAX) columnNames.clear()
  columnNames.set(member, column)
  return column
}

function discoveredColumn(name: string, value: unknown): TableColumn {
  const told = isRawNumber(value) ? (wholeOf(value) ?? Number(value.rawJSON)) : value
  return { name, type: columnTypeOfValue(told) ?? 'text' }
}

/**
 * The members of the event and of its user that have no column, and those that do not fit theirs, such as a time in words; undefined when
 * there are none.
 */
function extraOf(event: Members): unknown {
  const extra: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [member, value] of Object.entries(event)) if (!TOP_NAMES.has(member)) extra[member] = value
  for (const { member, type } of EVENT_MEMBERS) if (!fits(type, event[member])) extra[member] = event[member]
  const user = extraOfUser(event.user)
  if (user !== undefined) extra.user = user
  return Object.keys(extra).length === 0 ? undefined : extra
}

function extraOfUser(user: unknown): unknown {
  if (!isObject(user)) return user ?? undefined
  const extra = Object.entries(user).filter(([member]) => !USER_NAMES.has(member))
  for (const { member, type } of USER_MEMBERS)
    if (!fits(type, user[member])) extra.push([member, user[member]])
  return extra.length === 0 ? undefined : Object.fromEntries(extra)
}

function fits(type: ColumnType, value: unknown): boolean {
  return value === undefined || value === null || cellText(type, value) !== undefined
}
