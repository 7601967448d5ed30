import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { NodeWork } from './node-work.ts'
import { erasureBook, STRANGER, WHO } from './parts.fixture.ts'
import type { Forgetting } from './stores.ts'

/** A node `b`, whose stores give one row each, and may be told to fail. */
async function nodeB() {
  const book = await erasureBook()
  const folder = await tempFolder()
  const did: string[] = []
  const failures = new Map<string, string>()
  const forgets =
    (store: string): Forgetting =>
    async ({ identifiers: [who] }) => {
      const failure = failures.get(`${store} ${who?.value}`)
      if (failure !== undefined) throw new Error(failure)
      did.push(store)
      return [{ place: store, rows: 1 }]
    }
  const work = new NodeWork({
    node: 'b',
    parts: book.parts,
    suppression: { load: async () => void did.push('load') },
    log: { reread: async () => void did.push('reread') },
    stores: {
      warehouse: forgets('warehouse'),
      parquet: forgets('parquet'),
      rosters: forgets('rosters'),
      remarks: forgets('remarks'),
    },
    folders: [folder],
    clock: book.clock,
    sign: () => ({ addendum: '{}', signature: 'signed' }),
    changed: () => undefined,
    logger: { info: () => undefined, error: () => undefined },
  })
  onTestFinished(() => work.stop())
  const partOf = async (id: string) => (await book.parts.of([id])).find(({ node }) => node === 'b')
  return { ...book, work, folder, did, failures, partOf }
}

test('every step in its order, as far as the erasure is; what the search finds is told', async () => {
  const { work, parts, begun, reach, did, folder, partOf } = await nodeB()
  const id = await begun()
  await parts.open(id, ['a', 'b'], WHO)
  await reach(id, 'profiles')
  work.wake()
  await eventually('it did what is due', async () => (await partOf(id))?.step === 'folders')
  expect(did).toEqual(['load', 'reread'])

  await writeFile(join(folder, 'left.txt'), 'seen: customer-jane-4711')
  await reach(id, 'search')
  work.wake()
  await eventually('its part is done', async () => (await partOf(id))?.step === 'done')
  expect(did.slice(2)).toEqual(['warehouse', 'parquet', 'rosters', 'remarks'])
  expect(await partOf(id)).toMatchObject({
    removed: { warehouse: 1, parquet: 1, rosters: 1, remarks: 1 },
    search: { files: 1, remaining: ['left.txt'] },
  })
  expect((await parts.of([id])).find(({ node }) => node === 'a')?.step).toBe('suppress')
})

test('what fails is told without a name, tried again, and holds up nobody else; a start waits for it', async () => {
  const { work, parts, begun, reach, clock, failures, partOf } = await nodeB()
  failures.set('rosters customer-jane-4711', 'the roster of customer-jane-4711 is broken')
  const [hers, his] = [await begun(), await begun(STRANGER)]
  await parts.open(hers, ['b'], WHO)
  await parts.open(his, ['b'], STRANGER)
  for (const id of [hers, his]) await reach(id, 'search')
  let isReady = false
  const catching = work.catchUp(new AbortController().signal).then(() => {
    isReady = true
  })
  await eventually('the other is done', async () => (await partOf(his))?.step === 'done')
  await eventually('it is told', async () => (await partOf(hers))?.problem !== '')
  expect(await partOf(hers)).toMatchObject({
    step: 'folders',
    problem: 'the roster of ****************** is broken',
    removed: {},
  })
  expect(isReady).toBe(false)
  failures.clear()
  await eventually('it is done when it is tried again', async () => {
    await clock.advance(1_000)
    return (await partOf(hers))?.step === 'done'
  })
  await catching
  expect(await partOf(hers)).toMatchObject({ problem: '', removed: { rosters: 1 } })
})

test('a start that nobody waits for any more ends', async () => {
  const { work, parts, begun, reach, failures, partOf } = await nodeB()
  failures.set('warehouse customer-jane-4711', 'no room')
  const id = await begun()
  await parts.open(id, ['b'], WHO)
  await reach(id, 'search')
  const giveUp = new AbortController()
  const catching = work.catchUp(giveUp.signal)
  await eventually('it fails', async () => (await partOf(id))?.problem === 'no room')
  giveUp.abort(new Error('enough'))
  await expect(catching).rejects.toThrow('enough')
  expect((await partOf(id))?.step).toBe('folders')
})
