/** How a column of a result is called and kept: types as Presto names them, values as one of five kinds. */

import { type DuckDBType, DuckDBTypeId } from '@duckdb/node-api'

/** `nested`: arrays, maps and rows, kept as JSON text. */
export type CellKind = 'integer' | 'double' | 'boolean' | 'text' | 'nested'

export interface ResultColumn {
  readonly name: string
  /** As Presto names it: bigint, varchar, array(varchar). */
  readonly type: string
  readonly kind: CellKind
}

const PLAIN: Partial<Record<DuckDBTypeId, readonly [type: string, kind: CellKind]>> = {
  [DuckDBTypeId.BOOLEAN]: ['boolean', 'boolean'],
  [DuckDBTypeId.TINYINT]: ['tinyint', 'integer'],
  [DuckDBTypeId.SMALLINT]: ['smallint', 'integer'],
  [DuckDBTypeId.INTEGER]: ['integer', 'integer'],
  [DuckDBTypeId.BIGINT]: ['bigint', 'integer'],
  // DuckDB widens sums; Presto does not.
  [DuckDBTypeId.HUGEINT]: ['bigint', 'integer'],
  [DuckDBTypeId.UBIGINT]: ['bigint', 'integer'],
  [DuckDBTypeId.UINTEGER]: ['bigint', 'integer'],
  [DuckDBTypeId.FLOAT]: ['real', 'double'],
  [DuckDBTypeId.DOUBLE]: ['double', 'double'],
  [DuckDBTypeId.VARCHAR]: ['varchar', 'text'],
  [DuckDBTypeId.DATE]: ['date', 'text'],
  [DuckDBTypeId.TIME]: ['time', 'text'],
  [DuckDBTypeId.SQLNULL]: ['unknown', 'text'],
}

export function resultColumn(name: string, type: DuckDBType): ResultColumn {
  const [presto, kind] = typeAndKind(type)
  return { name, type: presto, kind }
}

/** SQL that brings `expression` of this type into the form in which a result keeps it. */
export function keptExpression(expression: string, type: DuckDBType): string {
  switch (typeAndKind(type)[0]) {
    case 'timestamp':
      return `strftime(CAST(${expression} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')`
    case 'timestamp with time zone':
      return `strftime(timezone('UTC', ${expression}), '%Y-%m-%d %H:%M:%S.%g UTC')`
    default:
      return `CAST(${KEPT[typeAndKind(type)[1]](expression)})`
  }
}

const KEPT: Readonly<Record<CellKind, (expression: string) => string>> = {
  integer: (expression) => `${expression} AS BIGINT`,
  double: (expression) => `${expression} AS DOUBLE`,
  boolean: (expression) => `${expression} AS BOOLEAN`,
  text: (expression) => `${expression} AS VARCHAR`,
  nested: (expression) => `to_json(${expression}) AS VARCHAR`,
}

function typeAndKind(type: DuckDBType): readonly [string, CellKind] {
  if (type.alias === 'JSON') return ['json', 'text']
  const plain = PLAIN[type.typeId]
  if (plain !== undefined) return plain
  switch (type.typeId) {
    case DuckDBTypeId.DECIMAL:
      return [`decimal(${type.width},${type.scale})`, 'text']
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return ['timestamp', 'text']
    case DuckDBTypeId.TIMESTAMP_TZ:
      return ['timestamp with time zone', 'text']
    case DuckDBTypeId.LIST:
      return [`array(${typeAndKind(type.valueType)[0]})`, 'nested']
    case DuckDBTypeId.MAP:
      return [`map(${typeAndKind(type.keyType)[0]},${typeAndKind(type.valueType)[0]})`, 'nested']
    case DuckDBTypeId.STRUCT:
      return [
        `row(${type.entryTypes.map((entry, i) => `${type.entryNames[i]} ${typeAndKind(entry)[0]}`).join(', ')})`,
        'nested',
      ]
    default:
      return ['varchar', 'text']
  }
}
