import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { ThalwegError } from './errors.ts'
import { type Overrides, readSettings, settingRows } from './settings.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')

function refusal(env: Record<string, string>, overrides: Overrides = {}): string {
  try {
    readSettings(env, overrides)
  } catch (error) {
    if (error instanceof ThalwegError && error.code === 'SETTINGS_INVALID') return error.message
    throw error
  }
  throw new Error('the settings were taken')
}

test('without any variable the documented defaults hold', () => {
  const settings = readSettings({})
  expect(settings).toMatchObject({
    port: 7070,
    host: '127.0.0.1',
    dataDir: resolve('.thalweg'),
    key: undefined,
    sandboxPort: 7080,
    logLevel: 'info',
    bodyBytesMax: 16 * 1024 ** 2,
    decompressedBytesMax: 64 * 1024 ** 2,
    itemsMax: 50_000,
    bodyTimeoutMs: 30_000,
    bytesInFlightMax: 128 * 1024 ** 2,
    segmentBytes: 128 * 1024 ** 2,
    retentionAgeMs: 30 * 86_400_000,
    retentionBytes: 20e9,
    dedupeWindowMs: 8 * 86_400_000,
  })
  expect(settings.store.reveal()).toBe(`sqlite:${resolve('.thalweg/store.db')}`)
  expect(settings.log.reveal()).toBe('embedded')
  expect(Object.isFrozen(settings)).toBe(true)
})

test('every default of the table is within its own bounds, and every row is fit for the reference page', () => {
  const rows = settingRows()
  const defaults = Object.fromEntries(rows.map((row) => [row.env, row.fallback]))
  const { written: _from, ...settings } = readSettings(defaults)
  expect(readSettings({})).toMatchObject(settings)
  expect(new Set(rows.map((row) => row.env)).size).toBe(rows.length)
  for (const row of rows) {
    expect(row.env).toMatch(/^THALWEG_[A-Z_]+$/)
    expect(row.description).toMatch(/^[A-Z].*[.\w]$/)
    expect(row.allowed).not.toBe('')
  }
})

test('the command line wins over the environment, the environment over the default, and empty means absent', () => {
  const env = { THALWEG_PORT: '1', THALWEG_SANDBOX_PORT: '2', THALWEG_HOST: '' }
  const settings = readSettings(env, { port: 0, sandboxPort: undefined, logLevel: '' })
  expect(settings).toMatchObject({ port: 0, sandboxPort: 2, host: '127.0.0.1', logLevel: 'info' })
})

test('the embedded database follows the data folder unless it is named', () => {
  expect(readSettings({ THALWEG_DATA: '/d' }).store.reveal()).toBe('sqlite:/d/store.db')
  expect(readSettings({ THALWEG_DATA: '/d', THALWEG_STORE: 'sqlite:/e/x.db' }).store.reveal()).toBe(
    'sqlite:/e/x.db',
  )
  expect(readSettings({}, { store: 'postgres://u@h/d' }).store.reveal()).toBe('postgres://u@h/d')
})

test.each([
  ['THALWEG_BODY_BYTES_MAX', '2048', { bodyBytesMax: 2048 }],
  ['THALWEG_BODY_BYTES_MAX', '1 MiB', { bodyBytesMax: 1_048_576 }],
  ['THALWEG_BODY_BYTES_MAX', '1mb', { bodyBytesMax: 1_000_000 }],
  ['THALWEG_RETENTION_BYTES', '2TB', { retentionBytes: 2e12 }],
  ['THALWEG_RETENTION_AGE', '48h', { retentionAgeMs: 172_800_000 }],
  ['THALWEG_BODY_TIMEOUT', '1500', { bodyTimeoutMs: 1500 }],
  ['THALWEG_BODY_TIMEOUT', '2m', { bodyTimeoutMs: 120_000 }],
  ['THALWEG_DEDUPE_WINDOW', '0', { dedupeWindowMs: 0 }],
  ['THALWEG_DEDUPE_MEMORY_IDS', '10_000_000', { dedupeMemoryIds: 10_000_000 }],
  ['THALWEG_PORT', '65535', { port: 65_535 }],
  ['THALWEG_SESSION_IDLE', '30m', { sessionIdleMs: 1_800_000 }],
  ['THALWEG_TRUSTED_PROXIES', '127.0.0.1, fd00::/8', { trustedProxies: ['127.0.0.1', 'fd00::/8'] }],
])('%s=%s', (name, value, expected) => {
  expect(readSettings({ [name]: value })).toMatchObject(expected)
})

test.each([
  ['THALWEG_PORT', '65536', 'a whole number from 0 to 65535'],
  ['THALWEG_PORT', '-1', 'a whole number'],
  ['THALWEG_PORT', '70.5', 'a whole number'],
  ['THALWEG_PORT', '7070m', 'a whole number'],
  ['THALWEG_PORT', 'http', 'a whole number'],
  ['THALWEG_BODY_BYTES_MAX', '1', 'bytes from 1 KiB to 256 MiB'],
  ['THALWEG_BODY_BYTES_MAX', '1 EB', 'bytes from'],
  ['THALWEG_RETENTION_AGE', '5s', 'a time from 1 m to 3650 d'],
  ['THALWEG_TRUSTED_PROXIES', 'proxy.example', 'addresses and networks'],
  ['THALWEG_TRUSTED_PROXIES', '10.0.0.0/33', 'addresses and networks'],
  ['THALWEG_LOG_LEVEL', 'loud', 'trace, debug, info'],
])('%s=%s is refused, by name, value and what is allowed', (name, value, allowed) => {
  const message = refusal({ [name]: value })
  expect(message).toContain(`${name}="${value}"`)
  expect(message).toContain(allowed)
})

test('all bad values are told at once', () => {
  const message = refusal({ THALWEG_PORT: 'x' }, { logLevel: 'y' })
  expect(message.split('\n')).toHaveLength(2)
})

test.each([
  ['THALWEG_KEY', 'geheim'],
  ['THALWEG_STORE', 'mysql://u:geheim@h/d'],
  ['THALWEG_LOG', 'kafka://u:geheim@h'],
])('a bad value of %s is not told', (name, value) => {
  const message = refusal({ [name]: value })
  expect(message).toContain(name)
  expect(message).not.toContain('geheim')
})

test('keys and passwords do not show when the settings are printed', () => {
  const settings = readSettings({
    THALWEG_KEY: KEY,
    THALWEG_STORE: 'postgres://u:geheim@h/d',
    THALWEG_LOG: 'nats://u:geheim@h',
  })
  expect(settings.key?.reveal()).toBe(KEY)
  for (const shown of [JSON.stringify(settings), inspect(settings)]) {
    expect(shown).not.toContain(KEY)
    expect(shown).not.toContain('geheim')
  }
})

test.each([
  [
    { THALWEG_DECOMPRESSED_BYTES_MAX: '8MiB' },
    'THALWEG_DECOMPRESSED_BYTES_MAX must be at least THALWEG_BODY_BYTES_MAX',
  ],
  [{ THALWEG_SEGMENT_BYTES: '64MiB' }, 'THALWEG_SEGMENT_BYTES must be at least twice'],
  [{ THALWEG_BYTES_IN_FLIGHT_MAX: '32MiB' }, 'THALWEG_BYTES_IN_FLIGHT_MAX must be at least'],
  [{ THALWEG_RETENTION_BYTES: '200MB' }, 'THALWEG_RETENTION_BYTES must be at least twice'],
])('values that do not fit together are refused: %j', (env, what) => {
  expect(refusal(env as Record<string, string>)).toContain(what)
})
