/** A whole hub whose log is a cluster of three NATS servers: from the socket to the receiver, through a killed server and a lost quorum, and again from an empty folder. */

import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { TestNats } from '../support/nats.ts'
import { event, httpSink, SOURCE, startStack, TOKEN } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const PER_REQUEST = 20

test('the ledger closes over a killed server, a lost quorum and a hub that lost its folder', {
  timeout: 180_000,
}, async () => {
  const nats = await TestNats.start({ servers: 3 })
  onTestFinished(() => nats.close())
  const sandbox = await startSandbox({ clock: systemClock, random: seededRandom(1) })
  onTestFinished(() => sandbox.close())
  const dataDir = await tempFolder()
  const log = nats.address('journey')
  const stack = await startStack({ beside: sandbox, dataDir, settings: { log } })
  const { hub } = stack
  const current = await stack.launch('sink', httpSink(sandbox))
  const sent: string[] = []
  const batch = (): { id: string }[] => {
    const events = Array.from({ length: PER_REQUEST }, (_, i) => event(`e${sent.length + i}`))
    sent.push(...events.map(({ id }) => id))
    return events
  }
  for (let i = 0; i < 10; i++) await stack.post(batch())
  await stack.settled()

  await nats.kill(await nats.leaderOf('THALWEG-journey'))
  for (let i = 0; i < 10; i++) {
    const events = batch()
    await eventually('the door takes it', () => stack.post(events).then(() => true), { withinMs: 60_000 })
  }
  await stack.settled()
  expect(new Set(sandbox.http.arrivals.view().ids)).toEqual(new Set(sent))

  // A second server goes, and with it the quorum.
  const killed = [0, 1, 2].filter((i) => !nats.isRunning(i))
  const next = [0, 1, 2].find((i) => nats.isRunning(i)) ?? 0
  await nats.kill(next)
  const during = batch()
  const retryAfter: (string | null)[] = []
  const knock = async (): Promise<number> => {
    const answer = await fetch(`${hub.url}/currents/${SOURCE}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ events: during }),
    })
    if (answer.status !== 200) retryAfter.push(answer.headers.get('retry-after'))
    await answer.arrayBuffer()
    return answer.status
  }
  expect(await knock()).toBe(503)
  expect(await knock()).toBe(503)
  expect(retryAfter.every((value) => value !== null)).toBe(true)
  expect(hub.log.state).toBe('full')
  for (const i of [...killed, next]) await nats.restart(i)
  await eventually('the door takes it again', async () => (await knock()) === 200, { withinMs: 60_000 })
  await stack.settled()
  expect(sandbox.http.arrivals.view().ids.toSorted()).toEqual(sent.toSorted())
  const books = { accepted: sent.length, delivered: sent.length, dead: 0, pending: 0, balanced: true }
  expect(await hub.delivery.checkBooks(current.number)).toMatchObject(books)
  await hub.close()

  // Only the store is left of the hub's folder.
  const rest = await tempFolder()
  for (const file of ['store.db', 'sealing.key']) await cp(join(dataDir, file), join(rest, file))
  const again = await startStack({ beside: sandbox, dataDir: rest, settings: { log } })
  expect(again.hub.log.head).toBe(sent.length)
  expect(await again.post(during)).toMatchObject({ accepted: 0, duplicates: PER_REQUEST })
  await again.post(batch())
  await again.settled()
  expect(sandbox.http.arrivals.view().ids.toSorted()).toEqual(sent.toSorted())
  expect(await again.hub.delivery.checkBooks(current.number)).toMatchObject({
    ...books,
    accepted: sent.length,
    delivered: sent.length,
  })
})
