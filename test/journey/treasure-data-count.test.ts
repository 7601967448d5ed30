/**
 * The simulator's traffic through the hub into Treasure Data's Postback, counted there by the query that the page describes: the vendor's
 * count per event type is the simulator's own, and what was accepted.
 */

import { expect, onTestFinished, test } from 'vitest'
import { systemClock, VirtualClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { TreasureDataCredentials } from '../../src/destinations/treasure-data/settings.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { simulatedSupply } from '../../src/sandbox/simulated-supply.ts'
import { createSimulation } from '../../src/sandbox/simulator/simulator.ts'
import { treasureDataEngine } from '../../src/warehouse/treasure-data/open.ts'
import { TreasureDataQuerySettings } from '../../src/warehouse/treasure-data/treasure-data.ts'
import { eventually } from '../support/eventually.ts'
import { SOURCE, startStack, TOKEN, treasureDataPostback } from '../support/stack.ts'

const SECONDS = 20
const EVENTS_PER_SECOND = 200
const HOUR_MS = 3_600_000

const COUNT_BY_TYPE = `SELECT JSON_EXTRACT_SCALAR(e, '$.event_type') AS event_type, COUNT(*) AS n
FROM   ${DEMO.table}
CROSS JOIN UNNEST(CAST(JSON_PARSE(events) AS ARRAY(JSON))) AS t(e)
WHERE  TD_INTERVAL(time, '-1d/1d') OR TD_INTERVAL(time, '1d')
GROUP  BY 1 ORDER BY 1`

test('the documented count at Treasure Data equals the simulator and the intake account', async () => {
  const { hub, sandbox, launch, settled } = await startStack()
  const { vendor } = sandbox.treasureData
  vendor.configure({ queryDelayMs: HOUR_MS })
  await launch('td', treasureDataPostback(sandbox), { externalId: 'optional' })

  const traffic = simulatedTraffic()
  const sender = sandbox.braze.vendor.startSender({
    name: 'journey',
    url: `${hub.url}/currents/${SOURCE}`,
    token: TOKEN,
    supply: traffic.supply,
    waitMs: 50,
  })
  await eventually(
    'the sender got everything acknowledged',
    () => traffic.isTaken() && sender.state().acknowledged === sender.state().taken,
    { withinMs: 60_000 },
  )
  await settled()

  const td = treasureDataEngine(
    TreasureDataQuerySettings.parse({ host: sandbox.addresses.treasureData, database: DEMO.database }),
    TreasureDataCredentials.parse({ writeKey: DEMO.treasureDataKey, apiKey: DEMO.treasureDataKey }),
    { clock: systemClock, random: seededRandom(4), pace: { firstMs: 5, maxMs: 50 } },
  )
  onTestFinished(() => td.close())
  const count = async () => {
    const stream = await td.query({ sql: COUNT_BY_TYPE, timeoutMs: 60_000 }, new AbortController().signal)
    const counts = new Map<string, number>()
    for await (const page of stream.pages) for (const [type, n] of page) counts.set(String(type), Number(n))
    return counts
  }

  // Until the ingestion delay is over the vendor knows nothing of what it took.
  await expect(count()).rejects.toThrow(`Table 'td.${DEMO.database}.${DEMO.table}' does not exist`)
  vendor.configure({ queryDelayMs: 0 })
  const counted = await count()

  expect(counted).toEqual(traffic.countsByType())
  const accepted = await hub.delivery.intake.counts(0)
  expect(counted).toEqual(new Map(accepted.map((one) => [one.eventType, one.accepted])))
  expect(sandbox.treasureData.arrivals.distinct()).toBe([...counted.values()].reduce((a, b) => a + b, 0))
})

/** A stretch of simulated traffic, all of it there at once, and what it consists of. */
function simulatedTraffic() {
  const start = Date.now() - SECONDS * 1000
  const simulation = createSimulation({
    seed: 20_261_128,
    clock: new VirtualClock(start),
    eventsPerSecond: EVENTS_PER_SECOND,
    duplicates: 0.02,
  })
  const idsByType = new Map<string, Set<string>>()
  let isTaken = false
  const counting = {
    ...simulation,
    next: () => {
      const events = simulation.next(start + SECONDS * 1000)
      isTaken ||= events.length === 0
      for (const { type, event } of events) {
        const ids = idsByType.get(type) ?? new Set()
        idsByType.set(type, ids.add(String(event.id)))
      }
      return events
    },
  }
  return {
    supply: simulatedSupply(counting),
    isTaken: () => isTaken,
    countsByType: () => new Map([...idsByType].map(([type, ids]) => [type, ids.size])),
  }
}
