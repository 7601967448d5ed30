/** One request takes a person out of every store: afterwards no byte of the data directory tells of her, and nobody else has lost anything. */

import { expect, test } from 'vitest'
import type { ErasureWish } from '../../src/erasure/requests.ts'
import { eventually } from '../support/eventually.ts'
import { filesHolding, GIVEN, hers, JANE, others, populate } from '../support/person.ts'
import { type Stack, startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'
import { warehouseRows } from '../support/warehouse-rows.ts'

async function erased({ hub }: Stack, wish: Partial<ErasureWish>, note = '') {
  const { id } = await hub.erasures.create(
    { identifiers: GIVEN, expand: true, suppress: true, targets: [], ...wish },
    'test',
    note,
  )
  return eventually(
    'the erasure is finished',
    async () => {
      const now = await hub.erasures.get(id)
      return now.state === 'finished' ? now : undefined
    },
    { withinMs: 60_000 },
  )
}

const removedFrom = (places: readonly { place: string; removed: number }[], place: string): number =>
  places.find((one) => one.place === place)?.removed ?? 0

test('she is in no store any more; the others, the books and a restart are as before', async () => {
  const dataDir = await tempFolder()
  const stack = await startStack({ dataDir })
  const { hub, sandbox } = stack
  const { authorization, currents } = await populate(stack)
  const accepted = (await hub.delivery.checkBooks(currents[0] ?? 0))?.accepted
  expect(await filesHolding(dataDir)).not.toEqual([])

  // A plan changes nothing, and shows exactly who is meant.
  const plan = await hub.erasures.plan({ identifiers: GIVEN, expand: true })
  expect(plan.identifiers.map(({ kind, value }) => [kind, value]).sort()).toEqual(
    [
      ['external_id', JANE.externalId],
      ['braze_id', JANE.brazeId],
      ['device_id', JANE.device],
      ['email', JANE.email],
      ['email', JANE.privateEmail],
      ['phone', JANE.phone],
    ].sort(),
  )
  const found = Object.fromEntries(plan.places.map(({ place, rows }) => [place, rows]))
  expect(found).toMatchObject({
    log: 24,
    rosters: 3,
    'dead letters': 2,
    'saved queries': 1,
    profiles: 1,
    "profiles, words about them in what is others'": 1,
  })
  expect(found['samples of fields']).toBeGreaterThan(0)
  expect(plan.left).toContainEqual(expect.stringContaining('Current receiver'))

  const { receipt, signature, note, progress } = await erased(
    stack,
    { targets: [authorization] },
    `asked from ${JANE.email}`,
  )
  expect(await filesHolding(dataDir)).toEqual([])
  expect(receipt?.search).toMatchObject({ remaining: [], notSearched: 0 })
  expect(note).toBe('asked from *************************')
  expect(receipt?.targets).toEqual([{ authorization: 'braze', vendor: 'Braze', deleted: 1, problem: '' }])
  expect(sandbox.braze.vendor.profiles.byExternalId(JANE.externalId)).toBeUndefined()
  expect(sandbox.braze.vendor.profiles.size).toBe(3)
  for (const { place, rows } of plan.places)
    expect([place, removedFrom(receipt?.places ?? [], place)]).toEqual([place, rows])
  expect(progress.left).toEqual(plan.left)
  expect(hub.erasures.verify(receipt, signature ?? '')).toBe('ours')
  expect(hub.erasures.verify({ ...receipt, requestedBy: 'somebody else' }, signature ?? '')).toBe(
    'not as it was signed',
  )

  // Everybody else is where they were.
  const rows = await warehouseRows(hub, 'select count(*), count(distinct external_user_id) from events')
  expect(rows).toEqual([[84, 84]])
  expect(await warehouseRows(hub, 'select count(*) from events where email_address is null')).toEqual([[0]])
  for (const number of currents)
    expect(await hub.delivery.checkBooks(number)).toMatchObject({
      accepted,
      pending: 0,
      residue: 0,
      balanced: true,
    })
  const letters = await hub.delivery.letters.list({ limit: 10 })
  expect(letters.map(({ eventId, state }) => [eventId, state]).sort()).toEqual([
    ['hers-100', 'discarded'],
    ['others-100', 'dead'],
    ['others-101', 'dead'],
  ])
  expect(letters.find(({ eventId }) => eventId === 'others-100')?.event).toContain('writes to *****')

  expect(await hub.profiles.lookup('external_id', JANE.externalId)).toBeUndefined()
  expect(await hub.profiles.desk.counts()).toMatchObject({ profiles: 2, identifiers: 4 })
  expect((await hub.profiles.find('external_id', 'customer-1')).fields).toMatchObject({
    first_name: `friend of ${'*'.repeat(JANE.externalId.length)}`,
  })

  // What comes in later is kept out, and counted; a replay brings nothing back.
  await stack.post([
    hers(200),
    others(200),
    { ...hers(201), user: {}, properties: { email_address: JANE.email } },
  ])
  await stack.settled()
  expect(await filesHolding(dataDir)).toEqual([])
  const books = await hub.delivery.checkBooks(currents[0] ?? 0)
  expect(books?.balanced).toBe(true)
  expect(books?.reasons).toContainEqual({ outcome: 'filtered', reason: 'suppressed', count: 1 })
  const replay = await hub.delivery.replay(currents[2] ?? 0, {
    fromMs: 0,
    toMs: hub.clock.now() + 1,
    types: [],
  })
  await eventually(
    'the replay is over',
    async () => (await hub.delivery.getReplay(replay.id)).state === 'finished',
  )
  expect(await filesHolding(dataDir)).toEqual([])

  await hub.close()
  expect(await filesHolding(dataDir)).toEqual([])
  const again = await startStack({ dataDir, beside: sandbox })
  await again.post([hers(300), others(300)])
  await again.settled()
  expect(await filesHolding(dataDir)).toEqual([])
  for (const number of currents)
    expect(await again.hub.delivery.checkBooks(number)).toMatchObject({
      pending: 0,
      residue: 0,
      balanced: true,
    })
  expect(again.hub.erasures.verify(receipt, signature ?? '')).toBe('ours')

  // Lifted, she may come back as somebody new.
  expect(await again.hub.erasures.lift(receipt?.erasure ?? '')).toBeGreaterThan(0)
  await again.post([hers(400)])
  await again.settled()
  expect(
    await warehouseRows(
      again.hub,
      `select count(*) from events where external_user_id = '${JANE.externalId}'`,
    ),
  ).toEqual([[1]])
})

test('what a connection holds in memory during an outage is given up, and not delivered after all', async () => {
  const dataDir = await tempFolder()
  const stack = await startStack({ dataDir })
  const { hub, sandbox } = stack
  sandbox.http.faults.set([{ kind: 'status', status: 503 }])
  const current = await stack.launch('receiver', {
    kind: 'http',
    settings: { url: `${sandbox.addresses.http}/events` },
    credentials: {},
  })
  await stack.post([hers(1), others(1), hers(2)])
  await eventually(
    'the gate is closed',
    async () => (await hub.delivery.status(current.number)).gate === 'closed',
  )
  await erased(stack, { suppress: false })
  sandbox.http.faults.set([])
  await stack.settled()
  expect(await hub.delivery.checkBooks(current.number)).toMatchObject({
    accepted: 3,
    delivered: 1,
    filtered: 2,
    balanced: true,
    reasons: expect.arrayContaining([{ outcome: 'filtered', reason: 'erased', count: 2 }]),
  })
  expect(await filesHolding(dataDir)).toEqual([])
})
