/**
 * What a run came to, as one number: books, checkpoints, letters, batches, alerts, the log, and what each vendor took, with their times and in an
 * order of their own. Ids and keys that the hub draws from real chance are left out; everything else is in it.
 */

import { createHash } from 'node:crypto'
import type { SenderState } from '../sandbox/sender.ts'
import type { SimulatedHub } from './life.ts'
import type { Vendors } from './vendors.ts'
import { CURRENT_NAMES, type Witness } from './witness.ts'

/** Hex. */
export async function digestOf(
  hub: SimulatedHub,
  witness: Witness,
  vendors: Vendors,
  sender: SenderState,
): Promise<string> {
  const lines: string[] = []
  const note = (kind: string, rows: readonly object[]): void => {
    for (const row of rows) lines.push(`${kind} ${JSON.stringify(row)}`)
  }
  const { db } = hub.store
  note('ledger', await db.selectFrom('ledger').selectAll().execute())
  note('intake', await db.selectFrom('intake').selectAll().execute())
  note('checkpoint', await db.selectFrom('checkpoints').selectAll().execute())
  note(
    'batch',
    (await db.selectFrom('batches').selectAll().execute()).map(({ id: _id, records, ...row }) => ({
      ...row,
      records: records === null ? null : Buffer.from(records).toString('hex'),
    })),
  )
  note(
    'letter',
    await db
      .selectFrom('dead_letters')
      .select([
        'current',
        'record_offset',
        'event_id',
        'event_type',
        'received_at',
        'reason',
        'attempts',
        'created_at',
      ])
      .execute(),
  )
  note(
    'alert',
    await db
      .selectFrom('alerts')
      .select(['current', 'kind', 'subject', 'created_at', 'resolved_at'])
      .execute(),
  )
  note('record', witness.records)
  for (const name of CURRENT_NAMES)
    for (const line of witness.takings[name].journal) lines.push(`${name} ${line}`)
  note('door', [...witness.answers])
  note(
    'row',
    vendors.treasureData.rows().map(({ bytes, receivedAtMs }) => ({ receivedAtMs, bytes: bytes.toString() })),
  )
  lines.push(`segment ${JSON.stringify(vendors.segment.state())}`)
  lines.push(`sender ${JSON.stringify(sender)}`)
  // The rows of a table come in the order in which they happen to lie.
  const sum = createHash('sha256')
  for (const line of lines.sort()) sum.update(line).update('\n')
  return sum.digest('hex')
}
