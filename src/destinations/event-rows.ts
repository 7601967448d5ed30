/**
 * A batch of events as rows of the `events` table (catalog/columns.ts), for destinations that are warehouses. Pure: the same batch and the
 * same columns give the same rows.
 *
 * Which column a property has is decided row by row, so that it does not depend on where batches are cut: a catalogued property has its
 * own, any other the one that its name gives, unless the name is taken by the catalog or by an earlier property of the same event.
 */

import {
  type ColumnOrigin,
  type ColumnType,
  DISCOVERED_COLUMNS_MAX,
  EVENT_COLUMNS,
  propertyColumnName,
} from '../catalog/columns.ts'
import type { EventBatch } from '../core/batch.ts'
import type { Fault } from '../core/fault.ts'
import { cellText, columnTypeSeen } from './cell.ts'
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
const EVENT_MEMBERS = membersFrom('event')
const USER_MEMBERS = membersFrom('user')

function membersFrom(from: ColumnOrigin): ReadonlySet<string> {
  return new Set(EVENT_COLUMNS.filter(({ origin }) => origin === from).map(({ member }) => member))
}

/** As Treasure Data's doors take them: a row whose members are its properties, some of them called like columns of the event itself. */
function isFlat(event: Members): boolean {
  return !Object.hasOwn(event, 'properties') && !Object.hasOwn(event, 'user')
}

function propertiesOf(event: Members): readonly [string, unknown][] {
  if (!isFlat(event)) return Object.entries(membersOf(event.properties))
  return Object.entries(event).filter(([member, value]) => !hasOwnColumn(member, value))
}

function hasOwnColumn(member: string, value: unknown): boolean {
  if (!EVENT_MEMBERS.has(member) && !USER_MEMBERS.has(member)) return false
  return value === null || cellText(CATALOGUED.get(member)?.type ?? 'text', value) !== undefined
}

export class EventRows {
  readonly count: number
  /** Of each row, in the log. */
  readonly offsets: readonly number[]
  readonly #batch: EventBatch
  readonly #sources: SourceLabels
  /** undefined: too much to keep as values; each event is parsed when it is needed. */
  readonly #events: readonly Members[] | undefined

  constructor(batch: EventBatch, sources: SourceLabels) {
    this.count = batch.count
    this.offsets = [...batch.offsets]
    this.#batch = batch
    this.#sources = sources
    const kept = batch.joined.length <= KEPT_BYTES_MAX
    this.#events = kept ? Array.from({ length: batch.count }, (_, i) => exactEventValue(batch, i)) : undefined
  }

  /** Columns that these rows can fill, with the types that new ones are given: of the catalog, and DISCOVERED_COLUMNS_MAX others. */
  columns(): readonly TableColumn[] {
    const found = new Map<string, TableColumn>()
    for (const { name, type, origin } of EVENT_COLUMNS) {
      if (origin !== 'property') found.set(name, { name, type })
    }
    let discovered = 0
    for (let i = 0; i < this.count; i++) {
      for (const [member, value] of propertiesOf(this.#event(i))) {
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
    const row = new RowBuilder(columns)
    const event = this.#event(i)
    if (isFlat(event)) row.addFlat(event)
    else row.addNested(event)
    row.set('_offset', this.#batch.offsets[i])
    row.set('_received_at', (this.#batch.receivedAt[i] ?? 0) / 1000)
    row.set('_source', this.#sources.get(this.#batch.sources[i] ?? 0)?.name)
    row.set('_current', this.#batch.connection)
    return row.cells
  }

  #event(i: number): Members {
    return this.#events?.[i] ?? exactEventValue(this.#batch, i)
  }
}

/** Bytes of events whose values are kept between two looks: as values they take several times as much. */
const KEPT_BYTES_MAX = 8_000_000

class RowBuilder {
  readonly cells: (string | undefined)[]
  readonly #columns: TableColumns
  /** Members of the event and of its user that have no cell: unknown, or not fitting theirs. */
  readonly #extra: Record<string, unknown> = bare()
  readonly #extraOfUser: Record<string, unknown> = bare()

  constructor(columns: TableColumns) {
    this.#columns = columns
    this.cells = new Array<string | undefined>(columns.all.length).fill(undefined)
  }

  /** False when the value did not find a place. */
  set(name: string, value: unknown): boolean {
    if (value === null || value === undefined) return true
    const place = this.#columns.placeOf(name)
    if (place === undefined || this.cells[place] !== undefined) return false
    const cell = this.#columns.cellText(place, value)
    this.cells[place] = cell
    return cell !== undefined
  }

  addFlat(event: Members): void {
    for (const [member, value] of Object.entries(event)) {
      if (EVENT_MEMBERS.has(member) || USER_MEMBERS.has(member)) this.set(member, value)
    }
    this.#addProperties(event, event)
  }

  addNested(event: Members): void {
    for (const [member, value] of Object.entries(event)) {
      if (member === 'user') this.#addUser(value)
      else if (member !== 'properties' && value !== null) this.#addOwn(member, value)
    }
    this.#addProperties(event, event.properties)
    if (!isEmpty(this.#extraOfUser)) this.#extra.user = this.#extraOfUser
    if (!isEmpty(this.#extra)) this.set('extra', this.#extra)
  }

  #addOwn(member: string, value: unknown): void {
    if (!EVENT_MEMBERS.has(member) || !this.set(member, value)) this.#extra[member] = value
  }

  #addProperties(event: Members, whole: unknown): void {
    for (const [member, value] of propertiesOf(event)) {
      const name = columnOf(member)
      if (name !== undefined) this.set(name, value)
    }
    this.set('properties', whole)
  }

  #addUser(user: unknown): void {
    if (!isObject(user)) {
      if (user !== null) this.#extra.user = user
      return
    }
    for (const [member, value] of Object.entries(user)) {
      if (!USER_MEMBERS.has(member) || !this.set(member, value)) this.#extraOfUser[member] = value
    }
  }
}

/** Without a prototype: a member called __proto__ is a name like any other. */
function bare(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>
}

function isEmpty(members: Members): boolean {
  for (const _ in members) return false
  return true
}

/** Whether the catalog knows a column of this name. */
export function isCatalogued(name: string): boolean {
  return CATALOGUED.has(name)
}

/** Columns of a table in the order in which its rows are written. */
export class TableColumns {
  readonly all: readonly TableColumn[]
  readonly #places: ReadonlyMap<string, number>
  readonly #narrow: Narrow | undefined

  /** `narrow` refuses what the database cannot hold although it is of the column's type. */
  constructor(all: readonly TableColumn[], narrow?: Narrow) {
    this.all = all
    this.#places = new Map(all.map(({ name }, place) => [name, place]))
    this.#narrow = narrow
  }

  placeOf(name: string): number | undefined {
    return this.#places.get(name)
  }

  cellText(place: number, value: unknown): string | undefined {
    const column = this.all[place]
    const cell = column && cellText(column.type, value)
    if (cell === undefined || column === undefined || this.#narrow === undefined) return cell
    return this.#narrow(column, cell)
  }
}

/** The cell as this database writes it; undefined where it cannot. */
export type Narrow = (column: TableColumn, cell: string) => string | undefined

/** Every column of the catalog, for tables whose columns are fixed. */
export const CATALOG_COLUMNS = new TableColumns([...CATALOGUED.values()])

/**
 * The columns of `wanted` that a table with columns of these `names` may be given: of the catalog, and others as long as there is room for
 * them.
 */
export function addableColumns(
  names: readonly string[],
  wanted: readonly TableColumn[],
): readonly TableColumn[] {
  const present = new Set(names)
  const missing = wanted.filter(({ name }) => !present.has(name))
  const room = DISCOVERED_COLUMNS_MAX - names.filter((name) => !CATALOGUED.has(name)).length
  const discovered = missing.filter(({ name }) => !CATALOGUED.has(name)).slice(0, Math.max(0, room))
  return [...missing.filter(({ name }) => CATALOGUED.has(name)), ...discovered]
}

/** Without these a row could not be told from its copy. */
const NAMING: readonly TableColumn[] = [
  { name: '_current', type: 'text' },
  { name: '_offset', type: 'bigint' },
]

/** What a table lacks that would name its rows; undefined: nothing. */
export function unnamedRows(
  columns: readonly { readonly name: string; readonly type: ColumnType | undefined }[],
): Fault | undefined {
  const missing = NAMING.filter(
    ({ name, type }) => !columns.some((column) => column.name === name && column.type === type),
  )
  if (missing.length === 0) return undefined
  const words = missing.map(({ name, type }) => `${name} (${type})`).join(' and ')
  return {
    kind: 'misconfigured',
    message: `The table lacks ${words}: without it a row could be written twice`,
  }
}

/** Writes rows as JSON objects, a line each, without the cells that are empty. */
export function jsonLines(columns: readonly TableColumn[]): (row: Row) => string {
  const keys = columns.map(({ name }) => `${JSON.stringify(name)}:`)
  const bare = columns.map(({ type }) => BARE.has(type))
  return (row) => {
    let text = ''
    for (let place = 0; place < row.length; place++) {
      const cell = row[place]
      if (cell === undefined) continue
      text += (text === '' ? '' : ',') + keys[place] + (bare[place] ? cell : JSON.stringify(cell))
    }
    return `{${text}}\n`
  }
}

/** Types whose cells are JSON as they are. */
const BARE: ReadonlySet<ColumnType> = new Set(['bigint', 'double', 'boolean'])

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
  return { name, type: columnTypeSeen(value) ?? 'text' }
}
