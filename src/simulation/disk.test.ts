import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import { openStore } from '../store/store.ts'
import { type DiskState, LifeDisk } from './disk.ts'
import { Draws } from './draws.ts'
import { Stillness } from './stillness.ts'
import { LifeClock, WorldClock } from './time.ts'

interface Under {
  readonly folder: string
  readonly world: WorldClock
  readonly disk: LifeDisk
  state: DiskState
}

async function diskUnder(seed: number): Promise<Under> {
  const folder = join(await tempFolder(), 'data')
  const world = new WorldClock(new Stillness().reached)
  const clock = new LifeClock(world, () => 0)
  await mkdir(folder)
  const under: Under = {
    folder,
    world,
    disk: new LifeDisk(folder, clock, new Draws(seed, world), () => under.state),
    state: 'well',
  }
  return under
}

test('a write takes its time; a crash before finds it undone, half done or done', async () => {
  const left = new Set<string>()
  for (let seed = 1; seed <= 40; seed++) {
    const { folder, world, disk } = await diskUnder(seed)
    await writeFile(join(folder, 'file'), '........')
    const file = await open(join(folder, 'file'), 'r+')
    let told = 'nothing'
    disk.durableWrite(file.fd, [Buffer.from('ab'), Buffer.from('cdef')], 1, (error) => {
      told = String(error)
    })
    await world.advance(0.1)
    disk.crash(`${folder}-after`, 'killed')
    await world.advance(1_000)
    await file.close()
    expect(told).toBe('Error: ENOSPC: no space left on device, write')
    left.add(await readFile(`${folder}-after/file`, 'utf8'))
  }
  expect([...left]).toEqual(expect.arrayContaining(['........', '.abcdef.']))
  // Some of them were torn.
  expect(left.size).toBeGreaterThan(3)
  for (const text of left) expect('.abcdef.'.startsWith(text.replace(/\.+$/, ''))).toBe(true)
})

test('a write that nothing disturbs is on the disk when it is told', async () => {
  const { folder, world, disk } = await diskUnder(1)
  const file = await open(join(folder, 'file'), 'w+')
  onTestFinished(() => file.close())
  let told: unknown = 'nothing'
  disk.durableWrite(file.fd, [Buffer.from('abc')], 0, (error) => {
    told = error
  })
  await world.advance(10)
  expect(told).toBeNull()
  expect(await readFile(join(folder, 'file'), 'utf8')).toBe('abc')
})

test('a full disk has no room for segments, fails writes, or refuses the transactions of the store', async () => {
  const under = await diskUnder(1)
  expect(await under.disk.freeBytes()).toBe(Number.POSITIVE_INFINITY)
  under.state = 'no room for segments'
  expect(await under.disk.freeBytes()).toBe(0)
  const store = under.disk.through(
    await openStore(`sqlite:${join(under.folder, 'store.db')}`, { clock: under.world }),
  )
  onTestFinished(() => store.close())
  under.state = 'no room for the store'
  await expect(store.transaction(async () => 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  under.state = 'well'
  expect(await store.transaction(async () => 1)).toBe(1)
})

test('a power failure takes what the store had not synced, and nothing that was before a sync', async () => {
  const { folder, world, disk } = await diskUnder(1)
  const store = disk.through(await openStore(`sqlite:${join(folder, 'store.db')}`, { clock: world }))
  onTestFinished(() => store.close())
  const put = (current: number, durable: 'now' | 'soon') =>
    store.transaction(
      (tx) => tx.insertInto('checkpoints').values({ current, position: 0, updated_at: 0 }).execute(),
      { durable },
    )
  await put(1, 'soon')
  disk.expectPowerFailure()
  await put(2, 'soon')
  await put(3, 'now')
  await put(4, 'soon')
  await store.db.insertInto('checkpoints').values({ current: 5, position: 0, updated_at: 0 }).execute()
  await put(6, 'soon')
  await store.db.selectFrom('checkpoints').selectAll().execute()
  disk.crash(`${folder}-power`, 'power')
  expect(currentsIn(`${folder}-power`)).toEqual([1, 2, 3, 4, 5])
})

function currentsIn(folder: string): unknown[] {
  const file = new DatabaseSync(join(folder, 'store.db'))
  try {
    return file
      .prepare('select current from checkpoints order by current')
      .all()
      .map(({ current }) => current)
  } finally {
    file.close()
  }
}
