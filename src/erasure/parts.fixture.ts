/** For tests of the parts of nodes: erasures in a store, without anybody who drives them. */

import { freshStore } from '../../test/support/store.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { VirtualClock } from '../core/clock.ts'
import type { SubjectIdentifier } from '../core/traces.ts'
import type { Dialect } from '../store/columns.ts'
import { openSealer } from '../store/sealing.ts'
import { Parts } from './parts.ts'
import { Requests } from './requests.ts'
import type { Step } from './steps.ts'

export const WHO: readonly SubjectIdentifier[] = [
  { kind: 'external_id', label: '', value: 'customer-jane-4711' },
]
export const STRANGER: readonly SubjectIdentifier[] = [
  { kind: 'external_id', label: '', value: 'customer-otto-0815' },
]

export async function erasureBook(dialect: Dialect = 'sqlite') {
  const store = await freshStore(dialect)
  const clock = new VirtualClock(1_000)
  const sealer = await openSealer(store, { key: undefined, dataDir: await tempFolder() })
  const parts = new Parts(store, clock, sealer)
  const requests = new Requests(store, clock, sealer)
  return {
    clock,
    parts,
    requests,
    /** Its id; each is asked for a little later than the one before. */
    begun: async (identifiers = WHO): Promise<string> => {
      await clock.advance(1)
      const wish = { identifiers, expand: false, suppress: true, targets: [] }
      return (await requests.create(wish, 'test', '')).id
    },
    reach: async (id: string, step: Step): Promise<void> =>
      requests.advance(id, step, (await requests.get(id)).progress),
    /** Of each node, whether who is meant is still kept for it. */
    sealed: async (id: string): Promise<boolean[]> => {
      const rows = await store.db
        .selectFrom('erasure_parts')
        .select('sealed')
        .where('erasure', '=', id)
        .orderBy('node')
        .execute()
      return rows.map(({ sealed }) => sealed !== null)
    },
  }
}
