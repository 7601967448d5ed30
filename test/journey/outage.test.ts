/** A wrong Treasure Data URL for 72 hours: the current halts, the contact hears, others are not touched, nothing is lost. */

import { expect, test } from 'vitest'
import { VirtualClock } from '../../src/core/clock.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { event, httpSink, startStack, treasureDataRecords } from '../support/stack.ts'

const HOUR_MS = 3_600_000
const HOURS = 72
const PER_HOUR = 20
const WATCH_MS = HOUR_MS / 6

// Three virtual days are some ten thousand alarms: how long that takes is the machine's business.
const TIMEOUT = { timeout: 180_000 }

test('72 hours with a wrong URL, then mended: all arrive, in order', TIMEOUT, async () => {
  const clock = new VirtualClock(Date.UTC(2026, 5, 1))
  const stack = await startStack({ clock, watchMs: WATCH_MS })
  const { hub, sandbox } = stack
  const right = treasureDataRecords(sandbox)
  const wrong = { ...right, settings: { ...right.settings, database: 'no_such_database' } }
  const oneAtATime = { delivery: { waitMs: 0, inFlightMax: 1 } }
  const sick = await stack.launch('td', wrong, oneAtATime)
  const well = await stack.launch('webhook', httpSink(sandbox), oneAtATime)

  const ids: string[] = []
  for (let hour = 0; hour < HOURS; hour++) {
    const events = Array.from({ length: PER_HOUR }, (_, i) => event(`h${hour}-e${i}`))
    ids.push(...events.map(({ id }) => id))
    await stack.post(events)
    await eventually('the other current has delivered', () => sandbox.http.arrivals.total === ids.length)
    await clock.advance(HOUR_MS)
  }

  const halted = await hub.currents.get(sick.number)
  expect(halted.state).toBe('halted')
  expect(halted.stateReason).toMatch(/404|not known|database/i)
  const alerts = await hub.alerts.list({ open: true })
  expect(alerts.map(({ kind, contact, current }) => ({ kind, contact, current }))).toEqual([
    { kind: 'halted', contact: 'contact@example.com', current: sick.number },
  ])
  expect((await hub.currents.get(well.number)).state).toBe('running')
  const during = await hub.delivery.checkBooks(sick.number)
  expect(during).toMatchObject({
    accepted: ids.length,
    delivered: 0,
    dead: 0,
    pending: ids.length,
    balanced: true,
  })
  expect(sandbox.treasureData.vendor.rows()).toHaveLength(0)

  const definition = {
    ...halted.definition,
    destination: {
      ...halted.definition.destination,
      settings: { ...right.settings, database: DEMO.database },
    },
  }
  await hub.delivery.revise(sick.number, definition, 'the right database')
  await stack.settled()

  expect(sandbox.treasureData.arrivals.view().ids).toEqual(ids)
  expect(sandbox.http.arrivals.view().ids).toEqual(ids)
  expect((await hub.currents.get(sick.number)).state).toBe('running')
  expect(await hub.alerts.list({ open: true })).toEqual([])
  for (const { number } of [sick, well]) {
    expect(await hub.delivery.checkBooks(number)).toMatchObject({
      accepted: ids.length,
      delivered: ids.length,
      dead: 0,
      pending: 0,
      balanced: true,
    })
  }
})

test(
  'a vendor that is down for three days fills no dead letters, and the contact hears of it',
  TIMEOUT,
  async () => {
    const clock = new VirtualClock(Date.UTC(2026, 5, 1))
    const stack = await startStack({ clock, watchMs: WATCH_MS })
    const { hub, sandbox } = stack
    const current = await stack.launch('td', treasureDataRecords(sandbox))
    sandbox.treasureData.faults.set([{ kind: 'status', status: 503 }])
    const ids = Array.from({ length: 50 }, (_, i) => `down-${i}`)
    await stack.post(ids.map((id) => event(id)))
    await eventually('the first try', () => sandbox.treasureData.tally.requests > 0)
    for (let hour = 0; hour < HOURS; hour++) await clock.advance(HOUR_MS)

    expect((await hub.currents.get(current.number)).state).toBe('running')
    await eventually('the alert', async () =>
      (await hub.alerts.list({ open: true })).some(({ kind }) => kind === 'deferred-long'),
    )
    expect(await hub.delivery.letters.list({ limit: 10 })).toEqual([])

    sandbox.treasureData.faults.clear()
    await eventually('delivery after the outage', async () => {
      await clock.advance(60_000)
      return sandbox.treasureData.arrivals.total >= ids.length
    })
    await stack.settled()
    expect(await hub.delivery.checkBooks(current.number)).toMatchObject({
      delivered: ids.length,
      dead: 0,
      pending: 0,
      balanced: true,
    })
  },
)
