import { expect, test } from 'vitest'
import { freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import { Alerts } from './alerts.ts'

const TROUBLE = {
  kind: 'halted',
  contact: 'a@example.com',
  about: { sort: 'current', name: 'one' },
  subject: 'It halts',
  detail: 'first',
} as const

async function openAlerts() {
  const clock = new VirtualClock(1_000)
  const store = await freshStore('sqlite', clock)
  return { clock, alerts: new Alerts(store, clock) }
}

test('one is open per kind and current; raising it again renews what it says', async () => {
  const { alerts, clock } = await openAlerts()
  await alerts.raise({ ...TROUBLE, current: 1 })
  await clock.advance(5)
  await alerts.raise({ ...TROUBLE, current: 1, detail: 'second' })
  await alerts.raise({ ...TROUBLE, current: 2 })
  await alerts.raise({ ...TROUBLE, current: null, kind: 'log-corrupt' })
  await alerts.raise({ ...TROUBLE, current: null, kind: 'log-corrupt' })
  await alerts.raise({ ...TROUBLE, current: 1, kind: 'books' })
  const open = await alerts.list({ open: true })
  expect(open.map(({ current, kind }) => `${current} ${kind}`).sort()).toEqual([
    '1 books',
    '1 halted',
    '2 halted',
    'null log-corrupt',
  ])
  expect(open.find(({ current, kind }) => current === 1 && kind === 'halted')).toMatchObject({
    detail: 'second',
    createdAt: 1_000,
    resolvedAt: null,
  })
})

test('a resolved one stays on record, and the same trouble later is a new one', async () => {
  const { alerts, clock } = await openAlerts()
  await alerts.raise({ ...TROUBLE, current: 1 })
  await alerts.raise({ ...TROUBLE, current: 1, kind: 'books' })
  await clock.advance(10)
  await alerts.resolve(1, ['halted', 'deferred-long'])
  expect((await alerts.list({ open: true })).map(({ kind }) => kind)).toEqual(['books'])
  await alerts.raise({ ...TROUBLE, current: 1 })
  const halted = (await alerts.list({ current: 1 })).filter(({ kind }) => kind === 'halted')
  expect(halted.map(({ createdAt, resolvedAt }) => [createdAt, resolvedAt])).toEqual([
    [1_010, null],
    [1_000, 1_010],
  ])
})
