/** Kill -9 of the hub while it imports: no record is lost, none is doubled, with ids or without, and all counts are exact. */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { writeBulk } from '../../src/sandbox/storage/storage.ts'
import { eventually } from '../support/eventually.ts'
import { loggedRecords } from '../support/log-events.ts'
import { importStateIn, startProgram } from '../support/program.ts'
import { startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const EVENTS = 60_000
const WITHOUT_ID = 40_000
const KILLS = 8
const LIFE_MS_MAX = 200
const NOW = 1_780_000_000

test(
  `${KILLS} kills: an import ends with exact counts, and the same folder again adds nothing`,
  async () => {
    const seed = Number(process.env.THALWEG_TEST_SEED ?? 20_261_128)
    console.log(`import kill test: THALWEG_TEST_SEED=${seed}`)
    const random = seededRandom(seed)
    const [dataDir, folder] = [await tempFolder(), await tempFolder()]
    const { events } = await writeBulk({
      folder,
      seed,
      events: EVENTS,
      eventsPerFile: 7_500,
      nowSeconds: NOW,
    })
    await mkdir(join(folder, 'lines'))
    const lines = Array.from({ length: WITHOUT_ID }, (_, i) => line(i))
    await writeFile(
      join(folder, 'lines', 'a.ndjson'),
      `${lines.slice(0, -5).join('\n')}\n{"broken\n${lines.slice(-5).join('\n')}\n`,
    )
    const prepared = await startStack({ dataDir })
    await prepared.hub.imports.request('files', { location: { kind: 'folder', path: folder } })
    await prepared.hub.close()

    let cutShort = 0
    for (let life = 0; life < KILLS; life++) {
      const hub = await startProgram(dataDir)
      await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX))
      hub.child.kill('SIGKILL')
      await hub.gone
      if (importStateIn(dataDir) === 'running') cutShort++
    }
    expect(
      cutShort,
      'no life was short enough to cut the import: the test would prove little',
    ).toBeGreaterThan(0)

    const { hub } = await startStack({ dataDir })
    const view = await eventually(
      'the import is finished',
      async () => {
        const now = await hub.imports.get('files')
        return now.state === 'finished' ? now : undefined
      },
      { withinMs: 120_000 },
    )
    const total = events + WITHOUT_ID
    expect(view.totals).toMatchObject({ read: total + 1, duplicates: 0, quarantined: 1 })
    expect(view.totals.files).toMatchObject({ waiting: 0, reading: 0, failed: 0 })
    const records = await loggedRecords(hub.log)
    const good = records.filter((record) => !record.quarantined)
    expect(good).toHaveLength(total)
    expect(new Set(good.map(({ text }) => text)).size).toBe(total)
    expect(records.length - good.length).toBe(1)
    const filled = await hub.imports.filled('files', 10_000)
    expect(filled.reduce((sum, { count }) => sum + count, 0)).toBe(total)

    await hub.imports.resume('files')
    const again = await eventually('the second run is finished', async () => {
      const now = await hub.imports.get('files')
      return now.run === 2 && now.state === 'finished' ? now : undefined
    })
    expect(again.totals.read).toBe(0)
    expect(hub.log.head).toBe(records.length)
  },
  10 * 60_000,
)

/** Without an id: only its place in the file tells it from a repetition. */
function line(i: number): string {
  return JSON.stringify({ event_type: 'users.test.Line', time: NOW, user: {}, properties: { line: i } })
}
