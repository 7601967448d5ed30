/** Small facts about this installation. Owns the table meta. */

import type { Store } from './store.ts'

/** The value kept under `key`; made and kept on first use. Two processes that make it at once agree on one. */
export async function remembered(store: Store, key: string, make: () => string): Promise<string> {
  const value = make()
  await store.db
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute()
  return (await recall(store, key)) ?? value
}

/** The value kept under `key`, if there is one. */
export async function recall(store: Store, key: string): Promise<string | undefined> {
  const row = await store.db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst()
  return row?.value
}
