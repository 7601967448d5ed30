/**
 * Puts the rows of a batch into a table, each once, whatever went wrong before: the answer to a commit was lost, the process was killed, the
 * log is read again and cut into other batches, an operator replays a window.
 *
 * `thalweg_positions` holds, per current, the highest offset that was ever loaded, written in the transaction of the rows. Its row is locked
 * first, so what an earlier connection is still committing is waited for. Rows past the position cannot be there: they go straight into the
 * table. Others may be there: they go through a table of this transaction, and only those that are missing are inserted.
 */

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { LoadHead } from '../../destinations/postgres/wire.ts'
import type { TableNames } from './table.ts'

export async function loadRows(
  client: pg.ClientBase,
  { events, positions }: TableNames,
  { columns, current, from, to }: LoadHead,
  lines: readonly Uint8Array[],
): Promise<void> {
  const list = columns.map(({ name }) => pg.escapeIdentifier(name)).join(', ')
  await client.query('begin')
  if (from > (await lockedPosition(client, events, positions, current))) {
    await copy(client, events, list, lines)
  } else {
    await client.query(
      `create temp table thalweg_incoming on commit drop as select ${list} from ${events} with no data`,
    )
    await copy(client, 'pg_temp.thalweg_incoming', list, lines)
    await client.query(
      `insert into ${events} (${list}) select ${list} from pg_temp.thalweg_incoming as incoming where not exists (
         select from ${events} as present where present._current = $1 and present._offset between $2 and $3
           and present._offset = incoming._offset)`,
      [current, from, to],
    )
  }
  await client.query(
    `update ${positions} set position = greatest(position, $2), updated_at = now() where current = $1`,
    [current, to],
  )
  await client.query('commit')
}

/** Waits for whoever loads for this current at the moment. */
async function lockedPosition(
  client: pg.ClientBase,
  events: string,
  positions: string,
  current: string,
): Promise<number> {
  const locked = async (): Promise<number | undefined> => {
    const found = await client.query<{ position: string }>(
      `select position from ${positions} where current = $1 for update`,
      [current],
    )
    const [row] = found.rows
    return row === undefined ? undefined : Number(row.position)
  }
  const position = await locked()
  if (position !== undefined) return position
  // The first load of this current, or somebody removed the row: then the table itself knows.
  await client.query(
    `insert into ${positions} select $1, coalesce((select max(_offset) from ${events} where _current = $1), -1), now()
     on conflict do nothing`,
    [current],
  )
  return (await locked()) ?? Number.POSITIVE_INFINITY
}

async function copy(
  client: pg.ClientBase,
  table: string,
  list: string,
  lines: readonly Uint8Array[],
): Promise<void> {
  await pipeline(Readable.from(lines), client.query(copyFrom(`copy ${table} (${list}) from stdin`)))
}
