/** Databases and tables of REST v3: what there is to query. A table comes into being with its first row, or by name. */

import type { Clock } from '../../core/clock.ts'
import { type Answer, json } from '../answer.ts'
import { type Intake, isName } from '../treasure-data-intake.ts'
import type { Row } from '../treasure-data-rows.ts'
import { problem } from './answers.ts'
import type { Brain, TableRows } from './brain.ts'
import { dateText } from './job-shapes.ts'
import type { ColumnType } from './mirror.ts'

const MADE_MAX = 10_000

export interface TablesDesk {
  readonly clock: Clock
  readonly intake: Intake
  readonly brain: () => Promise<Brain>
  /** How long a row that came in stays invisible to queries. */
  readonly queryDelayMs: () => number
}

export class TablesApi {
  readonly #desk: TablesDesk
  readonly #openedAtMs: number
  /** Made by name, perhaps without a row yet: `database.table`. */
  #made = new Set<string>()

  constructor(desk: TablesDesk) {
    this.#desk = desk
    this.#openedAtMs = desk.clock.now()
  }

  reset(): void {
    this.#made = new Set()
  }

  /** Undefined for what is no address of this part. `request` is method and resource, action, number of further parts. */
  answer(
    request: string,
    [database = '', table = '', type = '']: readonly string[],
  ): Answer | Promise<Answer> | undefined {
    switch (request) {
      case 'GET database/list/0':
        return json(200, { databases: [...this.#desk.intake.databases].map((name) => this.#database(name)) })
      case 'GET database/show/1':
        return this.#within(database, () => json(200, this.#database(database)))
      case 'POST database/create/1':
        return this.#createDatabase(database)
      case 'GET table/list/1':
        return this.#within(database, () => this.#tableList(database))
      case 'GET table/show/2':
        return this.#within(database, () => this.#tableShow(database, table))
      case 'POST table/create/3':
        return this.#within(database, () => this.#createTable(database, table, type))
      default:
        return undefined
    }
  }

  #within(name = '', about: (name: string) => Answer | Promise<Answer>): Answer | Promise<Answer> {
    return this.#desk.intake.hasDatabase(name)
      ? about(name)
      : problem(404, `Resource not found: the database ${name}`)
  }

  #createDatabase(name: string): Answer {
    if (!isName(name)) return problem(422, `Invalid database name: ${name}`)
    if (!this.#desk.intake.addDatabase(name)) return problem(409, `Database ${name} already exists`)
    return json(200, { database: name })
  }

  #database(name: string) {
    const rows = this.tables().filter(({ database }) => database === name)
    return {
      name,
      count: rows.reduce((sum, table) => sum + table.rows.length, 0),
      created_at: dateText(this.#openedAtMs),
      updated_at: dateText(this.#openedAtMs),
      delete_protected: false,
      permission: 'administrator',
      organization: null,
    }
  }

  #createTable(database: string, table: string, type: string | undefined): Answer {
    if (type !== 'log') return problem(422, 'Table type must be log')
    if (!isName(table) || this.#made.size >= MADE_MAX) return problem(422, `Invalid table name: ${table}`)
    if (this.tables().some((known) => known.database === database && known.table === table)) {
      return problem(409, `Table ${database}.${table} already exists`)
    }
    this.#made.add(`${database}.${table}`)
    return json(200, { database, table, type: 'log' })
  }

  async #tableList(name: string): Promise<Answer> {
    const tables = this.tables().filter(({ database }) => database === name)
    return json(200, { database: name, tables: await Promise.all(tables.map((table) => this.#table(table))) })
  }

  async #tableShow(name: string, table: string): Promise<Answer> {
    const known = this.tables().find((one) => one.database === name && one.table === table)
    return known === undefined
      ? problem(404, `Resource not found: the table ${table}`)
      : json(200, await this.#table(known))
  }

  async #table(table: TableRows) {
    const brain = await this.#desk.brain()
    const schema = schemaText(await brain.schema(table))
    return {
      id: `${table.database}.${table.table}`,
      name: table.table,
      type: 'log',
      count: table.rows.length,
      schema,
      estimated_storage_size: table.rows.reduce((sum, row) => sum + row.bytes.length, 0),
      last_log_timestamp: table.rows.at(-1)?.time ?? null,
      expire_days: null,
      include_v: false,
      description: '',
      delete_protected: false,
    }
  }

  /** Every table with the rows that can be queried by now. */
  tables(): TableRows[] {
    const receivedUntilMs = this.#desk.clock.now() - this.#desk.queryDelayMs()
    const tables = new Map<string, { database: string; table: string; rows: Row[] }>()
    for (const name of this.#made) {
      const [database = '', table = ''] = name.split('.')
      tables.set(name, { database, table, rows: [] })
    }
    for (const row of this.#desk.intake.rows.select({ receivedUntilMs })) {
      const name = `${row.database}.${row.table}`
      const known = tables.get(name)
      if (known === undefined) tables.set(name, { database: row.database, table: row.table, rows: [row] })
      else known.rows.push(row)
    }
    return [...tables.values()]
  }
}

function schemaText(columns: ReadonlyMap<string, ColumnType>): string {
  return JSON.stringify([...columns])
}
