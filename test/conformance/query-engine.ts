/** The promises of a query engine (src/warehouse/warehouse.ts), for each engine against its real server: an engine is one row of query-engine.test.ts. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ThalwegError } from '../../src/core/errors.ts'
import type { PositionDetails } from '../../src/warehouse/failures.ts'
import {
  type Cell,
  PAGE_ROWS_MAX,
  type QueryEngine,
  type QueryRequest,
  type QueryStream,
  type TableShape,
} from '../../src/warehouse/warehouse.ts'
import { eventually } from '../support/eventually.ts'

export interface EngineUnderTest {
  readonly engine: QueryEngine
  /** Queries of the engine's user that run on the server at present, asked over another connection. */
  running(): Promise<number>
  /** What `tables` lists of a table that was made beforehand, whose name holds a quote. */
  readonly table: TableShape
  /** Whether what escapes could have changed is as it was before; they must find nothing else. */
  untouched(): Promise<boolean>
  stop(): Promise<void>
}

/** The queries of the suite in the engine's own SQL. */
export interface EngineDialect {
  /** `count` rows of two columns: a whole number from 0 on, named n, and a text of `chars` characters. In the order of n. */
  rows(count: number, chars: number): string
  /** Runs for minutes on the server and gives no row before. */
  readonly slow: string
  /** Gives rows without end. Absent where a result is whole before its first row can be read. */
  readonly endless?: string
  /** What the engine refuses after some rows, and what it says. */
  readonly failsLate?: readonly [sql: string, says: RegExp]
  readonly broken: {
    readonly sql: string
    readonly says: RegExp
    /** Absent where the engine does not tell. */
    readonly line?: number
    readonly column?: number
  }
  /** What stands behind the expressions, where they need a table. */
  readonly typesFrom?: string
  /** An expression, the type as the engine calls it, and the cell. */
  readonly types: readonly (readonly [expression: string, type: RegExp, cell: Cell])[]
  /** Statements that do more than read, or try to. */
  readonly escapes: readonly string[]
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const PATIENT_MS = 60_000
const MIB = 1_048_576
/** Some pages, and what the engine's client holds; a million rows of this suite are more than thirty times as much. */
const GROWTH_MIB_MAX = 40

export function queryEngineConformance(
  name: string,
  start: () => Promise<EngineUnderTest>,
  dialect: EngineDialect,
): void {
  describe(`query engine ${name}`, () => {
    let given: EngineUnderTest
    beforeAll(async () => {
      given = await start()
    })
    afterAll(async () => {
      await given?.stop()
    })

    const ask = (request: Partial<QueryRequest> & { sql: string }, signal = new AbortController().signal) =>
      given.engine.query({ timeoutMs: PATIENT_MS, ...request }, signal)

    /** All that the engine runs has ended on the server, too. */
    const quiet = () =>
      eventually('nothing runs on the server', async () => (await given.running()) === 0, {
        withinMs: 20_000,
      })

    test('a million rows stream in pages, with the memory of a page', async () => {
      const before = heldMib()
      let peak = before
      const stream = await ask({ sql: dialect.rows(1_000_000, 100) })
      let rows = 0
      let pages = 0
      let sum = 0
      for await (const page of stream.pages) {
        expect(page.length).toBeLessThanOrEqual(PAGE_ROWS_MAX)
        expect(page.length).toBeGreaterThan(0)
        expect(page[0]?.[0]).toBe(rows)
        rows += page.length
        sum += Number(page.at(-1)?.[0])
        if (++pages % 20 === 0) peak = Math.max(peak, heldMib())
      }
      expect(rows).toBe(1_000_000)
      expect(sum).toBeGreaterThan(0)
      expect(stream.cut()).toBe(false)
      expect(stream.columns.map((column) => column.name)).toEqual(['n', 'text'])
      expect(peak - before).toBeLessThan(GROWTH_MIB_MAX)
      await quiet()
    }, 120_000)

    test('wide rows make short pages', async () => {
      const stream = await ask({ sql: dialect.rows(400, 100_000) })
      const sizes: number[] = []
      for await (const page of stream.pages) sizes.push(page.length)
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(400)
      expect(Math.max(...sizes)).toBeLessThan(400)
    })

    test.each([
      [5, 4, true, 4],
      [5, 5, false, 5],
      [5, 6, false, 5],
      [25_000, 20_000, true, 20_000],
      [20_000, 20_000, false, 20_000],
      [0, 10, false, 0],
    ])('%i rows with rowsMax %i: cut is %s', async (count, rowsMax, cut, kept) => {
      const stream = await ask({ sql: dialect.rows(count, 1), rowsMax })
      expect(await countOf(stream)).toBe(kept)
      expect(stream.cut()).toBe(cut)
      await quiet()
    })

    test('a result without rows has its columns', async () => {
      const stream = await ask({ sql: dialect.rows(0, 1) })
      expect(stream.columns.map((column) => column.name)).toEqual(['n', 'text'])
    })

    /** Still has rows when a page was read. */
    const long = dialect.endless ?? dialect.rows(300_000, 1)

    test('leaving early ends the query on the server', async () => {
      const stream = await ask({ sql: long })
      for await (const page of stream.pages) {
        expect(page.length).toBeGreaterThan(0)
        break
      }
      await quiet()
    })

    test('cancelling ends it on the server, while it has no row yet and while rows are read', async () => {
      const early = new AbortController()
      const waiting = ask({ sql: dialect.slow }, early.signal)
      await eventually('the query runs', async () => (await given.running()) > 0)
      early.abort()
      expect(await codeOf(waiting)).toBe('QUERY_CANCELLED')
      await quiet()

      const late = new AbortController()
      const stream = await ask({ sql: long }, late.signal)
      const reading = countOf(stream, () => late.abort())
      expect(await codeOf(reading)).toBe('QUERY_CANCELLED')
      await quiet()

      const never = new AbortController()
      never.abort()
      expect(await codeOf(ask({ sql: dialect.slow }, never.signal))).toBe('QUERY_CANCELLED')
      await quiet()
    })

    test('the time limit ends it on the server, also when nobody reads the rows', async () => {
      expect(await codeOf(ask({ sql: dialect.slow, timeoutMs: 300 }))).toBe('QUERY_TIMEOUT')
      await quiet()
      // On a machine so busy that no row comes in time it is the query that says so: the promise is the same.
      const unread = ask({ sql: dialect.endless ?? dialect.slow, timeoutMs: 1_000 }).then(async (stream) => {
        await quiet()
        return countOf(stream)
      })
      expect(await codeOf(unread)).toBe('QUERY_TIMEOUT')
      await quiet()
    })

    test("a mistake is told in the engine's words, with its place", async () => {
      const { sql, says, line, column } = dialect.broken
      const error = await errorOf(ask({ sql }))
      expect(error.code).toBe('QUERY_FAILED')
      expect(error.message).toMatch(says)
      const { position } = (error.details ?? {}) as Partial<PositionDetails>
      expect(position?.line).toBe(line)
      expect(position?.column).toBe(column)
      expect(await countOf(await ask({ sql: dialect.rows(3, 1) }))).toBe(3)
    })

    test.runIf(dialect.failsLate !== undefined)('a failure after rows is no end of the rows', async () => {
      const [sql, says] = dialect.failsLate ?? ['', /never/]
      const stream = await ask({ sql })
      const error = await errorOf(countOf(stream))
      expect(error.code).toBe('QUERY_FAILED')
      expect(error.message).toMatch(says)
      await quiet()
    })

    test('types: names and cells', async () => {
      const expressions = dialect.types.map(([expression], i) => `${expression} as c${i}`)
      const stream = await ask({ sql: `select ${expressions.join(', ')} ${dialect.typesFrom ?? ''}` })
      const rows: (readonly Cell[])[] = []
      for await (const page of stream.pages) rows.push(...page)
      const seen = dialect.types.map(([expression], i) => [expression, rows[0]?.[i]])
      expect(seen).toEqual(dialect.types.map(([expression, , cell]) => [expression, cell]))
      for (const [i, [, type]] of dialect.types.entries()) expect(stream.columns[i]?.type).toMatch(type)
    })

    test('tables are listed with their columns', async () => {
      const tables = await given.engine.tables(new AbortController().signal)
      expect(tables).toContainEqual(given.table)
    })

    test.each(dialect.escapes)('refused: %s', async (sql) => {
      const error = await errorOf(ask({ sql }).then((stream) => countOf(stream)))
      expect(error.code).toBe('QUERY_REFUSED')
      expect(error.message.length).toBeGreaterThan(20)
    })

    test('the escapes have left nothing behind', async () => {
      expect(dialect.escapes.length).toBeGreaterThanOrEqual(25)
      expect(await given.untouched()).toBe(true)
    })
  })
}

async function countOf(stream: QueryStream, afterPage?: () => void): Promise<number> {
  let count = 0
  for await (const page of stream.pages) {
    count += page.length
    afterPage?.()
  }
  return count
}

async function errorOf(work: Promise<unknown>): Promise<ThalwegError> {
  const outcome = await work.then(
    (value) => value,
    (error: unknown) => error,
  )
  if (outcome instanceof ThalwegError) return outcome
  throw new Error(`expected a refusal, got ${String(outcome)}`, { cause: outcome })
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return (await errorOf(work)).code
}

/** After a collection: only what is held counts. */
function heldMib(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / MIB
}
