/** From the socket to the tables: every catalog type is one correct row, and counts are the simulator's own. */

import { expect, test } from 'vitest'
import { EVENT_COLUMNS } from '../../src/catalog/columns.ts'
import { VirtualClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { httpTypeNames, sample } from '../../src/sandbox/simulator/samples.ts'
import { createSimulation } from '../../src/sandbox/simulator/simulator.ts'
import { embeddedWarehouse, startStack } from '../support/stack.ts'
import { warehouseRows } from '../support/warehouse-rows.ts'

const NOW_SECONDS = 1_780_000_000
const START_MS = NOW_SECONDS * 1000

test('every type of the catalog is one row whose typed columns say what the event says', async () => {
  const stack = await startStack()
  await stack.launch('warehouse', embeddedWarehouse(), { externalId: 'optional' })
  const random = seededRandom(20_261_128)
  const events = httpTypeNames({ includeRetired: true }).map((type) =>
    sample(type, { random, nowSeconds: NOW_SECONDS }),
  )
  expect(events.length).toBe(93)
  await stack.post(events)
  await stack.settled()

  const present = new Set((await warehouseRows(stack.hub, 'describe events')).map(([name]) => String(name)))
  const columns = EVENT_COLUMNS.filter(({ name }) => present.has(name))
  const list = columns
    .map(({ name, type }) => (type === 'json' ? `"${name}"::varchar` : `"${name}"`))
    .join(', ')
  const rows = await warehouseRows(stack.hub, `select ${list} from events order by _offset`)
  expect(rows.length).toBe(events.length)
  for (const [i, event] of events.entries()) {
    const row = Object.fromEntries(columns.map(({ name }, at) => [name, rows[i]?.[at] ?? null]))
    for (const { name, origin, member, type } of EVENT_COLUMNS) {
      const cell = row[name] ?? null
      const about = `${event.event_type} ${name}`
      if (origin === 'property') expect(cell, about).toEqual(asCell(type, event.properties[member]))
      if (origin === 'user') expect(cell, about).toBe((event.user as Record<string, unknown>)[member] ?? null)
    }
    expect(row).toMatchObject({
      id: event.id,
      event_type: event.event_type,
      time: '2026-05-28T20:26:40Z',
      properties: JSON.stringify(event.properties),
      extra: null,
      _source: 'braze',
    })
  }
  expect(await stack.hub.warehouse.engine.misfits()).toEqual([])
})

test("counts per type are the simulator's own", async () => {
  const stack = await startStack()
  await stack.launch('warehouse', embeddedWarehouse({ shape: 'both' }), { externalId: 'optional' })
  const simulation = createSimulation({ seed: 11, clock: new VirtualClock(START_MS), eventsPerSecond: 200 })
  const counts = new Map<string, number>()
  for (let second = 1; second <= 10; second++) {
    const due = simulation.next(START_MS + second * 1_000)
    for (const { type } of due) counts.set(type, (counts.get(type) ?? 0) + 1)
    await stack.post(due.map(({ event }) => event))
  }
  expect(counts.size).toBeGreaterThan(10)
  await stack.settled()
  const own = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
  expect(
    await warehouseRows(stack.hub, 'select event_type, count(*) from events group by 1 order by 1'),
  ).toEqual(own)
  expect(
    await warehouseRows(
      stack.hub,
      `select e->>'$.event_type', count(*) from (select unnest(events::json[]) as e from events_raw) group by 1 order by 1`,
    ),
  ).toEqual(own)
})

function asCell(type: string, value: unknown): unknown {
  if (value === undefined) return null
  return type === 'json' ? JSON.stringify(value) : value
}
