import { describe, expect, test } from 'vitest'
import type { Current } from '../currents/current.ts'
import {
  type Answer,
  accept,
  CLICK,
  DeliveryUnderTest,
  idsIn,
  opens,
  passTime,
  reply,
  type Sent,
} from './delivery.fixture.ts'

/** A current of which one event in four was refused. */
async function withDeadLetters(refused: (id: string) => boolean = (id) => Number(id.slice(1)) % 4 === 3) {
  const rule = { refused }
  const under = await DeliveryUnderTest.open({
    answer: ({ body }: Sent): Answer =>
      idsIn(body).some((id) => rule.refused(id)) ? reply(400, 'bad') : reply(200),
  })
  const current = await under.launch('a')
  await accept(under.log, { events: opens(12) })
  await under.settled(current.number)
  const dead = await under.delivery.letters.list({ limit: 10, state: 'dead' })
  expect(dead.map(({ eventId }) => eventId).sort()).toEqual(['e11', 'e3', 'e7'])
  return {
    under,
    rule,
    current,
    dead,
    byId: (id: string) => dead.find(({ eventId }) => eventId === id)?.id ?? '',
  }
}

function finished(under: DeliveryUnderTest, current: Current) {
  return passTime(under.clock, 'nothing is queued', async () => {
    const counts = await under.delivery.letters.counts(current.number)
    return counts.queued === 0 && counts
  })
}

test('accepted letters move from dead to delivered in the ledger', async () => {
  const { under, rule, current, dead } = await withDeadLetters()
  rule.refused = () => false
  expect(
    await under.delivery.redrive(
      dead.map(({ id }) => id),
      'again',
    ),
  ).toBe(3)
  expect(await finished(under, current)).toEqual({ dead: 0, queued: 0, delivered: 3, discarded: 0 })
  expect(await under.ledger(current.number)).toEqual({ delivered: 12 })
  expect(await under.delivery.checkBooks(current.number)).toMatchObject({
    balanced: true,
    delivered: 12,
    dead: 0,
  })
  expect(idsIn(under.vendor.sent.at(-1)?.body ?? '')).toEqual(['e3', 'e7', 'e11'])
})

test('refused ones are dead again with the new answer, and the ledger stays', async () => {
  const { under, current, byId } = await withDeadLetters()
  under.vendor.answer = () => reply(413, 'too big now')
  await under.delivery.redrive([byId('e3')], 'again')
  await finished(under, current)
  expect(await under.delivery.letters.get(byId('e3'))).toMatchObject({
    state: 'dead',
    fault: 'oversized',
    reason: 'invalid',
    status: 413,
    answer: 'too big now',
    note: 'again',
  })
  expect(await under.ledger(current.number)).toEqual({ delivered: 9, 'dead invalid': 3 })
  expect(await under.delivery.checkBooks(current.number)).toMatchObject({ balanced: true })
})

test('an edited letter goes out as edited; the ledger keeps the accepted type', async () => {
  const { under, current, byId } = await withDeadLetters()
  const edited = JSON.stringify({ id: 'mended', event_type: CLICK, user: {} })
  await under.delivery.letters.edit(byId('e3'), edited)
  await under.delivery.redrive([byId('e3')], '')
  await finished(under, current)
  expect(under.vendor.sent.at(-1)?.body).toBe(`{"events":[${edited}]}`)
  expect(await under.delivery.checkBooks(current.number)).toMatchObject({
    balanced: true,
    delivered: 10,
    dead: 2,
  })
})

test('one good and one bad letter each get their own outcome', async () => {
  const { under, rule, current, byId } = await withDeadLetters()
  rule.refused = (id) => id === 'e7'
  await under.delivery.redrive([byId('e3'), byId('e7')], '')
  expect(await finished(under, current)).toMatchObject({ dead: 2, delivered: 1 })
})

test('letters queued while nothing runs go out when the current runs again', async () => {
  const { under, rule, current, byId } = await withDeadLetters()
  rule.refused = () => false
  await under.delivery.pause(current.number, '')
  await under.delivery.redrive([byId('e3')], '')
  await under.clock.advance(10_000)
  expect(await under.delivery.letters.counts(current.number)).toMatchObject({ queued: 1 })
  await under.delivery.resume(current.number)
  expect(await finished(under, current)).toMatchObject({ delivered: 1 })
})

test('a stop in the middle leaves them queued for the next start', async () => {
  const { under, current, byId } = await withDeadLetters()
  under.vendor.answer = () => reply(503)
  await under.delivery.redrive([byId('e3')], '')
  await under.clock.advance(100)
  await under.delivery.stop()
  expect(await under.delivery.letters.counts(current.number)).toMatchObject({ queued: 1, dead: 2 })
  under.vendor.answer = () => reply(200)
  under.delivery = under.made()
  await under.delivery.start()
  expect(await finished(under, current)).toMatchObject({ delivered: 1 })
})

describe('while the store is away', () => {
  test.each(['away', 'answer-lost'] as const)('%s: it is tried again, and counted once', async (mood) => {
    const { under, rule, current, byId } = await withDeadLetters()
    rule.refused = () => false
    // The first transaction queues; the second closes the letters.
    under.store.next = ['well', mood]
    await under.delivery.redrive([byId('e3')], '')
    expect(await finished(under, current)).toMatchObject({ delivered: 1, dead: 2 })
    expect(await under.ledger(current.number)).toEqual({ delivered: 10, 'dead invalid': 2 })
  })
})

test('a redrive that meets a fault for a person halts the current with it, and goes on with it', async () => {
  const { under, current, byId } = await withDeadLetters()
  under.vendor.answer = () => reply(401)
  await under.delivery.redrive([byId('e3')], '')
  await under.halted(current.number)
  under.vendor.answer = () => reply(200)
  await accept(under.log, { events: opens(1, 'late') })
  expect(await finished(under, current)).toMatchObject({ delivered: 1 })
  expect((await under.currents.get(current.number)).state).toBe('running')
})

test('one discarded while it is on its way stays discarded and dead', async () => {
  const { under, current, byId } = await withDeadLetters()
  let give: (answer: Answer) => void = () => undefined
  under.vendor.answer = () =>
    new Promise((resolve) => {
      give = resolve
    })
  const sent = under.vendor.sent.length
  await under.delivery.redrive([byId('e3')], '')
  await passTime(under.clock, 'it is on its way', () => under.vendor.sent.length > sent)
  await under.delivery.letters.discard(byId('e3'), 'never mind')
  give(reply(200))
  await passTime(under.clock, 'it is over', () => under.vendor.underWay === 0)
  await under.clock.advance(100)
  expect(await under.delivery.letters.counts(current.number)).toMatchObject({ discarded: 1, delivered: 0 })
  expect(await under.delivery.checkBooks(current.number)).toMatchObject({ balanced: true, dead: 3 })
})
