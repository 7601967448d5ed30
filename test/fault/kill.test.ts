/** Kill -9 of the hub at random moments under load: every acknowledged event is delivered, and the books close. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { startProgram, Traffic } from '../support/killed-program.ts'
import { httpSink, type Stack, startStack, treasureDataRecords } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const KILLS = 200
/** The hub lives this long at most after it is ready; some lives end before the first answer. */
const LIFE_MS_MAX = 200

test(
  `${KILLS} kills: nothing acknowledged is lost, no checkpoint passes an undelivered record`,
  async () => {
    const seed = Number(process.env.THALWEG_TEST_SEED ?? 20_261_123)
    console.log(`kill test: THALWEG_TEST_SEED=${seed}`)
    const random = seededRandom(seed)
    const dataDir = await tempFolder()
    const sandbox = await startSandbox({ clock: systemClock, random })
    onTestFinished(() => sandbox.close())
    await prepare(dataDir, sandbox)

    const traffic = new Traffic()
    let answeredLives = 0
    for (let life = 0; life < KILLS; life++) {
      const before = traffic.acknowledged.size
      const hub = await startProgram(dataDir)
      const stop = traffic.flowTo(hub.url)
      await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX))
      hub.child.kill('SIGKILL')
      await hub.gone
      await stop()
      if (traffic.acknowledged.size > before) answeredLives++
      for (const [number, delivered] of ledgerOf(dataDir)) {
        const arrived =
          number === 1 ? sandbox.treasureData.arrivals.distinct() : sandbox.http.arrivals.distinct()
        expect(arrived, `the ledger of current ${number} claims more than arrived`).toBeGreaterThanOrEqual(
          delivered,
        )
      }
    }
    expect(
      answeredLives,
      'too few lives were long enough to answer: the test would prove little',
    ).toBeGreaterThan(KILLS / 4)

    const stack = await startStack({ dataDir })
    await stack.settled()
    for (const { arrivals } of [sandbox.treasureData, sandbox.http]) {
      expect(arrivals.missing(traffic.acknowledged)).toEqual([])
    }
    await expectBalanced(stack, traffic)
  },
  20 * 60_000,
)

async function prepare(dataDir: string, sandbox: Awaited<ReturnType<typeof startSandbox>>): Promise<void> {
  const stack = await startStack({ dataDir })
  await stack.launch('td', treasureDataRecords(sandbox))
  await stack.launch('sink', httpSink(sandbox))
  await stack.hub.close()
}

async function expectBalanced(stack: Stack, traffic: Traffic): Promise<void> {
  const { hub } = stack
  for (const { number } of await hub.currents.list()) {
    const check = await hub.delivery.checkBooks(number)
    expect(check).toMatchObject({
      balanced: true,
      residue: 0,
      missing: [],
      pending: 0,
      dead: 0,
      filtered: 0,
      checkpoint: hub.log.head,
    })
    // Each id was accepted once: what was sent again after a cut was known, acknowledged or not.
    expect(check?.delivered).toBe(check?.accepted)
    expect(check?.accepted).toBeGreaterThanOrEqual(traffic.acknowledged.size)
    expect(check?.accepted).toBeLessThanOrEqual(traffic.made)
  }
}

/** Delivered per current, as the killed process left it. */
function ledgerOf(dataDir: string): Map<number, number> {
  const file = new DatabaseSync(join(dataDir, 'store.db'))
  try {
    const rows = file
      .prepare(
        `select current, sum(count) as delivered from ledger where outcome = 'delivered' group by current`,
      )
      .all()
    return new Map(rows.map((row) => [Number(row.current), Number(row.delivered)]))
  } finally {
    file.close()
  }
}
