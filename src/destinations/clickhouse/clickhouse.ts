/**
 * ClickHouse as a destination, over its HTTP interface: one row for each event in the table `events`. The room describes statements and reads
 * answers; it never talks to the server.
 *
 * ClickHouse has no transaction that could hold a checkpoint, so each exchange asks before it writes:
 *
 *   columns of the table? ──none──► make database and table ─┐
 *        │                                                   │
 *        ▼ (add what is missing) ◄───────────────────────────┘
 *   which offsets of this batch are there? ──all──► delivered
 *        │
 *        ▼
 *   insert the others, as one block
 *
 * The question and the insert carry one query id per current, which the server runs one at a time: see queryId. What could still slip through
 * (a request that the server had not begun to read when it was asked) is merged away by the table's engine.
 */

import type { EventBatch } from '../../core/batch.ts'
import { answerText, type Exchange } from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import { DELIVERED, failed, receiptForAll } from '../../core/receipt.ts'
import type { Destination } from '../destination.ts'
import {
  addableColumns,
  EventRows,
  isCatalogued,
  rowPreview,
  type SourceLabels,
  type TableColumn,
  unnamedRows,
} from '../event-rows.ts'
import { faultOf } from './faults.ts'
import { ClickhouseCredentials, ClickhouseSettings } from './settings.ts'
import { abilitiesOf, createTable, definition, type PresentTable, quoted } from './table.ts'
import {
  type ClickhouseTarget,
  columnsQuery,
  insertRequest,
  offsetsIn,
  offsetsQuery,
  queryId,
  statement,
  tableIn,
  tableOf,
  tokenOf,
  versionQuery,
} from './wire.ts'

export const clickhouse: Destination<ClickhouseSettings, ClickhouseCredentials> = {
  name: 'clickhouse',
  title: 'ClickHouse',
  description:
    'One row for each event in a table of a ClickHouse server, each once. The table and its columns are made as they are needed.',
  settings: ClickhouseSettings,
  credentials: ClickhouseCredentials,
  *check(target) {
    const fault = yield* rehearsed(target)
    return fault === undefined ? DELIVERED : failed(fault)
  },
  events: {
    // Far below what the server takes as one block (a million rows, 256 MB), so that an insert is there as a whole or not at all. ClickHouse
    // wants few and large inserts: each makes a part that has to be merged.
    limits: () => ({ recordsMax: 20_000, bytesMax: 16_000_000, waitMs: 2000, inFlightMax: 1 }),
    writer(target, _kernel, sources) {
      return {
        *write(batch) {
          if (batch.count === 0) return []
          const fault = yield* written(target, batch, sources)
          return receiptForAll(batch.count, fault === undefined ? DELIVERED : failed(fault))
        },
        preview: (batch, i) => rowPreview(batch, i, sources),
      }
    },
  },
}

/** Inserts no row: only that asks for the right to. A table that is still to be made cannot be tried without leaving it behind. */
function* rehearsed(target: ClickhouseTarget): Exchange<Fault | undefined> {
  const seen = yield* columnsOf(target)
  if ('kind' in seen) return seen
  if (seen.columns.length === 0) return target.settings.create ? undefined : missingTable(target)
  const unnamed = unnamedRows(seen.columns)
  if (unnamed !== undefined) return unnamed
  return faultOf(yield statement(target, `INSERT INTO ${tableOf(target)} (_offset) FORMAT JSONEachRow\n`))
}

function* written(
  target: ClickhouseTarget,
  batch: EventBatch,
  sources: SourceLabels,
): Exchange<Fault | undefined> {
  const rows = new EventRows(batch, sources)
  const table = yield* readyTable(target, rows.columns())
  if ('kind' in table) return table
  const unnamed = unnamedRows(table.columns)
  if (unnamed !== undefined) return unnamed

  const told = yield offsetsQuery(target, batch.connection, rows.offsets)
  const unasked = faultOf(told, true)
  if (unasked !== undefined) return unasked
  const present = offsetsIn(told)
  const missing = rows.offsets.filter((offset) => !present.has(offset))
  if (missing.length === 0) return undefined
  const settings: Readonly<Record<string, string>> = abilitiesOf(table.version).tokens
    ? { async_insert: '0', insert_deduplication_token: tokenOf(batch.connection, missing) }
    : {}
  const insert = insertRequest(target, rows, present, table.columns, {
    ...queryId(batch.connection),
    ...settings,
  })
  return faultOf(yield insert, true)
}

/** The table, once it was made and given those of `wanted` that it lacks, as far as that is allowed. */
function* readyTable(
  target: ClickhouseTarget,
  wanted: readonly TableColumn[],
): Exchange<PresentTable | Fault> {
  const { create } = target.settings
  let seen = yield* columnsOf(target)
  if ('kind' in seen) return seen
  if (seen.columns.length === 0) {
    const refused = create ? yield* made(target) : missingTable(target)
    if (refused !== undefined) return refused
    seen = yield* columnsOf(target)
    if ('kind' in seen) return seen
  }
  // Fields outside the catalog that are JSON stay in `properties`: there is no type that tells JSON from a text.
  const names = seen.columns.map(({ name }) => name)
  const fitting = wanted.filter(({ name, type }) => type !== 'json' || isCatalogued(name))
  const added = create ? addableColumns(names, fitting) : []
  if (added.length === 0) return seen
  const abilities = abilitiesOf(seen.version)
  const parts = added.map((column) => `ADD COLUMN ${definition(column, abilities)}`)
  // Somebody else may add the same column at the same moment.
  const refused = faultOf(yield statement(target, `ALTER TABLE ${tableOf(target)} ${parts.join(', ')}`), true)
  return refused ?? (yield* columnsOf(target))
}

function* made(target: ClickhouseTarget): Exchange<Fault | undefined> {
  const version = yield versionQuery(target)
  const deaf = faultOf(version)
  if (deaf !== undefined) return deaf
  const { database } = target.settings
  const refused = faultOf(yield statement(target, `CREATE DATABASE IF NOT EXISTS ${quoted(database)}`))
  if (refused !== undefined) return refused
  return faultOf(yield statement(target, createTable(tableOf(target), abilitiesOf(answerText(version)))))
}

/** No columns: there is no such table. */
function* columnsOf(target: ClickhouseTarget): Exchange<PresentTable | Fault> {
  const told = yield columnsQuery(target)
  return faultOf(told) ?? tableIn(told)
}

function missingTable(target: ClickhouseTarget): Fault {
  return {
    kind: 'misconfigured',
    message: `There is no table ${tableOf(target)}, and the settings say not to make it`,
  }
}
