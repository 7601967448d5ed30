/**
 * The embedded warehouse as a destination: batches go to it as to any vendor, so retries, dead letters, replay, the ledger and lineage are the
 * ones that exist. The room describes the order to load; what a row looks like is decided where the tables are (warehouse/duckdb).
 *
 * | status | meaning                                                            |
 * |--------|--------------------------------------------------------------------|
 * | 200    | every record is in the tables, now or since earlier                |
 * | 503    | the warehouse is starting, has no room or failed: the batch again  |
 */

import { eventValue } from '../../core/batch.ts'
import { faultOfStatus } from '../../core/exchange.ts'
import { DELIVERED, failed, receiptForAll } from '../../core/receipt.ts'
import type { Destination, SourceLabel, Target } from '../destination.ts'
import { encodeOrder, type OrderHead, type OrderSource } from './load-order.ts'
import { WarehouseCredentials, WarehouseName, WarehouseSettings } from './settings.ts'

/** Answered inside this program; no socket has this address. */
export const WAREHOUSE_SCHEME = 'warehouse:'
const LOAD_URL = `${WAREHOUSE_SCHEME}//embedded/load`
const CHECK_URL = `${WAREHOUSE_SCHEME}//embedded/check`

export const warehouse: Destination<WarehouseSettings, WarehouseCredentials> = {
  name: 'warehouse',
  title: 'Embedded warehouse',
  description:
    'Tables inside Thalweg that SQL can ask: one row per event in typed columns, and one row per received batch as Treasure Data keeps it. Needs no authorization.',
  settings: WarehouseSettings,
  credentials: WarehouseCredentials,
  *check() {
    const fault = faultOfStatus(yield { method: 'GET', url: CHECK_URL, headers: {}, secrets: [] })
    return fault === undefined ? DELIVERED : failed(fault)
  },
  events: {
    limits: () => ({
      // A row group (warehouse/duckdb/database.ts): as many rows at once go straight into the file, fewer cost twice as much.
      recordsMax: 16_384,
      bytesMax: 16_777_216,
      // What is accepted can be asked within two seconds. At 30,000 events a second a row group comes together in less.
      waitMs: 600,
      // One is written while the next is read and a third comes.
      inFlightMax: 3,
    }),
    writer(target, _kernel, sources) {
      return {
        *write(batch) {
          if (batch.count === 0) return []
          const head = headFor(target, sources, batch.connection)
          const fault = faultOfStatus(
            yield { method: 'POST', url: LOAD_URL, headers: {}, body: encodeOrder(head, batch), secrets: [] },
          )
          return receiptForAll(batch.count, fault === undefined ? DELIVERED : failed(fault))
        },
        preview: (batch, i) => eventValue(batch, i),
      }
    },
  },
}

function headFor(
  { settings }: Target<WarehouseSettings, WarehouseCredentials>,
  sources: ReadonlyMap<number, SourceLabel>,
  connection: string,
): OrderHead {
  const { database, table, shape, tablePerType } = settings
  const placed = [...sources].map(([number, label]): [string, OrderSource] => {
    const own = settings.sourceTable && isPlace(label.place) ? label.place : undefined
    return [String(number), { name: label.name, database, table, ...own }]
  })
  return {
    connection,
    database,
    table,
    events: shape !== 'raw',
    raw: shape !== 'events',
    tablePerType,
    sources: Object.fromEntries(placed),
  }
}

/** Treasure Data allows names that the warehouse keeps for itself: rows of those sources stay in the table of the settings. */
function isPlace(place: SourceLabel['place']): boolean {
  return [place?.database, place?.table].every((name) => WarehouseName.safeParse(name).success)
}
