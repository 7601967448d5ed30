/**
 * What a query may be: one SELECT over the warehouse's own tables. The engine parses the text itself and hands over the tree; whatever the tree
 * holds that is not on a list here is refused. This is one of several walls: the connection is in a read-only transaction, and the engine has no
 * way to files, networks, extensions or settings.
 */

import type { DuckDBConnection } from '@duckdb/node-api'
import { ThalwegError } from '../../core/errors.ts'
import { queryFailed, queryRefused } from '../failures.ts'
import { CATALOG, DEFAULT_DATABASE, type TableName } from './names.ts'
import { positionOfByte } from './place.ts'

/** Functions that make rows out of their arguments only. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'generate_series',
  'json_each',
  'json_tree',
  'range',
  'repeat_row',
  'unnest',
])

/** Scalar functions that do or tell more than their arguments say. */
const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set([
  'add_parquet_key',
  'currval',
  'current_setting',
  'getenv',
  'getvariable',
  'in_search_path',
  'json_execute_serialized_sql',
  'nextval',
  'pg_get_viewdef',
  'query',
  'query_table',
  'txid_current',
  'which_secret',
  'write_log',
])

/** Kinds of FROM that the tree may hold. A SHOW_REF is DESCRIBE or SUMMARIZE of a query, which is walked like any other. */
const REFERENCES: ReadonlySet<string> = new Set([
  'BASE_TABLE',
  'CTE',
  'DELIM_GET',
  'EMPTY',
  'EMPTY_FROM',
  'EXPRESSION_LIST',
  'JOIN',
  'PIVOT',
  'SHOW_REF',
  'SUBQUERY',
  'TABLE_FUNCTION',
])

/** Objects of the tree nested deeper than this are refused; the engine refuses expressions long before. */
const DEPTH_MAX = 5_000

type Node = Record<string, unknown>

/** Throws QUERY_REFUSED, or QUERY_FAILED with the engine's words when the text does not parse. `tables`: all that a query may name. */
export async function guardQuery(
  connection: DuckDBConnection,
  sql: string,
  tables: readonly TableName[],
): Promise<void> {
  const parsed = await serialized(connection, sql)
  if (parsed.error === true) throw parseError(parsed, sql)
  const statements = parsed.statements as readonly unknown[]
  if (statements.length !== 1)
    throw new ThalwegError('QUERY_REFUSED', `This is ${statements.length} statements; a query is one SELECT`)
  const walk = new Walk(sql, tables)
  walk.gatherNames(statements[0], 0)
  walk.visit(statements[0], 0)
}

async function serialized(connection: DuckDBConnection, sql: string): Promise<Node> {
  const result = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql])
  return JSON.parse(String(result.getRows()[0]?.[0])) as Node
}

function parseError(parsed: Node, sql: string): ThalwegError {
  const message = String(parsed.error_message)
  if (parsed.error_type === 'not implemented')
    return new ThalwegError(
      'QUERY_REFUSED',
      'Only one statement that reads (SELECT, WITH, FROM, VALUES, DESCRIBE) is run here',
    )
  const position = Number(parsed.position)
  return queryFailed(message, Number.isFinite(position) ? positionOfByte(sql, position) : undefined)
}

class Walk {
  readonly #sql: string
  readonly #tables: ReadonlySet<string>
  readonly #names = new Set<string>()

  constructor(sql: string, tables: readonly TableName[]) {
    this.#sql = sql
    this.#tables = new Set(
      tables.flatMap(({ database, table }) => [
        `${database}.${table}`.toLowerCase(),
        ...(database === DEFAULT_DATABASE ? [table.toLowerCase()] : []),
      ]),
    )
  }

  /** Names of the query's own parts (WITH), wherever they stand: a table of that name is then taken for one of them. */
  gatherNames(value: unknown, depth: number): void {
    this.#each(value, depth, (node, below) => {
      const { map } = (node.cte_map ?? {}) as { map?: readonly { key?: unknown }[] }
      for (const { key } of map ?? []) if (typeof key === 'string') this.#names.add(key.toLowerCase())
      if (typeof node.cte_name === 'string') this.#names.add(node.cte_name.toLowerCase())
      if (typeof node.ctename === 'string') this.#names.add(node.ctename.toLowerCase())
      this.gatherNames(Object.values(node), below)
    })
  }

  visit(value: unknown, depth: number): void {
    this.#each(value, depth, (node, below) => {
      this.#judge(node)
      this.visit(Object.values(node), below)
    })
  }

  #each(value: unknown, depth: number, look: (node: Node, depth: number) => void): void {
    if (typeof value !== 'object' || value === null) return
    if (depth > DEPTH_MAX) throw new ThalwegError('QUERY_REFUSED', 'The query is nested too deeply')
    if (Array.isArray(value)) for (const one of value) this.#each(one, depth + 1, look)
    else look(value as Node, depth + 1)
  }

  #judge(node: Node): void {
    const { type } = node
    if (isReference(node) && !REFERENCES.has(String(type)))
      this.#refuse(`${type} is not allowed in FROM`, node)
    if (type === 'BASE_TABLE') this.#judgeTable(node)
    else if (type === 'TABLE_FUNCTION') this.#judgeTableFunction(node)
    else if (type === 'SHOW_REF') this.#judgeShow(node)
    else if (typeof node.function_name === 'string') this.#judgeFunction(node)
  }

  #judgeTable(node: Node): void {
    const { catalog_name: catalog, schema_name: schema, table_name: table } = node as Record<string, string>
    const named = [schema, table].filter((part) => part !== '' && part !== undefined).join('.')
    const own = catalog === '' || catalog?.toLowerCase() === CATALOG
    if (own && this.#tables.has(named.toLowerCase())) return
    if (catalog === '' && schema === '' && this.#names.has(String(table).toLowerCase())) return
    this.#refuse(`There is no table ${JSON.stringify(named)} that a query may read`, node)
  }

  #judgeTableFunction(node: Node): void {
    const called = (node.function ?? {}) as Node
    const name = String(called.function_name).toLowerCase()
    if (!TABLE_FUNCTIONS.has(name)) this.#refuse(`The function ${name} may not stand in FROM`, called)
  }

  #judgeShow(node: Node): void {
    if (node.table_name !== '' || node.query === null)
      this.#refuse('SHOW is not run here; DESCRIBE names one table', node)
  }

  #judgeFunction(node: Node): void {
    const name = String(node.function_name).toLowerCase()
    if (REFUSED_FUNCTIONS.has(name) || /^(duckdb_|pragma_|read_|pg_)/.test(name))
      this.#refuse(`The function ${name} is not allowed`, node)
  }

  #refuse(message: string, node: Node): never {
    const at = Number(node.query_location)
    const isKnown = at >= 0 && at <= Buffer.byteLength(this.#sql)
    throw queryRefused(message, isKnown ? positionOfByte(this.#sql, at) : undefined)
  }
}

/** References carry these three; expressions have a class and statements a node. */
function isReference(node: Node): boolean {
  return 'type' in node && 'alias' in node && 'sample' in node && !('class' in node)
}
