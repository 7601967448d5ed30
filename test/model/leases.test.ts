/**
 * Leases against their promise, by random operations on a virtual clock: nodes whose own clocks run too fast or too slow, whose statements
 * and answers are late, and who stand still for as long as they like. However it goes, no two of them may act at once, and no write of one
 * that may not is taken.
 */

import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { LeaseInHand, momentOf, type OwnClocks } from '../../src/cluster/held-lease.ts'
import { VirtualClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { testSeed } from '../../src/delivery/delivery.fixture.ts'
import { LeaseBook, refuseStale } from '../../src/store/leases.ts'
import type { Store } from '../../src/store/store.ts'
import { freshStore } from '../support/store.ts'

const TTL_MS = 5_000
const SPAN_MS = 4_000
const NAME = 'current 1'
/** How much clocks of nodes may be wrong in how fast they run: what the margin has room for. */
const DRIFT = 0.15
const STEPS = 400

class World {
  now = 1_000_000
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async pass(ms: number): Promise<void> {
    this.now += Math.round(ms)
    await this.#store.db
      .updateTable('changes')
      .set({ number: this.now })
      .where('kind', '=', 'clock')
      .execute()
  }
}

class Node {
  readonly id: string
  lease: LeaseInHand | undefined
  standsUntil = 0
  readonly clocks: OwnClocks

  constructor(id: string, world: World, random: () => number) {
    this.id = id
    const [offset, rate] = [random() * 1e6, 1 + (random() * 2 - 1) * DRIFT]
    const [wallOffset, wallRate] = [random() * 1e9, 1 + (random() * 2 - 1) * DRIFT]
    this.clocks = {
      monotonic: () => offset + world.now * rate,
      wall: () => wallOffset + world.now * wallRate,
    }
  }
}

describe('the model of leases', () => {
  test('no two nodes may act at once, and only the newest token writes', async () => {
    const random = seededRandom(testSeed('leases'))
    const store = await freshStore('postgres', new VirtualClock(0))
    const world = new World(store)
    await store.db.insertInto('changes').values({ kind: 'clock', number: world.now }).execute()
    await store.db.insertInto('changes').values({ kind: 'written', number: 0 }).execute()
    const databaseNow = sql<number>`(select number from changes where kind = 'clock')`
    const book = new LeaseBook(store, { ttlMs: TTL_MS, databaseNow })
    const nodes = ['a', 'b', 'c'].map((id) => new Node(id, world, random))
    let newest = 0
    const owners = new Set<string>()
    const seen = { writes: 0, refusals: 0, lapses: 0 }

    const step: Record<string, (node: Node) => Promise<void>> = {
      async claim(node) {
        if (node.lease?.mayAct()) return
        const at = momentOf(node.clocks)
        await world.pass(random() * 300)
        const [held] = await book.claim([NAME], node.id)
        await world.pass(random() * 300)
        if (held === undefined) return
        expect(held.token).toBeGreaterThan(newest)
        newest = held.token
        node.lease = new LeaseInHand(NAME, held.token, at, SPAN_MS, node.clocks)
        owners.add(node.id)
      },
      async renew(node) {
        const { lease } = node
        if (lease?.mayAct() !== true) return
        const at = momentOf(node.clocks)
        await world.pass(random() * 300)
        const [held] = await book.renew([NAME], node.id)
        // The answer may take longer than the lease lasts.
        await world.pass(random() < 0.1 ? random() * 2 * TTL_MS : random() * 300)
        if (held?.token === lease.token) lease.renewed(at)
        else lease.lose('gone')
      },
      async release(node) {
        const { lease } = node
        if (lease?.mayAct() !== true) return
        node.lease = undefined
        await book.release(NAME, lease.token, node.id)
      },
      async want(node) {
        if (node.lease?.mayAct() !== true) await book.want(NAME, node.id, TTL_MS)
      },
      async stand(node) {
        node.standsUntil = world.now + random() * 3 * TTL_MS
      },
      /** Without asking whether it may: as one that stood still between the question and the write. */
      async write(node) {
        const { lease } = node
        if (lease === undefined) return
        const mayAct = lease.mayAct()
        try {
          await store.transaction(async (tx) => {
            await refuseStale(tx, lease)
            await tx
              .updateTable('changes')
              .set({ number: lease.token })
              .where('kind', '=', 'written')
              .execute()
          })
          seen.writes++
          expect(lease.token).toBe(newest)
        } catch (error) {
          expect(error).toMatchObject({ code: 'LEASE_LOST' })
          seen.refusals++
          expect(mayAct).toBe(false)
          expect(lease.token).toBeLessThan(newest)
        }
      },
      async wait() {
        await world.pass(random() * 2_000)
      },
    }
    const names = Object.keys(step)
    for (let i = 0; i < STEPS; i++) {
      const awake = nodes.filter(({ standsUntil }) => standsUntil <= world.now)
      const node = awake[Math.floor(random() * awake.length)]
      if (node === undefined) await world.pass(500)
      else await step[names[Math.floor(random() * names.length)] ?? '']?.(node)
      const acting = nodes.filter(({ lease }) => lease?.mayAct() === true)
      expect(acting.map(({ id }) => id).length).toBeLessThanOrEqual(1)
      // A holder stops by itself before the database lets go.
      const [row] = await book.list()
      for (const { id } of acting) expect(row?.holder).toBe(id)
      if (acting.length === 0 && row?.holder !== '') seen.lapses++
    }
    expect(owners.size).toBe(nodes.length)
    expect(Math.min(seen.writes, seen.refusals, seen.lapses)).toBeGreaterThan(0)
  })
})
