import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import type { Dialect } from './columns.ts'
import { type Lease, LeaseBook, refuseStale, soleLease, staleOf } from './leases.ts'
import type { Store } from './store.ts'

const TTL_MS = 5_000

/** A book whose database clock is moved by hand. */
async function book(dialect: Dialect) {
  const store = await freshStore(dialect, new VirtualClock(0))
  await store.db.insertInto('changes').values({ kind: 'clock', number: 1_000 }).execute()
  const databaseNow = sql<number>`(select number from changes where kind = 'clock')`
  const leases = new LeaseBook(store, { ttlMs: TTL_MS, databaseNow })
  const pass = async (ms: number): Promise<void> => {
    await store.db
      .updateTable('changes')
      .set((e) => ({ number: e('number', '+', ms) }))
      .where('kind', '=', 'clock')
      .execute()
  }
  return { store, leases, pass }
}

function holding(name: string, token: number): Lease & { told: number } {
  const lease = { ...soleLease(name), token, told: 0, refused: () => void lease.told++ }
  return lease
}

describe.each(DIALECTS)('leases on %s', (dialect) => {
  test('one is held by one, and its token grows with every new holder', async () => {
    const { leases } = await book(dialect)
    expect(await leases.claim(['a', 'b'], 'one')).toEqual([
      { name: 'a', token: 1, isWanted: false },
      { name: 'b', token: 1, isWanted: false },
    ])
    expect(await leases.claim(['a', 'b'], 'two')).toEqual([])
    await leases.release('a', 1, 'one')
    expect(await leases.claim(['a', 'b'], 'two')).toEqual([{ name: 'a', token: 2, isWanted: false }])
    expect(await leases.list()).toEqual([
      { name: 'a', holder: 'two', token: 2, wantedBy: '' },
      { name: 'b', holder: 'one', token: 1, wantedBy: '' },
    ])
  })

  test('one that is not renewed passes on by the clock of the database, one that is does not', async () => {
    const { leases, pass } = await book(dialect)
    await leases.claim(['a', 'b'], 'one')
    await pass(TTL_MS - 1)
    expect((await leases.renew(['a'], 'one')).map(({ name }) => name)).toEqual(['a'])
    await pass(1)
    expect((await leases.list()).map(({ holder }) => holder)).toEqual(['one', ''])
    expect((await leases.claim(['a', 'b'], 'two')).map(({ name }) => name)).toEqual(['b'])
    // Its old holder cannot prolong or give back what is somebody else's now.
    expect((await leases.renew(['a', 'b'], 'one')).map(({ name }) => name)).toEqual(['a'])
    await leases.release('b', 1, 'one')
    expect((await leases.list()).map(({ holder }) => holder)).toEqual(['one', 'two'])
  })

  test('a holder hears that somebody asks, and it is kept for who asked until that one gives up', async () => {
    const { leases, pass } = await book(dialect)
    await leases.claim(['a'], 'one')
    await leases.want('a', 'two', 2_000)
    expect(await leases.renew(['a'], 'one')).toEqual([{ name: 'a', token: 1, isWanted: true }])
    await leases.release('a', 1, 'one')
    expect(await leases.claim(['a'], 'three')).toEqual([])
    expect(await leases.claim(['a'], 'two')).toEqual([{ name: 'a', token: 2, isWanted: false }])
    await leases.want('a', 'three', 2_000)
    await leases.release('a', 2, 'two')
    await pass(2_000)
    expect(await leases.claim(['a'], 'one')).toEqual([{ name: 'a', token: 3, isWanted: false }])
  })

  test('what is not shared needs no fence', async () => {
    const { store } = await book(dialect)
    expect((await store.transaction((tx) => staleOf(tx, [soleLease('a')]))).size).toBe(0)
  })
})

describe('fences on postgres', () => {
  const write = (store: Store, kind: string): Promise<unknown> =>
    store.db.insertInto('changes').values({ kind, number: 1 }).execute()
  const kinds = async (store: Store): Promise<string[]> =>
    (await store.db.selectFrom('changes').select('kind').where('kind', 'like', 'w%').execute()).map(
      ({ kind }) => kind,
    )

  test('a stale token undoes its whole transaction and has the holder know', async () => {
    const { store, leases } = await book('postgres')
    await leases.claim(['a'], 'one')
    const first = holding('a', 1)
    await store.transaction((tx) => refuseStale(tx, first))
    await leases.release('a', 1, 'one')
    await leases.claim(['a'], 'two')
    const refused = store.transaction(async (tx) => {
      await tx.insertInto('changes').values({ kind: 'w1', number: 1 }).execute()
      await refuseStale(tx, first)
    })
    await expect(refused).rejects.toMatchObject({ code: 'LEASE_LOST' })
    expect(first.told).toBe(1)
    expect(await kinds(store)).toEqual([])
    expect([...(await store.transaction((tx) => staleOf(tx, [first, holding('a', 2)])))]).toEqual([first])
  })

  test('while a fenced write is under way the lease is renewed but does not pass on', async () => {
    const { store, leases, pass } = await book('postgres')
    await leases.claim(['a'], 'one')
    await store.transaction(async (tx) => {
      await refuseStale(tx, holding('a', 1))
      expect((await leases.renew(['a'], 'one')).length).toBe(1)
      await pass(TTL_MS)
      expect(await leases.claim(['a'], 'two')).toEqual([])
    })
    expect((await leases.claim(['a'], 'two')).length).toBe(1)
  })

  test('a transaction of a process that stands still is ended, so that the lease can pass on', async () => {
    const { store, leases, pass } = await book('postgres')
    await leases.claim(['a'], 'one')
    await pass(TTL_MS)
    let taken = 0
    const held = store.transaction(async (tx) => {
      await refuseStale(tx, holding('a', 1))
      for (let look = 0; look < 60 && taken === 0; look++) {
        await new Promise((resolve) => setTimeout(resolve, 100))
        taken = (await leases.claim(['a'], 'two')).length
      }
      await tx.insertInto('changes').values({ kind: 'w2', number: 1 }).execute()
    })
    await expect(held).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(taken).toBe(1)
    expect(await kinds(store)).toEqual([])
  })

  test('a fenced store reads for everybody and writes for the holder only', async () => {
    const { store, leases } = await book('postgres')
    await leases.claim(['a'], 'one')
    const lease = holding('a', 1)
    const fenced = store.fencedBy(lease)
    await write(fenced, 'w1')
    await fenced.transaction(async (tx) => {
      await tx.insertInto('changes').values({ kind: 'w2', number: 1 }).execute()
      await tx.insertInto('changes').values({ kind: 'w3', number: 1 }).execute()
    })
    await leases.release('a', 1, 'one')
    await leases.claim(['a'], 'two')
    await expect(write(fenced, 'w4')).rejects.toMatchObject({ code: 'LEASE_LOST' })
    const changed = fenced.transaction(async (tx) => {
      expect((await tx.selectFrom('changes').selectAll().execute()).length).toBeGreaterThan(0)
      await tx.updateTable('changes').set({ number: 9 }).where('kind', '=', 'w1').execute()
    })
    await expect(changed).rejects.toMatchObject({ code: 'LEASE_LOST' })
    expect((await kinds(fenced)).sort()).toEqual(['w1', 'w2', 'w3'])
    // Connections are shared with the store beneath, whose writes are nobody's business.
    await write(store, 'w5')
    await fenced.close()
    expect(await kinds(store)).toContain('w5')
  })
})
