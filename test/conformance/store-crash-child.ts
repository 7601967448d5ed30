/**
 * A process to be killed: settles numbered batches as delivery does (a row, a ledger line, the checkpoint, in one transaction)
 * and prints each number after it is durable. Arguments: the store's URL.
 */

import { systemClock } from '../../src/core/clock.ts'
import { openStore } from '../../src/store/store.ts'

const LINES = 20

const url = process.argv[2]
if (url === undefined) throw new Error('The URL of the store is missing')
const store = await openStore(url, { clock: systemClock })
const last = await store.db
  .selectFrom('checkpoints')
  .select('position')
  .where('current', '=', 1)
  .executeTakeFirst()

for (let position = (last?.position ?? 0) + 1; ; position++) {
  await store.transaction(async (tx) => {
    for (let line = 0; line < LINES; line++) {
      await tx
        .insertInto('ledger')
        .values({ current: 1, minute: line, event_type: 'a', outcome: 'delivered', reason: '', count: 1 })
        .onConflict((conflict) =>
          conflict
            .columns(['current', 'minute', 'event_type', 'outcome', 'reason'])
            .doUpdateSet((e) => ({ count: e('ledger.count', '+', e.ref('excluded.count')) })),
        )
        .execute()
    }
    await tx
      .insertInto('quarantine')
      .values({ offset: position, source: 1, received_at: 0, reason: 'r', bytes: 1, excerpt: '' })
      .execute()
    await tx
      .insertInto('checkpoints')
      .values({ current: 1, position, updated_at: 0 })
      .onConflict((conflict) => conflict.column('current').doUpdateSet({ position }))
      .execute()
  })
  process.stdout.write(`${position}\n`)
}
