/** Small facts about this installation. Owns the table meta. */

import type { Store } from './store.ts'

/** The value kept under `key`; made and kept on first use. Two processes that make it at once agree on one. */
export async function remembered(store: Store, key: string, make: () => string): Promise<string> {
  await store.db
    .insertInto('meta')
    .values({ key, value: make() })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const row = await store.db
    .selectFrom('meta')
    .select('value')
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
  return row.value
}
