/** A batch of 100 of which the vendor refuses 3: 97 delivered, 3 dead with its reason, each redrivable after an edit. */

import { expect, test } from 'vitest'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import {
  type Destination,
  event,
  httpSink,
  segment,
  startStack,
  treasureDataRecords,
} from '../support/stack.ts'

const REFUSED = ['e7', 'e42', 'e99']

const cases: {
  vendor: string
  destination: (sandbox: Sandbox) => Destination
  double: (sandbox: Sandbox) => Sandbox['treasureData'] | Sandbox['http'] | Sandbox['segment']
  reason: RegExp
}[] = [
  // The records API answers per record; the others refuse the whole request, so the batch is halved until the bad ones stand alone.
  {
    vendor: 'Treasure Data records',
    destination: treasureDataRecords,
    double: (sandbox) => sandbox.treasureData,
    reason: /InvalidPropertyValueError/,
  },
  { vendor: 'generic HTTP', destination: httpSink, double: (sandbox) => sandbox.http, reason: /400/ },
  {
    vendor: 'Segment',
    destination: segment,
    double: (sandbox) => sandbox.segment,
    reason: /could not read.*InvalidPropertyValueError/s,
  },
]

test.each(cases)('$vendor', async ({ destination, double, reason }) => {
  const stack = await startStack()
  const { hub, sandbox } = stack
  const vendor = double(sandbox)
  const current = await stack.launch('c', destination(sandbox))
  vendor.faults.set([{ kind: 'refuse', property: 'properties.verdict', equals: 'refuse' }])

  const ids = Array.from({ length: 100 }, (_, i) => `e${i}`)
  await stack.post(
    ids.map((id) => event(id, { properties: { verdict: REFUSED.includes(id) ? 'refuse' : 'take' } })),
  )
  await stack.settled()

  expect(await hub.delivery.checkBooks(current.number)).toMatchObject({
    accepted: 100,
    delivered: 97,
    dead: 3,
    filtered: 0,
    pending: 0,
    balanced: true,
  })
  const letters = await hub.delivery.letters.list({ current: current.number, limit: 10 })
  expect(letters.map((letter) => letter.eventId).sort()).toEqual(REFUSED.toSorted())
  for (const letter of letters) {
    expect(`${letter.message} ${letter.answer}`).toMatch(reason)
    expect(JSON.parse(letter.sent)).toHaveProperty('url')
    expect(JSON.parse(letter.event)).toMatchObject({ id: letter.eventId, properties: { verdict: 'refuse' } })
  }

  // Sent again as they are, they are refused again, and stay dead with the attempt counted.
  const [first] = letters
  await hub.delivery.redrive([first?.id ?? ''], 'as it is')
  await eventually('the second refusal', async () => {
    const letter = await hub.delivery.letters.get(first?.id ?? '')
    return letter.state === 'dead' && letter.attempts > (first?.attempts ?? 0)
  })

  for (const letter of letters) {
    await hub.delivery.letters.edit(letter.id, letter.event.replace('"refuse"', '"take"'))
  }
  await hub.delivery.redrive(
    letters.map((letter) => letter.id),
    'verdict corrected',
  )
  await eventually(
    'the redrive',
    async () => (await hub.delivery.letters.counts(current.number)).delivered === 3,
  )

  expect(await hub.delivery.checkBooks(current.number)).toMatchObject({
    accepted: 100,
    delivered: 100,
    dead: 0,
    pending: 0,
    balanced: true,
  })
  const arrived = vendor.arrivals.counts()
  expect(arrived.size).toBe(100)
})
