/**
 * Partitioned Parquet files as a destination, in a folder or in a bucket. A batch is what is flushed together: each of its partitions becomes
 * one file. The room says which rows belong where and reads the answers; it never touches a file: the writer (warehouse/parquet/writer.ts)
 * does.
 *
 * Files have the columns of the catalog, all of them and no others, so that every file of a table has the same schema. Fields outside the
 * catalog are in `properties`.
 */

import { type Exchange, faultOfStatus } from '../../core/exchange.ts'
import { DELIVERED, failed, type Receipt } from '../../core/receipt.ts'
import type { Destination } from '../destination.ts'
import { CATALOG_COLUMNS, EventRows, jsonLines, type Row, rowPreview } from '../event-rows.ts'
import { type Receipts, settled } from '../parcels.ts'
import { partitionOf } from './layout.ts'
import { ParquetCredentials, ParquetSettings } from './settings.ts'
import { checkRequest, type ParquetTarget, rowsRequest } from './wire.ts'

export const parquet: Destination<ParquetSettings, ParquetCredentials> = {
  name: 'parquet',
  title: 'Parquet files',
  description:
    'Parquet files in a local folder or in S3, partitioned by event type and time, one row for each event, each exactly once.',
  settings: ParquetSettings,
  credentials: ParquetCredentials,
  *check(target) {
    const fault = faultOfStatus(yield checkRequest(target))
    return fault === undefined ? DELIVERED : failed(fault)
  },
  events: {
    limits: (settings) => ({
      recordsMax: settings.flushEvents,
      bytesMax: settings.flushBytes,
      waitMs: settings.flushSeconds * 1000,
      inFlightMax: 1,
    }),
    writer(target, _kernel, sources) {
      return {
        *write(batch) {
          const receipts: Receipts = new Array(batch.count)
          const partitions = partitionsOf(new EventRows(batch, sources), target.settings)
          yield* sendPartitions(target, batch.connection, partitions, receipts)
          return settled(receipts)
        },
        preview: (batch, i) => rowPreview(batch, i, sources),
      }
    },
  },
}

interface Partition {
  readonly folder: string
  /** Places in the batch. */
  readonly members: number[]
  readonly lines: string[]
  from: number
  to: number
}

const TYPE_PLACE = CATALOG_COLUMNS.placeOf('event_type') ?? 0
const TIME_PLACE = CATALOG_COLUMNS.placeOf('time') ?? 0
const lineOf = jsonLines(CATALOG_COLUMNS.all)

function partitionsOf(rows: EventRows, { partition: by }: ParquetSettings): readonly Partition[] {
  const partitions = new Map<string, Partition>()
  for (const [i, offset] of rows.offsets.entries()) {
    const row: Row = rows.row(i, CATALOG_COLUMNS)
    const folder = partitionOf(by, row[TYPE_PLACE], row[TIME_PLACE])
    let partition = partitions.get(folder)
    if (partition === undefined) {
      partition = { folder, members: [], lines: [], from: offset, to: offset }
      partitions.set(folder, partition)
    }
    partition.members.push(i)
    partition.lines.push(lineOf(row))
    partition.from = Math.min(partition.from, offset)
    partition.to = Math.max(partition.to, offset)
  }
  return [...partitions.values()]
}

/** One after another. After a fault nothing more is sent: what ails the store would ail the next file, too. */
function* sendPartitions(
  target: ParquetTarget,
  current: string,
  partitions: readonly Partition[],
  receipts: Receipts,
): Exchange<void> {
  let receipt: Receipt = DELIVERED
  for (const { folder, members, lines, from, to } of partitions) {
    if (receipt.outcome === 'delivered') {
      const body = Buffer.from(lines.join(''))
      const head = { current, count: lines.length, from, to }
      const fault = faultOfStatus(yield rowsRequest(target, folder, head, body))
      if (fault !== undefined) receipt = failed(fault)
    }
    for (const member of members) receipts[member] = receipt
  }
}
