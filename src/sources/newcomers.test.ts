/** A sender whom another node let in a moment ago is let in, and a stranger is turned away all the same. */

import { expect, onTestFinished, test } from 'vitest'
import { pause, systemClock } from '../core/clock.ts'
import { type DoorsUnderTest, openDoorsUnderTest } from './doors.fixture.ts'

const TOKEN = 'a-token-that-is-long-enough'
const EVENT = '{"events":[{"id":"1","event_type":"users.messages.email.Open","time":1700000000}]}'

/** Doors whose sources are read again; `then`: what another node has made by the nth time. */
async function doorsOf(then: (doors: DoorsUnderTest, time: number) => Promise<unknown>) {
  let times = 0
  const doors = await openDoorsUnderTest({
    clock: systemClock,
    refresh: async () => {
      times++
      await then(doors, times)
    },
  })
  onTestFinished(() => doors.close())
  const send = (path: string, headers: Record<string, string>, body = EVENT) =>
    fetch(`${doors.origin}${path}`, { method: 'POST', headers, body }).then(({ status }) => status)
  return { send, doors, times: () => times }
}

const makeBraze = ({ sources }: DoorsUnderTest) =>
  sources.create({ name: 'news', kind: 'braze-currents', settings: {}, token: TOKEN })

test('the first request of a source that another node has just made is kept', async () => {
  // Longer than what waits unread: the rest comes when its sender is known.
  const long = EVENT.replace('"id"', `"text":"${'x'.repeat(300_000)}","id"`)
  const { send, doors, times } = await doorsOf(async (made) => {
    await pause(50)
    await makeBraze(made)
  })
  expect(await send('/currents/news', { authorization: `Bearer ${TOKEN}` }, long)).toBe(200)
  expect((await doors.kept()).map(({ text }) => text.length)).toEqual([long.length - '{"events":[]}'.length])
  expect(times()).toBe(1)
  expect(await send('/currents/news', { authorization: `Bearer ${TOKEN}` })).toBe(200)
  expect(times()).toBe(1)
})

test('so is that of a key in a header of Segment, and of a token of Lytics', async () => {
  const { send, doors } = await doorsOf(async ({ sources }, time) =>
    time === 1
      ? sources.create({ name: 'site', kind: 'segment', settings: {}, token: TOKEN })
      : sources.create({ name: 'rows', kind: 'lytics', settings: { account: '1' }, token: `${TOKEN}-2` }),
  )
  const basic = `Basic ${Buffer.from(`${TOKEN}:`).toString('base64')}`
  const call = '{"type":"track","event":"Seen","userId":"u","messageId":"m"}'
  expect(await send('/v1/track', { authorization: basic, 'content-type': 'application/json' }, call)).toBe(
    200,
  )
  const row = { authorization: `${TOKEN}-2`, 'content-type': 'application/json' }
  expect(await send('/collect/json/users', row, '{"user_id":"u"}')).toBe(200)
  expect(await doors.kept()).toHaveLength(2)
})

test('a token that another node has added opens the source that is known', async () => {
  const { send, doors } = await doorsOf(({ sources }) => sources.addToken('news', 'second', `${TOKEN}-2`))
  await makeBraze(doors)
  expect(await send('/currents/news', { authorization: `Bearer ${TOKEN}-2` })).toBe(200)
})

test('strangers are turned away after one look, however many come at once', async () => {
  const { send, times } = await doorsOf(async () => undefined)
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => send(`/currents/x${i}`, { authorization: 'Bearer of-nobody' })),
  )
  expect(new Set(answers)).toEqual(new Set([401]))
  expect(times()).toBeLessThanOrEqual(3)
})

test('while the store is away, strangers are turned away', async () => {
  const { send } = await doorsOf(() => Promise.reject(new Error('The store is away')))
  expect(await send('/currents/news', { authorization: `Bearer ${TOKEN}` })).toBe(401)
})
