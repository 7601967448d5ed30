import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { embeddedWarehouse, event, httpSink } from '../../test/support/stack.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { VirtualClock } from '../core/clock.ts'
import { readSettings } from '../core/settings.ts'
import { startApi } from './api.fixture.ts'
import { DiskWatch, trendOf } from './disk.ts'

test('tells what takes the disk, who reads the log how far behind, and what runs', async () => {
  const stack = await startApi()
  await stack.launch('hook', httpSink(stack.sandbox))
  await stack.launch('rows', embeddedWarehouse())
  await stack.post([event('e1'), event('e2')])
  await stack.settled()
  stack.sandbox.http.faults.set([{ kind: 'status', status: 503 }])
  await stack.post([event('e3')])
  const { json, text } = await stack.call('viewer', 'GET', '/api/v1/system')
  const parts = new Map(
    json.disk.parts.map(({ name, bytes }: { name: string; bytes: number }) => [name, bytes]),
  )
  for (const name of ['log', 'dedupe', 'store', 'warehouse']) expect(parts.get(name), name).toBeGreaterThan(0)
  expect(json.disk.trend).toBeNull()
  const hook = json.readers.find(({ current }: { current: string }) => current === 'hook')
  expect(hook).toMatchObject({ position: 2, lag: 1 })
  expect(hook.lagMs).toBeGreaterThanOrEqual(0)
  expect(json.readers[0].lag).toBeGreaterThanOrEqual(hook.lag)
  expect(json.processes.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(['hub', 'warehouse']),
  )
  for (const { residentBytes } of json.processes) expect(residentBytes).toBeGreaterThan(1_000_000)
  expect(json.store).toMatchObject({ dialect: 'sqlite', version: expect.stringMatching(/^3\./) })
  expect(json.store.step).toBeGreaterThan(0)
  expect(json.retention.log).toMatchObject({ ageMs: 30 * 86_400_000, frees: { segments: 0, heldBy: [] } })
  const setting = (name: string) => json.settings.find((one: { name: string }) => one.name === name)
  expect(setting('dataDir')).toMatchObject({ env: 'THALWEG_DATA', from: 'command line' })
  expect(setting('retentionAgeMs')).toMatchObject({ value: '30d', from: 'default' })
  expect(text).not.toContain(stack.secrets.admin)
})

test('settings say where they come from, and secrets only that they are set', () => {
  const { written } = readSettings(
    { THALWEG_STORE: 'postgres://hub:secret@db/thalweg', THALWEG_KEY: 'ab'.repeat(32), THALWEG_HOST: '::1' },
    { port: 0 },
  )
  expect(written.port).toEqual({ from: 'command line', text: '0' })
  expect(written.host).toEqual({ from: 'environment', text: '::1' })
  expect(written.store).toEqual({ from: 'environment', text: '[secret]' })
  expect(written.key).toEqual({ from: 'environment', text: '[secret]' })
  expect(readSettings({}).written.store).toEqual({ from: 'default', text: 'sqlite' })
  expect(readSettings({}).written.key).toEqual({ from: 'default', text: '' })
})

describe('the disk', () => {
  test.each<
    [first: number, last: number, minutes: number, perHour: number | undefined, fullInMinutes: number | null]
  >([
    [1_000_000, 900_000, 60, 100_000, 540],
    [1_000_000, 900_000, 9, undefined, null],
    [1_000_000, 1_000_000, 60, 0, null],
    [900_000, 1_000_000, 60, -100_000, null],
  ])('%d bytes free, then %d after %d min', (first, last, minutes, perHour, fullInMinutes) => {
    const at = minutes * 60_000
    const trend = trendOf({ at: 0, freeBytes: first }, { at, freeBytes: last })
    expect(trend?.bytesPerHour).toBe(perHour)
    if (trend !== undefined)
      expect(trend.fullAt).toBe(fullInMinutes === null ? null : at + fullInMinutes * 60_000)
  })

  test('the store is one part with its companions, and what a folder holds counts', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'store.db'), Buffer.alloc(10_000))
    await writeFile(join(folder, 'store.db-wal'), Buffer.alloc(10_000))
    await writeFile(join(folder, 'other'), 'x')
    const watch = new DiskWatch(folder, new VirtualClock(0))
    const parts = await watch.parts()
    expect(parts.map(({ name, files }) => [name, files])).toEqual([
      ['store', 2],
      ['other', 1],
    ])
    expect(parts[0]?.bytes).toBeGreaterThanOrEqual(20_000)
    expect((await watch.room()).freeBytes).toBeGreaterThan(0)
  })
})
