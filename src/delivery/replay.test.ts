import { describe, expect, test } from 'vitest'
import type { Current } from '../currents/current.ts'
import {
  type Answer,
  accept,
  CLICK,
  DeliveryUnderTest,
  idsIn,
  OPEN,
  opens,
  passTime,
  reply,
  START_MS,
} from './delivery.fixture.ts'
import type { Replay, ReplayState } from './replay.ts'

const MINUTE_MS = 60_000
const ALL = { fromMs: START_MS, toMs: START_MS + 100 * MINUTE_MS, types: [] }

/** Five minutes with ten opens and a click each, all delivered; `launchAfter` minutes lie before the launch. */
async function withHistory(launchAfter = 0) {
  const under = await DeliveryUnderTest.open()
  let current: Current | undefined
  for (let minute = 0; minute < 5; minute++) {
    if (minute === launchAfter) current = await under.launch('a', {}, 'now')
    const click = { id: `c${minute}`, type: CLICK, person: 'p' }
    await accept(under.log, {
      receivedAt: START_MS + minute * MINUTE_MS,
      events: [...opens(10, `m${minute}-`), click],
    })
  }
  if (current === undefined) throw new Error('not launched')
  await under.settled(current.number)
  const { number } = current
  const reached = (id: string, state: ReplayState): Promise<Replay> =>
    passTime(under.clock, `the replay is ${state}`, async () => {
      const replay = await under.delivery.getReplay(id)
      return replay.state === state && replay
    })
  under.vendor.sent.length = 0
  return { under, number, reached }
}

describe('a preview', () => {
  test('counts the window without sending anything', async () => {
    const { under, number } = await withHistory(2)
    await under.delivery.pause(number, '')
    await accept(under.log, { receivedAt: START_MS + 5 * MINUTE_MS, events: opens(3, 'late') })
    const minutes = (from: number, to: number) => ({
      fromMs: START_MS + from * MINUTE_MS,
      toMs: START_MS + to * MINUTE_MS,
    })
    expect(
      await under.delivery.previewReplay(number, { ...minutes(1, 9), types: ['users.messages.email.Open'] }),
    ).toEqual({
      fromOffset: 11,
      toOffset: 58,
      records: 47,
      selected: 43,
      alreadySettled: 30,
      pending: 3,
      beforeLaunch: 10,
      byType: [{ type: OPEN, count: 43 }],
      outOfOrder: true,
    })
    expect(await under.delivery.previewReplay(number, { ...minutes(6, 9), types: [] })).toMatchObject({
      records: 0,
      selected: 0,
      outOfOrder: false,
    })
    expect(under.vendor.sent).toEqual([])
  })

  test.each([
    { fromMs: 10, toMs: 10, types: [] },
    { fromMs: 10, toMs: 9, types: [] },
  ])('from $fromMs to $toMs is refused', async (window) => {
    const { under, number } = await withHistory()
    await expect(under.delivery.previewReplay(number, window)).rejects.toMatchObject({
      code: 'REPLAY_INVALID',
    })
    await expect(under.delivery.replay(number, window)).rejects.toMatchObject({ code: 'REPLAY_INVALID' })
  })
})

test('sends the chosen types of the window again, and leaves the books alone', async () => {
  const { under, number, reached } = await withHistory()
  const before = await under.ledger(number)
  const window = { fromMs: START_MS + MINUTE_MS, toMs: START_MS + 3 * MINUTE_MS, types: [CLICK] }
  const { id } = await under.delivery.replay(number, window)
  expect(await reached(id, 'finished')).toMatchObject({
    fromOffset: 11,
    toOffset: 33,
    position: 33,
    selected: 2,
    delivered: 2,
    dead: 0,
    skipped: 0,
  })
  expect(under.sentIds()).toEqual(['c1', 'c2'])
  expect(await under.ledger(number)).toEqual(before)
  expect(await under.delivery.checkBooks(number)).toMatchObject({ balanced: true })
  expect(await under.delivery.replays(number)).toMatchObject([{ id, state: 'finished' }])
})

test('records refused again become letters of the replay, outside of the ledger', async () => {
  const { under, number, reached } = await withHistory()
  under.vendor.answer = ({ body }) => reply(idsIn(body).includes('c1') ? 400 : 200)
  const { id } = await under.delivery.replay(number, ALL)
  expect(await reached(id, 'finished')).toMatchObject({ selected: 55, delivered: 54, dead: 1 })
  const [letter] = await under.delivery.letters.list({ limit: 10 })
  expect(letter).toMatchObject({ eventId: 'c1', replay: id, state: 'dead' })
  under.vendor.answer = () => reply(200)
  await under.delivery.redrive([letter?.id ?? ''], '')
  await passTime(
    under.clock,
    'it was redriven',
    async () => (await under.delivery.letters.counts(number)).delivered === 1,
  )
  expect(await under.ledger(number)).toEqual({ delivered: 55 })
})

/** A vendor that takes what it is sent one by one, as the test lets it. */
function turnstile(under: DeliveryUnderTest) {
  const waiting: (() => void)[] = []
  under.vendor.answer = () => new Promise<Answer>((resolve) => void waiting.push(() => resolve(reply(200))))
  const next = async (): Promise<void> => {
    await passTime(under.clock, 'a request waits', () => waiting.length > 0)
    waiting.shift()?.()
    await passTime(under.clock, 'it was taken', () => under.vendor.underWay === 0 || waiting.length > 0)
  }
  const open = (): void => {
    under.vendor.answer = () => reply(200)
  }
  return { next, open }
}

async function slowReplay() {
  const history = await withHistory()
  const { under, number } = history
  // One record per request, so that it can be stopped in the middle.
  await under.delivery.revise(
    number,
    {
      ...(await under.currents.get(number)).definition,
      delivery: { waitMs: 0, recordsMax: 1, ordering: 'none' },
    },
    '',
  )
  const gate = turnstile(under)
  const { id } = await under.delivery.replay(number, ALL)
  for (let i = 0; i < 5; i++) await gate.next()
  await passTime(
    under.clock,
    'some is recorded',
    async () => (await under.delivery.getReplay(id)).delivered >= 4,
  )
  return { ...history, id, gate }
}

test('pauses, stays where it is, and goes on to the end without a hole', async () => {
  const { under, id, gate, reached, number } = await slowReplay()
  const paused = await under.delivery.pauseReplay(id)
  expect(paused.state).toBe('paused')
  const sent = under.vendor.sent.length
  await under.clock.advance(10_000)
  expect(under.vendor.sent.length).toBe(sent)
  await expect(under.delivery.pauseReplay(id)).rejects.toMatchObject({ code: 'REPLAY_INVALID' })
  gate.open()
  await under.delivery.resumeReplay(id)
  expect(await reached(id, 'finished')).toMatchObject({ selected: 55, delivered: 55 })
  expect(new Set(under.sentIds()).size).toBe(55)
  await expect(under.delivery.resumeReplay(id)).rejects.toMatchObject({ code: 'REPLAY_INVALID' })
  expect(await under.delivery.checkBooks(number)).toMatchObject({ balanced: true })
})

test.each(['running', 'paused'] as const)('is cancelled for good while %s', async (state) => {
  const { under, id } = await slowReplay()
  if (state === 'paused') await under.delivery.pauseReplay(id)
  expect((await under.delivery.cancelReplay(id)).state).toBe('cancelled')
  const sent = under.vendor.sent.length
  await under.clock.advance(10_000)
  expect(under.vendor.sent.length).toBe(sent)
  await expect(under.delivery.resumeReplay(id)).rejects.toMatchObject({ code: 'REPLAY_INVALID' })
})

test('goes on after a restart from what was recorded', async () => {
  const { under, id, gate, reached } = await slowReplay()
  await under.delivery.stop()
  const { position, delivered } = await under.delivery.getReplay(id)
  expect(delivered).toBe(position)
  gate.open()
  under.vendor.sent.length = 0
  under.delivery = under.made()
  await under.delivery.start()
  expect(await reached(id, 'finished')).toMatchObject({ selected: 55, delivered: 55 })
  expect(under.vendor.sent).toHaveLength(55 - position)
})

test.each(['away', 'answer-lost'] as const)(
  'a store that is %s does not fail it or count twice',
  async (mood) => {
    const { under, number, reached } = await withHistory()
    under.store.next = [mood, mood]
    const { id } = await under.delivery.replay(number, ALL)
    expect(await reached(id, 'finished')).toMatchObject({ selected: 55, delivered: 55, position: 55 })
  },
)

test('a fault that needs a person fails it with the reason; the live flow goes on; it can be resumed', async () => {
  const { under, number, reached } = await withHistory()
  under.vendor.answer = () => reply(401)
  const { id } = await under.delivery.replay(number, ALL)
  expect(await reached(id, 'failed')).toMatchObject({ reason: expect.stringContaining('401'), delivered: 0 })
  under.vendor.answer = () => reply(200)
  await accept(under.log, { receivedAt: START_MS + 9 * MINUTE_MS, events: opens(1, 'late') })
  await under.settled(number)
  expect((await under.currents.get(number)).state).toBe('running')
  await under.delivery.resumeReplay(id)
  await reached(id, 'finished')
})

test('only a running current replays; removing it cancels', async () => {
  const { under, number, id, gate } = await slowReplay()
  await under.delivery.pause(number, '')
  await expect(under.delivery.replay(number, ALL)).rejects.toMatchObject({ code: 'CURRENT_STATE' })
  expect((await under.delivery.getReplay(id)).state).toBe('running')
  await under.delivery.remove(number)
  gate.open()
  expect((await under.delivery.getReplay(id)).state).toBe('cancelled')
  await expect(under.delivery.getReplay('nobody')).rejects.toMatchObject({ code: 'REPLAY_UNKNOWN' })
})
