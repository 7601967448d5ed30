/** Kill -9 of the warehouse's process while loads wait in such numbers that whole row groups go straight into its file, and loads are cut in two. */

import { expect, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { ROW_GROUP_ROWS } from '../../src/warehouse/duckdb/database.ts'
import { batchAt, testWarehouse } from '../../src/warehouse/duckdb/warehouse.fixture.ts'
import { eventually } from '../support/eventually.ts'
import { kills } from '../support/program.ts'

const KILLS = 8
const LOADS_PER_KILL = 5
const PER_LOAD = 7_000
/** About as long as the loads between two kills take. */
const PAUSE_MS_MAX = 700
const AGAIN_MS = 50

test(
  `${KILLS} kills among row groups: each record is one row`,
  async () => {
    const seed = Number(process.env.THALWEG_TEST_SEED ?? 20_261_129)
    console.log(`warehouse bulk kill test: THALWEG_TEST_SEED=${seed}`)
    const random = seededRandom(seed)
    expect(LOADS_PER_KILL * PER_LOAD).toBeGreaterThan(2 * ROW_GROUP_ROWS)
    const { embedded, load, rows } = await testWarehouse()
    let again = 0
    const loadAtLast = async (first: number): Promise<void> => {
      const offsets = Array.from({ length: PER_LOAD }, (_, i) => first + i)
      const batch = batchAt(
        offsets.map((offset) => `{"id":"e${offset}","properties":{"n":${offset % 10}}}`),
        offsets,
      )
      while ((await load(batch, { shape: 'events' })).status !== 200) {
        again++
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
      }
    }
    await loadAtLast(0)
    let next = PER_LOAD
    for (let kill = 0; kill < KILLS; kill++) {
      const loads = Array.from({ length: LOADS_PER_KILL }, (_, i) => loadAtLast(next + i * PER_LOAD))
      next += LOADS_PER_KILL * PER_LOAD
      const pid = await embedded.host.pid()
      await new Promise((resolve) => setTimeout(resolve, random() * PAUSE_MS_MAX))
      if (pid !== undefined) kills(pid)
      await Promise.all(loads)
    }
    expect(again, 'too few kills met a load').toBeGreaterThan(KILLS / 2)
    // The last kill may have come after the loads, and a moment ago.
    const all = 'select count(*), count(distinct _offset), count(distinct id), sum(n) from events'
    expect(await eventually('it answers', () => rows(all))).toEqual([[next, next, next, (next / 10) * 45]])
  },
  5 * 60_000,
)
