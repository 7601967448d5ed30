/** Kill -9 of the hub while it imports the rows that changed: each changed row once, no other, and all counts are exact. */

import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { eventually } from '../support/eventually.ts'
import { loggedRecords } from '../support/log-events.ts'
import { importStateIn, startProgram } from '../support/program.ts'
import { startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const ROWS = 30_000
const CHANGED_EVERY = 3
const KILLS = 4
const LIFE_MS_MAX = 300

test(`${KILLS} kills: only what changed arrives, once`, async () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? 20_261_128)
  console.log(`rows kill test: THALWEG_TEST_SEED=${seed}`)
  const random = seededRandom(seed)
  const [dataDir, folder] = [await tempFolder(), await tempFolder()]
  const write = async (version: number): Promise<void> => {
    const rows = Array.from(
      { length: ROWS },
      (_, i) => `u${i},${i % CHANGED_EVERY === 0 ? version : 0},${filler(i)}`,
    )
    // In one step: a part of a file would be a version of its own.
    await writeFile(join(folder, '.users'), `id,version,filler\n${rows.join('\n')}\n`)
    await rename(join(folder, '.users'), join(folder, 'users.csv'))
  }
  await write(1)
  const before = await startStack({ dataDir })
  await before.hub.imports.request('rows', {
    location: { kind: 'folder', path: folder },
    rows: { stream: 'people', onlyChanged: ['id'] },
  })
  await finished(before.hub, 1)
  await write(2)
  await before.hub.imports.resume('rows')
  await before.hub.close()

  let cutShort = 0
  for (let life = 0; life < KILLS; life++) {
    const hub = await startProgram(dataDir)
    await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX))
    hub.child.kill('SIGKILL')
    await hub.gone
    if (importStateIn(dataDir) === 'running') cutShort++
  }
  expect(cutShort, 'no life was short enough to cut the import: the test would prove little').toBeGreaterThan(
    0,
  )

  const { hub } = await startStack({ dataDir })
  const changed = ROWS / CHANGED_EVERY
  expect((await finished(hub, 2)).totals).toMatchObject({
    read: ROWS,
    duplicates: ROWS - changed,
    quarantined: 0,
  })
  const fields = (await loggedRecords(hub.log)).map(({ text }) => JSON.parse(text).fields)
  expect(fields).toHaveLength(ROWS + changed)
  const second = fields.slice(ROWS)
  expect(second.map(({ id }) => id)).toEqual(
    Array.from({ length: changed }, (_, i) => `u${i * CHANGED_EVERY}`),
  )
  expect(new Set(second.map(({ version }) => version))).toEqual(new Set(['2']))

  // What the killed lives remembered is what the file said.
  await write(2)
  await hub.imports.resume('rows')
  expect((await finished(hub, 3)).totals).toMatchObject({ read: ROWS, duplicates: ROWS })
}, 120_000)

function finished(hub: Awaited<ReturnType<typeof startStack>>['hub'], run: number) {
  return eventually(
    `run ${run} is finished`,
    async () => {
      const view = await hub.imports.get('rows')
      return view.run === run && view.state === 'finished' ? view : undefined
    },
    { withinMs: 60_000 },
  )
}

/** Frames of some hundred rows, so that a life is cut between them. */
function filler(i: number): string {
  return String(i).repeat(60)
}
