/**
 * Treasure Data's doors for pushed events: Postback, the records API and the Braze streaming connector; and the
 * API that queries the rows they store (treasure-data-sql/). The rows are open to inspection beside it.
 *
 * At Treasure Data the host decides what `/postback/v3/event/…` means: `in.treasuredata.com` is the legacy
 * Postback API, `{region}.records.in.treasuredata.com` is Postback v2. One double has one port, so the
 * setting `postback` says which of the two a plain path is, and a path below `/records-host` is always v2
 * (for a client whose base address may hold a path).
 *
 * Beside what double.ts and faults.ts describe:
 *
 *   GET /sandbox/rows?database=&table=&limit=&offset=&raw=1   rows in order, as columns; raw=1: as sent
 *   GET /sandbox/tables                       rows ever received per table
 *   GET /sandbox/types?database=&table=       events per type in the rows still kept
 *   GET /sandbox/drops?limit=&offset=         what was answered 200 and then lost
 *   PUT /sandbox/settings                     keyMode: strict | lenient, postback: legacy | v2, queryDelayMs,
 *                                             resultTtlMs
 */

import * as z from 'zod'
import { ThalwegError } from '../core/errors.ts'
import { type Answer, json } from './answer.ts'
import { Arrivals } from './arrivals.ts'
import { type Call, decodedPart, type Holding, pageOf, type Setting, type Vendor } from './double.ts'
import { type Drop, Intake, type IntakeOptions } from './treasure-data-intake.ts'
import { answerPostback } from './treasure-data-postback.ts'
import { answerRecords, successReceipts } from './treasure-data-records.ts'
import { columnsOf, countTypes, type Row, type RowFilter } from './treasure-data-rows.ts'
import { QueryApi } from './treasure-data-sql/api.ts'
import { JOB_LIFETIME_MS } from './treasure-data-sql/jobs.ts'
import { answerTask, type Task } from './treasure-data-task.ts'

/** Stands in front of a path for the records host. */
export const RECORDS_HOST_PREFIX = '/records-host'
const QUERY_PREFIX = '/v3/'
const POSTBACK_PREFIX = '/postback/v3/event/'
const PAGE_MAX = 1000

const Settings = z.strictObject({
  keyMode: z.enum(['strict', 'lenient']),
  postback: z.enum(['legacy', 'v2']),
  /**
   * How long a row stays invisible to queries, /sandbox/rows and /sandbox/types; Treasure Data says up to 5 minutes.
   */
  queryDelayMs: z.int().min(0).max(3_600_000),
  /** How long the result of a job can be read. */
  resultTtlMs: z.int().min(0).max(JOB_LIFETIME_MS),
})
export type TreasureDataSettings = z.infer<typeof Settings>

export interface TreasureDataOptions extends IntakeOptions {
  /** By id; default none. */
  readonly tasks?: Readonly<Record<string, Task>>
  /** Default: strict keys, legacy Postback, no delay, results for as long as jobs are known. */
  readonly settings?: Partial<TreasureDataSettings>
  readonly idsMax?: number
}

export class TreasureData implements Vendor {
  readonly name = 'treasure-data'
  readonly marker = 'event_type"'
  readonly arrivals: Arrivals
  readonly #intake: Intake
  readonly #tasks: Readonly<Record<string, Task>>
  readonly #started: TreasureDataSettings
  #settings: TreasureDataSettings
  readonly #queries: QueryApi

  constructor(setting: Setting, options: TreasureDataOptions) {
    this.arrivals = new Arrivals(options.idsMax)
    this.#intake = new Intake(setting, this.arrivals, options)
    this.#tasks = options.tasks ?? {}
    this.#started = {
      keyMode: 'strict',
      postback: 'legacy',
      queryDelayMs: 0,
      resultTtlMs: JOB_LIFETIME_MS,
      ...options.settings,
    }
    this.#settings = this.#started
    this.#queries = new QueryApi(setting, this.#intake, () => this.#settings)
  }

  answer(call: Call): Answer | Promise<Answer> {
    if (call.path.startsWith(QUERY_PREFIX)) return this.#queries.answer(call)
    const onRecordsHost = call.path.startsWith(`${RECORDS_HOST_PREFIX}/`)
    const path = onRecordsHost ? call.path.slice(RECORDS_HOST_PREFIX.length) : call.path
    const parts = path.split('/').slice(1).map(decodedPart)
    const [first = '', second = '', third = ''] = parts
    if (path.startsWith(POSTBACK_PREFIX) && parts.length === 5) {
      const place = { database: parts[3] ?? '', table: parts[4] ?? '' }
      const form = onRecordsHost ? 'v2' : this.#settings.postback
      return answerPostback(call, place, this.#intake, form, this.#settings.keyMode)
    }
    if (call.method !== 'POST') return json(404, { error: 'not found' })
    if (parts.length === 3 && (`${first}/${second}` === 'v1/task' || `${first}/${second}` === 'task/v1')) {
      return answerTask(
        call,
        Object.hasOwn(this.#tasks, third) ? this.#tasks[third] : undefined,
        this.#intake,
      )
    }
    if (parts.length === 2) return answerRecords(call, { database: first, table: second }, this.#intake)
    return json(404, { error: 'not found' })
  }

  answerUnread(path: string, events: number): Answer {
    const wantsReceipts = !path.includes('/postback/') && !path.includes('/task')
    return wantsReceipts ? successReceipts(events) : { status: 200, body: '{}' }
  }

  tooMany(retryAfterS: number): Answer {
    return { ...json(429, { error: 'too many requests' }), headers: { 'retry-after': String(retryAfterS) } }
  }

  /** Throws INPUT_INVALID when a setting does not exist or fit. */
  configure(settings: unknown): void {
    const result = Settings.partial().safeParse(settings)
    if (!result.success) throw new ThalwegError('INPUT_INVALID', z.prettifyError(result.error))
    const set = Object.entries(result.data).filter(([, value]) => value !== undefined)
    this.#settings = { ...this.#settings, ...Object.fromEntries(set) }
  }

  /** Rows that can be queried by now, in the order received. */
  rows(filter: RowFilter = {}): Row[] {
    const receivedUntilMs = this.#intake.clock.now() - this.#settings.queryDelayMs
    return this.#intake.rows.select({ receivedUntilMs, ...filter })
  }

  drops(): Drop[] {
    return this.#intake.drops.slice()
  }

  inspect(call: Call): Answer | undefined {
    switch (`${call.method} ${call.path}`) {
      case 'GET /sandbox/rows':
        return this.#rowsPage(call)
      case 'GET /sandbox/tables':
        return json(200, { tables: Object.fromEntries(this.#intake.rows.tables()) })
      case 'GET /sandbox/types':
        return json(200, { types: Object.fromEntries(countTypes(this.rows(filterOf(call)))) })
      case 'GET /sandbox/drops':
        return this.#dropsPage(call)
      case 'PUT /sandbox/settings':
        this.configure(JSON.parse(call.body.toString()))
        return json(200, this.#settings)
      default:
        return undefined
    }
  }

  holdings(): Holding[] {
    const tables = [...this.#intake.rows.tables().keys()].map((name): Holding => {
      const [database = '', table = ''] = name.split('.')
      const rows = this.rows({ database, table })
      return {
        name,
        title: `Rows of ${name}`,
        total: rows.length,
        page: (offset, limit) =>
          rows
            .slice(Math.max(0, rows.length - offset - limit), Math.max(0, rows.length - offset))
            .reverse()
            .map((row) => ({ receivedAtMs: row.receivedAtMs, ...columnsOf(row) })),
      }
    })
    const { drops } = this.#intake
    return [
      ...tables,
      {
        name: 'drops',
        title: 'What was taken and kept nowhere',
        total: drops.length,
        page: (offset, limit) => drops.newest(offset, limit).map(shownDrop),
      },
    ]
  }

  state(): Record<string, unknown> {
    return {
      settings: this.#settings,
      rows: this.#intake.rows.state(),
      drops: this.#intake.drops.total,
      jobs: this.#queries.state(),
    }
  }

  reset(): void {
    this.#settings = this.#started
    this.#intake.rows.clear()
    this.#intake.drops.clear()
    this.#queries.reset()
  }

  close(): Promise<void> {
    return this.#queries.close()
  }

  #rowsPage(call: Call): Answer {
    const { offset, limit } = pageOf(call.query, PAGE_MAX)
    const rows = this.rows(filterOf(call))
    const raw = new URLSearchParams(call.query).get('raw') === '1'
    const page = rows.slice(offset, offset + limit).map((row) => ({
      database: row.database,
      table: row.table,
      receivedAtMs: row.receivedAtMs,
      ...(raw ? { raw: row.bytes.toString() } : { columns: columnsOf(row) }),
    }))
    return json(200, { matching: rows.length, rows: page })
  }

  #dropsPage(call: Call): Answer {
    const { offset, limit } = pageOf(call.query, PAGE_MAX)
    const { drops } = this.#intake
    return json(200, { total: drops.total, drops: drops.slice(offset, limit).map(shownDrop) })
  }
}

function shownDrop(drop: Drop) {
  return { ...drop, bytes: drop.bytes.toString() }
}

function filterOf(call: Call): RowFilter {
  const parameters = new URLSearchParams(call.query)
  const database = parameters.get('database')
  const table = parameters.get('table')
  return { ...(database === null ? {} : { database }), ...(table === null ? {} : { table }) }
}
