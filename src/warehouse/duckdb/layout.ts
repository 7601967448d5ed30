/**
 * Which columns a table of events has, and which property stands in which. Columns appear when the first value for them does: the engine pays
 * for every column of every row, also for the empty ones.
 */

import {
  type ColumnType,
  DISCOVERED_COLUMNS_MAX,
  EVENT_COLUMNS,
  type EventColumn,
  propertyColumnName,
} from '../../catalog/columns.ts'
import { BOOKS, quoted, type TableName, tableSql, textLiteral } from './names.ts'

/** The column of one property. */
export interface PropertyColumn {
  /** Place in `Layout.properties`. */
  readonly index: number
  /** Its place among the vectors of a chunk: behind those of the fixed columns. */
  readonly vector: number
  readonly member: string
  readonly name: string
  readonly type: ColumnType
  /** Not in the catalog: its type is what its first value was, and may be widened. */
  readonly discovered: boolean
}

type NewColumn = Omit<PropertyColumn, 'index' | 'vector'>

export const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'VARCHAR',
  bigint: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  json: 'JSON',
}

/** The columns that every table of events has from the beginning. */
export const FIXED_COLUMNS: readonly EventColumn[] = EVENT_COLUMNS.filter(
  ({ origin }) => origin !== 'property',
)

const CATALOGUED: ReadonlyMap<string, EventColumn> = new Map(
  EVENT_COLUMNS.filter(({ origin }) => origin === 'property').map((column) => [column.member, column]),
)

export class Layout {
  readonly place: TableName
  readonly properties: PropertyColumn[] = []
  /** Changes when the type of a column does. */
  version = 0
  readonly #byMember = new Map<string, PropertyColumn>()
  readonly #taken: Set<string>
  #discovered = 0
  /** Columns up to here, and the table itself, are in the database. */
  #made: number
  #exists: boolean

  constructor(place: TableName, kept: readonly NewColumn[] | undefined) {
    this.place = place
    this.#taken = new Set(FIXED_COLUMNS.map(({ name }) => name))
    this.#exists = kept !== undefined
    for (const column of kept ?? []) this.#add(column)
    this.#made = this.properties.length
  }

  columnOf(member: string): PropertyColumn | undefined {
    return this.#byMember.get(member)
  }

  /**
   * A column for a property that has none yet; undefined when it gets none: its name is taken, or there are enough. `seen`: the type of
   * its first value, for properties outside the catalog.
   */
  propose(member: string, seen: ColumnType): PropertyColumn | undefined {
    const known = CATALOGUED.get(member)
    const name = known?.name ?? propertyColumnName(member)
    if (member === '' || this.#taken.has(name)) return undefined
    // A name of the catalog waits for the property that it was made for.
    if (known === undefined && (this.#discovered >= DISCOVERED_COLUMNS_MAX || isCatalogued(name)))
      return undefined
    return this.#add({ member, name, type: known?.type ?? seen, discovered: known === undefined })
  }

  /** Whether the database is up to this layout. */
  get isMade(): boolean {
    return this.#exists && this.#made === this.properties.length
  }

  /** Statements that bring the database up to this layout. */
  *additions(): Generator<string> {
    const { place } = this
    if (!this.#exists) {
      yield `CREATE SCHEMA IF NOT EXISTS ${quoted(place.database)}`
      yield `CREATE TABLE ${tableSql(place)} (${FIXED_COLUMNS.map(fixedColumn).join(', ')})`
      yield `INSERT INTO ${BOOKS}.tables VALUES (${textLiteral(place.database)}, ${textLiteral(place.table)}, 'events')`
      this.#exists = true
    }
    for (const column of this.properties.slice(this.#made)) {
      yield `ALTER TABLE ${tableSql(place)} ADD COLUMN ${quoted(column.name)} ${SQL_TYPES[column.type]}`
      yield `INSERT INTO ${BOOKS}.columns VALUES (${[place.database, place.table, column.member, column.name, column.type].map(textLiteral).join(', ')}, ${column.discovered})`
    }
    this.#made = this.properties.length
  }

  /** Takes a wider type; the database was changed by the caller. */
  widened(column: PropertyColumn, type: ColumnType): void {
    const wider = { ...column, type }
    this.properties[column.index] = wider
    this.#byMember.set(column.member, wider)
    this.version++
  }

  #add(column: NewColumn): PropertyColumn {
    const index = this.properties.length
    const added = { ...column, index, vector: FIXED_COLUMNS.length + index }
    this.properties.push(added)
    this.#byMember.set(column.member, added)
    this.#taken.add(column.name)
    if (column.discovered) this.#discovered++
    return added
  }
}

/** Half of a row is `properties`, and most of it was said by the row before: the engine's own choice would look for a long time. */
function fixedColumn({ name, type, origin }: EventColumn): string {
  const packed = origin === 'properties' ? ' USING COMPRESSION zstd' : ''
  return `${quoted(name)} ${SQL_TYPES[type]}${packed}`
}

const CATALOGUED_NAMES: ReadonlySet<string> = new Set([...CATALOGUED.values()].map(({ name }) => name))

function isCatalogued(name: string): boolean {
  return CATALOGUED_NAMES.has(name)
}
