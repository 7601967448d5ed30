/** Kill -9 of the hub and of the warehouse's process at random moments under load: one row for each accepted event, no more and no less. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { eventually } from '../support/eventually.ts'
import { kills, startProgram, Traffic } from '../support/program.ts'
import { embeddedWarehouse, event, startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'
import { warehouseRows } from '../support/warehouse-rows.ts'

const HUB_KILLS = 10
const CHILD_KILLS_PER_LIFE = 4
const PAUSE_MS_MAX = 300

test(
  `${HUB_KILLS * (CHILD_KILLS_PER_LIFE + 1)} kills of hub and warehouse: each accepted event is one row`,
  async () => {
    const seed = Number(process.env.THALWEG_TEST_SEED ?? 20_261_128)
    console.log(`warehouse kill test: THALWEG_TEST_SEED=${seed}`)
    const random = seededRandom(seed)
    const pause = () => new Promise((resolve) => setTimeout(resolve, random() * PAUSE_MS_MAX))
    const dataDir = await tempFolder()
    const first = await startStack({ dataDir })
    await first.launch('warehouse', embeddedWarehouse({ shape: 'both' }))
    await first.hub.close()

    const traffic = new Traffic((id) => event(id))
    let met = 0
    for (let life = 0; life < HUB_KILLS; life++) {
      const hub = await startProgram(dataDir)
      const stop = traffic.flowTo(hub.url)
      let last = 0
      for (let kill = 0; kill < CHILD_KILLS_PER_LIFE; kill++) {
        const before = last
        last = await eventually(
          'the warehouse has a process',
          () => {
            const pid = childOf(hub.child.pid ?? 0)
            return pid !== before && pid
          },
          { withinMs: 30_000 },
        )
        await pause()
        if (kills(last)) met++
      }
      await pause()
      hub.child.kill('SIGKILL')
      await hub.gone
      await stop()
    }
    expect(met, 'too few kills met a process').toBeGreaterThan((HUB_KILLS * CHILD_KILLS_PER_LIFE) / 2)

    const stack = await startStack({ dataDir })
    await stack.settled()
    const [current] = await stack.hub.currents.list()
    const books = await stack.hub.delivery.checkBooks(current?.number ?? 0)
    expect(books).toMatchObject({ balanced: true, dead: 0, filtered: 0, pending: 0 })
    const accepted = books?.accepted ?? 0
    expect(accepted).toBeGreaterThanOrEqual(traffic.acknowledged.size)
    expect(
      await warehouseRows(
        stack.hub,
        'select count(*), count(distinct id), count(distinct _offset) from events',
      ),
    ).toEqual([[accepted, accepted, accepted]])
    const raw = `select unnest(events::json[]) as e, unnest(_offsets) as o from events_raw`
    expect(
      await warehouseRows(
        stack.hub,
        `select count(*), count(distinct e->>'$.id'), count(distinct o) from (${raw})`,
      ),
    ).toEqual([[accepted, accepted, accepted]])
    const ids = new Set((await warehouseRows(stack.hub, 'select id from events')).map(([id]) => id))
    expect([...traffic.acknowledged].filter((id) => !ids.has(id))).toEqual([])
  },
  15 * 60_000,
)

/** The process that the hub started; undefined when there is none. */
function childOf(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children === '' ? undefined : Number(children.split(' ')[0])
}
