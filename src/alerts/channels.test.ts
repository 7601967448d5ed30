import { expect, test } from 'vitest'
import { freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import type { About, AlertKind } from './alert.ts'
import { ChannelDefinition, Channels, takes } from './channels.ts'

const ORDERS: About = { sort: 'current', name: 'orders-eu' }

test.each<[kinds: AlertKind[], subjects: string[], kind: AlertKind, about: About, taken: boolean]>([
  [[], [], 'halted', ORDERS, true],
  [['books'], [], 'halted', ORDERS, false],
  [['books', 'halted'], [], 'halted', ORDERS, true],
  [[], ['orders-eu'], 'halted', ORDERS, true],
  [[], ['orders'], 'halted', ORDERS, false],
  [[], ['orders-*'], 'halted', ORDERS, true],
  [[], ['current:orders-*'], 'halted', ORDERS, true],
  [[], ['export:orders-*', '*-eu'], 'halted', ORDERS, true],
  [[], ['export:*'], 'halted', ORDERS, false],
  [[], ['export:*'], 'capacity', { sort: 'export', name: 'a.b' }, true],
  [[], ['aXb'], 'capacity', { sort: 'export', name: 'a.b' }, false],
  [[], ['a.b'], 'capacity', { sort: 'export', name: 'aXb' }, false],
  [['books'], ['orders-*'], 'halted', ORDERS, false],
])('kinds %j and subjects %j take %s of %j: %s', (kinds, subjects, kind, about, taken) => {
  expect(takes({ kinds, subjects }, kind, about)).toBe(taken)
})

const MAIL = {
  name: 'mail',
  kind: 'mail',
  settings: { host: 'mail.example.com', sender: 'hub@example.com' },
}

test('one channel mails the contacts, and a name is given once', async () => {
  const channels = new Channels(await freshStore(), new VirtualClock(1_000))
  const first = await channels.create(ChannelDefinition.parse(MAIL))
  await expect(channels.create(ChannelDefinition.parse({ ...MAIL, name: 'other' }))).rejects.toMatchObject({
    code: 'ALERT_CHANNEL_INVALID',
    message: expect.stringContaining('mail mails the contacts already'),
  })
  await expect(channels.create(ChannelDefinition.parse({ ...MAIL, contacts: false }))).rejects.toMatchObject({
    code: 'ALERT_CHANNEL_INVALID',
  })
  const second = await channels.create(ChannelDefinition.parse({ ...MAIL, name: 'other', contacts: false }))
  await expect(
    channels.change(second.id, ChannelDefinition.parse({ ...MAIL, name: 'other' })),
  ).rejects.toMatchObject({ code: 'ALERT_CHANNEL_INVALID' })
  await channels.remove(first.id)
  await channels.change(second.id, ChannelDefinition.parse(MAIL))
  expect((await channels.list()).map(({ id, definition }) => [id, definition.name])).toEqual([
    [second.id, 'mail'],
  ])
  await expect(channels.get('other')).rejects.toMatchObject({ code: 'ALERT_CHANNEL_UNKNOWN' })
})

test.each([
  [{ ...MAIL, name: 'Not a name' }],
  [{ ...MAIL, settings: { ...MAIL.settings, sender: 'nobody' } }],
  [{ ...MAIL, settings: { ...MAIL.settings, host: 'smtp://mail' } }],
  [{ ...MAIL, to: Array.from({ length: 21 }, (_, i) => `a${i}@example.com`) }],
  [{ ...MAIL, subjects: ['a b'] }],
  [{ name: 'hook', kind: 'webhook', settings: {} }],
  [{ name: 'hook', kind: 'webhook', settings: { url: 'https://user:pass@example.com' } }],
])('%j is no channel', (definition) => {
  expect(ChannelDefinition.safeParse(definition).success).toBe(false)
})
