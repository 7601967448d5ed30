import { expect, test } from 'vitest'
import { connectionOptions, parseLogAddress } from './address.ts'

const DEFAULTS = { user: undefined, password: undefined, tls: false, name: 'thalweg', replicas: undefined }

test.each([
  ['nats://a', { ...DEFAULTS, servers: ['a:4222'] }],
  ['nats://a,b:5,c', { ...DEFAULTS, servers: ['a:4222', 'b:5', 'c:4222'] }],
  ['nats://[::1]:7', { ...DEFAULTS, servers: ['[::1]:7'] }],
  ['tls://a/orders', { ...DEFAULTS, servers: ['a:4222'], tls: true, name: 'orders' }],
  ['nats://a/?replicas=1', { ...DEFAULTS, servers: ['a:4222'], replicas: 1 }],
  [
    'nats://u:p%40ss@a,b/n?replicas=5',
    { servers: ['a:4222', 'b:4222'], user: 'u', password: 'p@ss', tls: false, name: 'n', replicas: 5 },
  ],
  ['nats://u:50%@a', { ...DEFAULTS, servers: ['a:4222'], user: 'u', password: '50%' }],
  ['nats://token@a', { ...DEFAULTS, servers: ['a:4222'], user: 'token' }],
])('%s is an address', (text, expected) => {
  expect(parseLogAddress(text)).toEqual(expected)
})

test.each([
  '',
  'embedded',
  'kafka://a',
  'nats://',
  'nats://a,,b',
  'nats://a b',
  'nats://a/x.y',
  'nats://a?replicas=2',
  'nats://a:x',
])('%j is none', (text) => {
  expect(parseLogAddress(text)).toBeUndefined()
})

test('a file of credentials that cannot be read is named', async () => {
  const address = parseLogAddress('nats://a')
  if (address === undefined) throw new Error('no address')
  await expect(connectionOptions(address, { credsFile: '/no/such.creds' })).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: '/no/such.creds cannot be read',
  })
})
