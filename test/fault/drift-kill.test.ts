/** Kill -9 of the hub under load: the drift radar has counted every kept event once, by type, field and kind. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { httpTypeNames, sample, unknownSample } from '../../src/sandbox/simulator/samples.ts'
import { countsIn, countsOf } from '../../src/sources/drift/drift.fixture.ts'
import { eventually } from '../support/eventually.ts'
import { readAll } from '../support/log-frames.ts'
import { startProgram, Traffic } from '../support/program.ts'
import { startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const KILLS = 12
/** A life ends after at most so many events, in every other life counted from a write of the radar on. */
const LIFE_EVENTS_MAX = 400
const UNKNOWN_TYPES = 200
const NOW_SECONDS = 1_780_000_000

test(
  `${KILLS} kills: counts are those of the log, none twice and none missing`,
  async () => {
    const seed = Number(process.env.THALWEG_TEST_SEED ?? 20_261_128)
    console.log(`drift kill test: THALWEG_TEST_SEED=${seed}`)
    const random = seededRandom(seed)
    const dataDir = await tempFolder()
    await (await startStack({ dataDir })).hub.close()

    const types = httpTypeNames({ includeRetired: true })
    const traffic = new Traffic((id) => {
      const n = Number(id.slice(1))
      if (n % 2 === 0) return { ...unknownSample((n / 2) % UNKNOWN_TYPES, { nowSeconds: NOW_SECONDS }), id }
      const known = sample(types[n % types.length] ?? '', {
        random: seededRandom(n),
        nowSeconds: NOW_SECONDS,
      })
      return {
        ...known,
        id,
        properties: { ...known.properties, [`extra_${n % 30}`]: n % 3 === 0 ? n : 'text' },
      }
    })
    let cutOff = 0
    for (let life = 0; life < KILLS; life++) {
      const before = countedIn(dataDir).position
      const hub = await startProgram(dataDir)
      const stop = traffic.flowTo(hub.url)
      if (life % 2 === 1) {
        const hasWritten = (): boolean => countedIn(dataDir).position > before
        await eventually('the radar has written', hasWritten, { withinMs: 60_000 })
      }
      const enough = traffic.acknowledged.size + random() * LIFE_EVENTS_MAX
      await eventually('more has come', () => traffic.acknowledged.size >= enough, { withinMs: 60_000 })
      hub.child.kill('SIGKILL')
      await hub.gone
      await stop()
      const { position, events } = countedIn(dataDir)
      expect(events, 'what is counted is what lies before the position').toBe(position)
      if (position > before && position < traffic.acknowledged.size) cutOff++
    }
    expect(cutOff, 'too few kills came between two writes: the test would prove little').toBeGreaterThan(
      KILLS / 4,
    )

    const { hub } = await startStack({ dataDir })
    await eventually('all is counted', () => hub.drift.position === hub.log.head, { withinMs: 30_000 })
    const { records } = await readAll(hub.log, 0, 1_048_576)
    const events = records.map(({ text }) => JSON.parse(text) as { id: string; event_type: string })
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
    expect(events.length).toBeGreaterThanOrEqual(traffic.acknowledged.size)
    const rows = await hub.store.db.selectFrom('drift').selectAll().execute()
    expect(rows.filter(({ unexamined, unlisted }) => unexamined + unlisted > 0)).toEqual([])
    const [counted, expected] = [countsIn(rows), countsOf(events)]
    expect([...expected].filter(([key, count]) => counted.get(key) !== count)).toEqual([])
    expect(counted.size).toBe(expected.size)
    const found = await hub.drift.findings({ finding: 'new_type' }, 1_000)
    expect(found).toHaveLength(
      new Set(events.map((one) => one.event_type).filter((type) => !types.includes(type))).size,
    )
  },
  10 * 60_000,
)

/** What the killed process left in the store. */
function countedIn(dataDir: string): { position: number; events: number } {
  const file = new DatabaseSync(join(dataDir, 'store.db'))
  try {
    const one = (text: string): number =>
      Number(Object.values(file.prepare(text).get() ?? { none: 0 })[0] ?? 0)
    return {
      position: one('select position from drift_position'),
      events: one(`select sum(count) from drift where kind = 'type'`),
    }
  } finally {
    file.close()
  }
}
