/**
 * Takes the rows of somebody who is erased out of the tables, and blots words about them out of the rows of others. Runs in the child, on the
 * loader's connection, between loads. The file is rewritten afterwards (compaction.ts): the engine leaves old bytes in blocks that it does not use.
 */

import type { DuckDBConnection } from '@duckdb/node-api'
import { type SubjectIdentifier, Traces } from '../../core/traces.ts'
import { elementsOf } from './json-elements.ts'
import { BOOKS, quoted, tableSql } from './names.ts'

export interface ForgottenRows {
  /** Rows of theirs, and events of theirs in rows of the raw shape. */
  readonly theirs: number
  /** Rows of others with words about them. */
  readonly mentions: number
}

/** Candidates that are looked at together. */
const PAGE_ROWS = 2_000
/** Types that hold nothing by which somebody is known. */
const BLIND_TYPES = /^(BOOLEAN|DOUBLE|TIMESTAMP|BIGINT\[\])/

/** Dry: counts only. All or nothing. */
export async function forgetRows(
  connection: DuckDBConnection,
  identifiers: readonly SubjectIdentifier[],
  isDry: boolean,
): Promise<ForgottenRows> {
  const traces = new Traces(identifiers)
  const total = { theirs: 0, mentions: 0 }
  await connection.run('BEGIN TRANSACTION')
  try {
    const found = await connection.runAndReadAll(`SELECT database, tbl, shape FROM ${BOOKS}.tables`)
    for (const [database, table, shape] of found.getRows() as [string, string, string][]) {
      const work = shape === 'raw' ? forgetRaw : forgetEvents
      const { theirs, mentions } = await work(connection, tableSql({ database, table }), traces, isDry)
      total.theirs += theirs
      total.mentions += mentions
    }
    total.mentions += (await forgetEvents(connection, `${BOOKS}.misfits`, traces, isDry, true)).mentions
    await connection.run('COMMIT')
    return total
  } catch (error) {
    await connection.run('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/**
 * Rows of a table with a column per value: theirs are deleted, and words about them blotted out of the others. `isBook`: its rows are about
 * nobody, they hold samples of values.
 */
export async function forgetEvents(
  connection: DuckDBConnection,
  table: string,
  traces: Traces,
  isDry: boolean,
  isBook = false,
): Promise<ForgottenRows> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${table}`)
  const columns = (described.getRows() as [string, string][])
    .filter(([, type]) => !BLIND_TYPES.test(type))
    .map(([name]) => name)
  let theirs = 0
  let mentions = 0
  for await (const { rowid, cells } of candidates(connection, table, columns, traces)) {
    const row = Object.fromEntries(columns.map((name, i) => [name, cells[i] ?? null]))
    const texts = cells.filter((cell) => typeof cell === 'string')
    if (!isBook && traces.owns(row)) {
      theirs++
      if (!isDry) await connection.run(`DELETE FROM ${table} WHERE rowid = $1`, [rowid])
    } else if (texts.some((text) => traces.bearingOf(text) !== 'none')) {
      mentions++
      if (isDry) continue
      for (const [name, cell] of Object.entries(row)) {
        if (cell === null) continue
        // The sample of a misfit is the beginning of one value: of theirs there is nothing else in it.
        const blotted = isBook && traces.bearingOf(cell) === 'theirs' ? '' : traces.masked(cell)
        if (blotted === cell) continue
        await connection.run(`UPDATE ${table} SET ${quoted(name)} = $1 WHERE rowid = $2`, [blotted, rowid])
      }
    }
  }
  return { theirs, mentions }
}

/** A row holds all events of a request: theirs are taken out of the text, with their offsets. */
async function forgetRaw(
  connection: DuckDBConnection,
  table: string,
  traces: Traces,
  isDry: boolean,
): Promise<ForgottenRows> {
  let theirs = 0
  let mentions = 0
  for await (const { rowid, cells } of candidates(connection, table, ['events'], traces)) {
    const [events] = cells
    if (typeof events !== 'string') continue
    const kept: string[] = []
    const places: number[] = []
    let isMentioned = false
    for (const [i, text] of elementsOf(events).entries()) {
      const bearing = traces.bearingOf(text)
      if (bearing === 'theirs') {
        theirs++
        continue
      }
      if (bearing === 'mention') isMentioned = true
      kept.push(bearing === 'mention' ? traces.masked(text) : text)
      places.push(i + 1)
    }
    if (isMentioned) mentions++
    if (isDry || (places.length === elementsOf(events).length && !isMentioned)) continue
    if (kept.length === 0) await connection.run(`DELETE FROM ${table} WHERE rowid = $1`, [rowid])
    else
      await connection.run(
        `UPDATE ${table} SET events = $1, _offsets = list_select(_offsets, [${places.join(', ')}]) WHERE rowid = $2`,
        [`[${kept.join(',')}]`, rowid],
      )
  }
  return { theirs, mentions }
}

/** Rows in which there may be a trace, each with its place: in the order of their places, so that changes do not disturb. */
async function* candidates(
  connection: DuckDBConnection,
  table: string,
  columns: readonly string[],
  traces: Traces,
): AsyncGenerator<{ readonly rowid: bigint; readonly cells: readonly (string | null)[] }> {
  if (columns.length === 0) return
  const texts = columns.map((name) => `${quoted(name)}::VARCHAR`)
  const anyText = `concat_ws(chr(10), ${texts.join(', ')})`
  let after = -1n
  for (;;) {
    const found = await connection.runAndReadAll(
      `SELECT rowid, ${texts.join(', ')} FROM ${table} WHERE rowid > $1::BIGINT AND regexp_matches(${anyText}, $2) ORDER BY rowid LIMIT ${PAGE_ROWS}`,
      [after, traces.coarse],
    )
    const rows = found.getRows() as [bigint, ...(string | null)[]][]
    for (const [rowid, ...cells] of rows) {
      after = rowid
      yield { rowid, cells }
    }
    if (rows.length < PAGE_ROWS) return
  }
}
