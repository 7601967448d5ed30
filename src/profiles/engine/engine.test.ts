/** The engine on both stores: the same records leave the same people behind, and nothing counts twice. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { DIALECTS, freshStoreUrl } from '../../../test/support/store.ts'
import { systemClock } from '../../core/clock.ts'
import type { Dialect } from '../../store/columns.ts'
import { PROFILE_PLAN } from '../../store/migrate.ts'
import { openStore, type Store } from '../../store/store.ts'
import { Doctrine } from '../doctrine.ts'
import { defaultSchema } from '../mapping/default-schema.ts'
import { PeopleDesk } from './desk.ts'
import { ProfileEngine, type RawRecord } from './engine.ts'

const NOW = Date.UTC(2026, 4, 1)

const doctrine = new Doctrine({
  schemaVersion: 0,
  schema: defaultSchema(),
  sources: [{ number: 1, name: 'lytics', kind: 'lytics' }],
  audiences: [],
})

async function begun(dialect: Dialect): Promise<{ engine: ProfileEngine; desk: PeopleDesk; store: Store }> {
  const store = await openStore(await freshStoreUrl(dialect), { clock: systemClock, plan: PROFILE_PLAN })
  onTestFinished(() => store.close())
  const engine = await ProfileEngine.open(store, doctrine, 0)
  return { engine, desk: new PeopleDesk(store, engine), store }
}

function records(from: number, rows: readonly object[]): RawRecord[] {
  return rows.map((fields, i) => ({
    offset: from + i,
    receivedAt: NOW + from + i,
    source: 1,
    type: 'lytics.braze_users',
    bytes: Buffer.from(JSON.stringify({ id: String(from + i), stream: 'braze_users', fields })),
  }))
}

async function take(engine: ProfileEngine, from: number, rows: readonly object[]) {
  return engine.apply({ from, to: from + rows.length, records: records(from, rows) }, NOW)
}

describe.each(DIALECTS)('the engine on %s', (dialect) => {
  test('odd characters, many people, joins within one stretch and across stretches', async () => {
    const { engine, desk } = await begun(dialect)
    await take(engine, 0, [
      { external_id: `o'Brien "\\" \u{1f600}`, first_name: 'a\tb' },
      ...Array.from({ length: 300 }, (_, n) => ({ external_id: `u${n}`, email: `p${n}@example.org` })),
      { braze_id: 'b0', city: 'Rome' },
    ])
    await take(engine, 302, [
      { external_id: 'u0', braze_id: 'b0' },
      { external_id: 'u1', braze_id: 'b1' },
      { braze_id: 'b1', twitter_handle: 'one' },
    ])
    expect(await desk.counts()).toMatchObject({ profiles: 301, merges: 1 })
    const joined = await desk.find('br_user_id', 'b0')
    expect(joined?.fields).toMatchObject({ external_id: 'u0', email: 'p0@example.org', city: 'Rome' })
    expect((await desk.find('tw_uid', 'one'))?.fields).toMatchObject({ external_id: 'u1' })
    expect((await desk.find('external_id', `o'Brien "\\" \u{1f600}`))?.fields.first_name).toBe('a\tb')
    const [merge] = await desk.merges({ limit: 5 })
    expect(merge?.offset).toBe(302)
    expect((await desk.profile(merge?.loser ?? 0))?.id).toBe(merge?.survivor)
  })

  test('a stretch from elsewhere than the position changes nothing and says where to go on', async () => {
    const { engine, desk } = await begun(dialect)
    await take(engine, 0, [{ external_id: 'u1' }])
    const again = await take(engine, 0, [{ external_id: 'u2' }])
    expect(again).toMatchObject({ position: 1, counts: {} })
    expect(await desk.counts()).toMatchObject({ profiles: 1 })
  })

  test('another process begins where this one committed', async () => {
    const { engine, store } = await begun(dialect)
    await take(engine, 0, [{ external_id: 'u1' }, { external_id: 'u2' }])
    const next = await ProfileEngine.open(store, doctrine, 77)
    expect((await next.progress()).position).toBe(2)
    await take(next, 2, [{ external_id: 'u3' }])
    expect((await new PeopleDesk(store, next).list(0, 10)).map(({ id }) => id)).toEqual([1, 2, 3])
  })

  test('when the transaction fails, what was in memory is forgotten and the same records come again', async () => {
    const { engine, desk, store } = await begun(dialect)
    await store.db.schema.alterTable('profile_conflicts').renameTo('elsewhere').execute()
    const clash = [
      { external_id: 'u1', email: 'a@example.org' },
      { external_id: 'u2', email: 'a@example.org' },
    ]
    await expect(take(engine, 0, clash)).rejects.toThrow()
    await store.db.schema.alterTable('elsewhere').renameTo('profile_conflicts').execute()
    expect((await take(engine, 0, clash)).position).toBe(2)
    expect(await desk.counts()).toMatchObject({ profiles: 2, conflicts: 1 })
  })
})
