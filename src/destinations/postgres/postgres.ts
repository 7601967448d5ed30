/**
 * PostgreSQL as a destination: one row for each event in the table `events`, each exactly once, and the position of the current in
 * `thalweg_positions`, in one transaction. The room says which columns and rows there are and reads the answers; it never talks to the
 * database: the loader (warehouse/postgres/loader.ts) does.
 *
 * An exchange is two requests: first which columns of this batch the table has, with their types, then the rows, written for just these. So
 * a row depends on the event and the table only, never on the other events of its batch.
 */

import { DELIVERED, failed, receiptForAll } from '../../core/receipt.ts'
import type { Destination } from '../destination.ts'
import { EventRows, rowPreview, unnamedRows } from '../event-rows.ts'
import { copyLines } from './copy.ts'
import { faultOf } from './faults.ts'
import { PostgresCredentials, PostgresSettings } from './settings.ts'
import { checkRequest, columnsIn, columnsRequest, loadRequest } from './wire.ts'

export const postgres: Destination<PostgresSettings, PostgresCredentials> = {
  name: 'postgres',
  title: 'PostgreSQL',
  description:
    'One row for each event in a table of a PostgreSQL database, each exactly once. Tables and columns are made as they are needed.',
  settings: PostgresSettings,
  credentials: PostgresCredentials,
  *check(target) {
    const told = yield checkRequest(target)
    const fault = faultOf(told) ?? unnamedRows(columnsIn(told) ?? [])
    return fault === undefined ? DELIVERED : failed(fault)
  },
  events: {
    // Our own numbers: a transaction of some megabytes costs little more than one row, and still ends within a second.
    limits: () => ({ recordsMax: 5000, bytesMax: 8_000_000, waitMs: 1000, inFlightMax: 2 }),
    writer(target, _kernel, sources) {
      return {
        *write(batch) {
          if (batch.count === 0) return []
          const rows = new EventRows(batch, sources)
          const told = yield columnsRequest(target, rows.columns())
          const missing = faultOf(told)
          if (missing !== undefined) return receiptForAll(batch.count, failed(missing))
          const columns = columnsIn(told) ?? []
          const unnamed = unnamedRows(columns)
          if (unnamed !== undefined) return receiptForAll(batch.count, failed(unnamed))
          const head = { columns, current: batch.connection, ...rangeOf(batch.offsets) }
          const fault = faultOf(yield loadRequest(target, head, copyLines(rows, columns)), true)
          return receiptForAll(batch.count, fault === undefined ? DELIVERED : failed(fault))
        },
        preview: (batch, i) => rowPreview(batch, i, sources),
      }
    },
  },
}

function rangeOf(offsets: Float64Array): { from: number; to: number } {
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  for (const offset of offsets) {
    from = Math.min(from, offset)
    to = Math.max(to, offset)
  }
  return { from, to }
}
