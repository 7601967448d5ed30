/**
 * The whole loop: simulated people open e-mails, Currents brings it in, profiles remember when, an audience takes whoever
 * opened three times in seven days, an export tells Braze, and a segment of the Braze double has them: exactly them, and
 * soon after the third open.
 */

import { expect, test } from 'vitest'
import { startCli } from '../../src/cli/cli.fixture.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { simulatedSupply } from '../../src/sandbox/simulated-supply.ts'
import { createSimulation } from '../../src/sandbox/simulator/simulator.ts'
import { eventually } from '../support/eventually.ts'
import { ATTRIBUTE } from '../support/exports.ts'
import { SOURCE, TOKEN } from '../support/stack.ts'

const OPEN = 'users.messages.email.Open'
const SLUG = 'eager_readers'
const OPENS = 3
/** Real time of traffic. */
const TRAFFIC_MS = 8_000
/** From the third open to the segment. */
const WITHIN_MS = 10_000
const LOOK_MS = 50

test('whoever opened three times is in the segment within ten seconds, and nobody else', {
  timeout: 120_000,
}, async () => {
  const { hub, sandbox, thalweg } = await startCli()
  const { vendor } = sandbox.braze
  const simulation = createSimulation({
    seed: 11,
    clock: hub.clock,
    users: 60,
    eventsPerSecond: 150,
    delayScale: 1 / 20_000,
    late: 0,
  })
  for (const { brazeId, externalId } of simulation.world.users)
    vendor.profiles.load({ brazeId, externalId }, hub.clock.now())
  expect((await thalweg(['streams', 'on', 'braze_events'])).code).toBe(0)
  const rule = `FILTER timewindow(events.\`${OPEN}\`, ${OPENS}, 7) ALIAS ${SLUG}`
  expect((await thalweg(['audiences', 'create', '-'], { stdin: rule })).code).toBe(0)
  const key = await thalweg(
    ['authorizations', 'create', '--label', 'braze', '--provider', 'braze-audiences', '--json'],
    { stdin: JSON.stringify({ restKey: DEMO.brazeRestKey }) },
  )
  const definition = {
    name: 'loop',
    contactEmail: 'contact@example.com',
    audiences: [1],
    identifiers: { externalIdField: 'external_id', brazeIdField: 'br_user_id' },
    waitMs: 1_000,
    destination: {
      settings: { instance: 'custom', host: sandbox.addresses.braze },
      authorization: key.json.id,
    },
  }
  const made = await thalweg(['exports', 'create', '-'], { stdin: JSON.stringify(definition) })
  expect([made.code, made.err]).toEqual([0, ''])
  expect((await thalweg(['exports', 'start', 'loop'])).code).toBe(0)
  const segment = vendor.segments.add('eager', {
    name: 'Eager readers',
    filter: { attribute: { name: ATTRIBUTE, has: SLUG } },
  })

  // What Braze sent, watched at the double, is what the audience is about.
  const opened = new Map<string, Set<string>>()
  const thirdAt = new Map<string, number>()
  const supply = simulatedSupply(simulation)
  const until = hub.clock.now() + TRAFFIC_MS
  const sender = vendor.startSender({
    name: 'loop',
    url: `${hub.url}/currents/${SOURCE}`,
    token: TOKEN,
    waitMs: 100,
    supply: {
      take(nowMs) {
        if (nowMs > until) return []
        const events = supply.take(nowMs)
        for (const { type, bytes } of events) if (type === OPEN) note(JSON.parse(String(bytes)), nowMs)
        return events
      },
    },
  })
  function note({ id, user }: { id: string; user: { user_id: string } }, nowMs: number): void {
    const ids = opened.get(user.user_id) ?? new Set()
    opened.set(user.user_id, ids.add(id))
    if (ids.size === OPENS && !thirdAt.has(user.user_id)) thirdAt.set(user.user_id, nowMs)
  }

  const seenAt = new Map<string, number>()
  const watch = setInterval(() => {
    for (const { brazeId } of vendor.segments.members(segment))
      if (!seenAt.has(brazeId)) seenAt.set(brazeId, hub.clock.now())
  }, LOOK_MS)
  try {
    await eventually(
      'Braze got everything acknowledged',
      () => hub.clock.now() > until && sender.state().acknowledged === sender.state().taken,
      { withinMs: 60_000 },
    )
    await eventually('the segment has everybody', () => seenAt.size >= thirdAt.size, { withinMs: 30_000 })
  } finally {
    clearInterval(watch)
  }
  expect(thirdAt.size).toBeGreaterThan(5)
  expect([...seenAt.keys()].sort()).toEqual([...thirdAt.keys()].sort())
  expect([...vendor.segments.members(segment)].map(({ brazeId }) => brazeId).sort()).toEqual(
    [...thirdAt.keys()].sort(),
  )
  const waits = [...thirdAt].map(([person, at]) => (seenAt.get(person) ?? Number.POSITIVE_INFINITY) - at)
  expect(Math.max(...waits)).toBeLessThan(WITHIN_MS)
})
