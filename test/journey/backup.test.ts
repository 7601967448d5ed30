/** A backup of a hub under traffic, put into another folder: the restored hub goes on, its books balance, and nothing that the backup covers is lost. */

import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startApi } from '../../src/api/api.fixture.ts'
import { restore } from '../../src/backup/restore.ts'
import { eventually } from '../support/eventually.ts'
import { Traffic } from '../support/program.ts'
import { embeddedWarehouse, event, httpSink, startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'
import { warehouseRows } from '../support/warehouse-rows.ts'

test('a hub that was restored has balanced books, and delivers all that the backup covers', async () => {
  const stack = await startApi()
  const { hub, sandbox } = stack
  await stack.launch('hook', httpSink(sandbox))
  await stack.launch('rows', embeddedWarehouse())
  const traffic = new Traffic((id) => event(id))
  const stop = traffic.flowTo(hub.url)
  onTestFinished(() => stop())
  const before = new Set<string>()
  await made(stack, { note: 'the first' }, () => {
    for (const id of traffic.acknowledged) before.add(id)
  })
  await eventually('the warehouse has a file', () =>
    existsSync(join(hub.settings.dataDir, 'warehouse', 'warehouse.duckdb')),
  )
  await made(stack, { withKey: true, note: 'under traffic' }, () => {
    for (const id of traffic.acknowledged) before.add(id)
  })
  await stop()
  const { json } = await stack.call('viewer', 'GET', '/api/v1/system/backups')
  const [backup] = json.backups
  expect(json.backups.map(({ note }: { note: string }) => note)).toEqual(['under traffic', 'the first'])
  expect(backup).toMatchObject({ withKey: true, log: { tail: 0, gaps: 0 } })
  // The records that had been acknowledged before it began are in it.
  expect(backup.log.head).toBeGreaterThanOrEqual(before.size)
  expect(backup.parts.map(({ name }: { name: string }) => name)).toEqual([
    'store',
    'warehouse',
    'dedupe',
    'key',
    'log',
  ])
  await stack.settled()

  const dataDir = join(await tempFolder(), 'restored')
  expect(await restore(backup.folder, dataDir)).toMatchObject({ bytes: backup.bytes })
  const again = await startStack({ dataDir, beside: sandbox })
  expect(again.hub.log.head).toBe(backup.log.head)
  await again.settled()
  for (const { number, name } of await again.hub.currents.list()) {
    const check = await again.hub.delivery.checkBooks(number)
    expect(check, name).toMatchObject({ balanced: true })
  }
  expect(sandbox.http.arrivals.missing(before)).toEqual([])
  const [row] = await warehouseRows(again.hub, 'select count(*), count(distinct id) from braze.events')
  expect(row?.map(Number)).toEqual([backup.log.head, backup.log.head])
  // What was taken before is known to be a repeat.
  const [known = ''] = before
  expect(await again.post([event(known)])).toEqual({ accepted: 0, duplicates: 1, quarantined: 0 })
}, 60_000)

async function made(
  stack: Awaited<ReturnType<typeof startApi>>,
  wish: { note: string; withKey?: boolean },
  onBegin: () => void,
): Promise<void> {
  onBegin()
  const begun = await stack.call('admin', 'POST', '/api/v1/system/backups', wish)
  expect(begun.status, begun.text).toBe(202)
  expect((await stack.call('admin', 'POST', '/api/v1/system/backups')).json.error.code).toBe('BACKUP_BUSY')
  await stack.hub.backups.settled()
  expect(stack.hub.backups.lastFailure).toBeUndefined()
}

test('the key stays out unless asked for, old ones go, and a damaged or occupied folder is refused', async () => {
  const stack = await startStack({ settings: { backupsKept: 2 } })
  const { backups } = stack.hub
  const ids: string[] = []
  for (let i = 0; i < 3; i++) {
    ids.push(backups.start({ withKey: false, note: '' }).id)
    await backups.settled()
  }
  expect(backups.lastFailure).toBeUndefined()
  expect((await backups.list()).map(({ id }) => id)).toEqual([ids[2], ids[1]])
  expect(await readdir(backups.folder)).toEqual([ids[1], ids[2]])
  const folder = join(backups.folder, ids[2] ?? '')
  expect(await readdir(folder)).not.toContain('sealing.key')
  expect(await readdir(folder)).not.toContain('admin-token')

  const occupied = await tempFolder()
  await writeFile(join(occupied, 'something'), '')
  await expect(restore(folder, occupied)).rejects.toMatchObject({ code: 'RESTORE_TARGET' })
  const store = join(folder, 'store.db')
  const bytes = await readFile(store)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  await writeFile(store, bytes)
  await expect(restore(folder, join(await tempFolder(), 'new'))).rejects.toMatchObject({
    code: 'BACKUP_BROKEN',
  })
  await expect(restore(occupied, join(await tempFolder(), 'new'))).rejects.toMatchObject({
    code: 'BACKUP_BROKEN',
  })
})
