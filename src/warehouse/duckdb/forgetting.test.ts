/** Somebody's rows leave both shapes of table, and the file holds nothing of them; everybody else's stay as they are. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { SubjectIdentifier } from '../../core/traces.ts'
import { elementsOf } from './json-elements.ts'
import { batchAt, testWarehouse } from './warehouse.fixture.ts'

const WHO: readonly SubjectIdentifier[] = [
  { kind: 'external_id', label: '', value: 'person-to-forget' },
  { kind: 'email', label: '', value: 'forget.me@example.com' },
]

function event(n: number, user: string, properties: object = {}): object {
  return {
    event_type: 'users.messages.email.Open',
    id: `id-${n}`,
    time: 1_780_000_000 + n,
    user: { user_id: `b-${user}`, external_user_id: user },
    properties: { campaign_id: 'c1', ...properties },
  }
}

async function bytesOf(folder: string): Promise<Buffer> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile())
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))))
}

test('rows of theirs go, words about them are blotted out, and the file is rewritten', async () => {
  const warehouse = await testWarehouse()
  const settings = { shape: 'both' }
  const events = [
    event(0, 'person-to-forget'),
    event(1, 'other-1'),
    event(2, 'other-2', { email_address: 'Forget.Me@example.com' }),
    event(3, 'other-3', { note: 'a friend of person-to-forget' }),
    event(4, 'person-to-forget-2', { favourite: 7 }),
  ]
  await warehouse.load(batchAt(events, [0, 1, 2, 3, 4]), settings)
  await warehouse.load(batchAt([event(5, 'person-to-forget')], [5]), settings)
  // What was deleted before lies in blocks that nobody wipes, too.
  await warehouse.embedded.host.whileClosed(async () => undefined)
  expect((await bytesOf(warehouse.dataDir)).includes('person-to-forget')).toBe(true)
  expect(await warehouse.embedded.forget(WHO, true)).toEqual({ theirs: 6, mentions: 2 })
  expect(await warehouse.rows('select count(*) from events')).toEqual([[6]])

  expect(await warehouse.embedded.forget(WHO, false)).toEqual({ theirs: 6, mentions: 2 })
  expect(await warehouse.rows('select external_user_id from events order by _offset')).toEqual([
    ['other-1'],
    ['other-3'],
    ['person-to-forget-2'],
  ])
  const raw = await warehouse.rows('select events, _offsets from events_raw order by _request')
  expect(raw).toHaveLength(1)
  const kept = elementsOf(String(raw[0]?.[0]))
  expect(kept.map((text) => JSON.parse(text).id)).toEqual(['id-1', 'id-3', 'id-4'])
  expect(kept[1]).toContain('a friend of ****************')
  const bytes = (await bytesOf(warehouse.dataDir)).toString('latin1')
  expect(bytes.match(/person-to-forget(?!-2)|forget\.me@/gi)).toBeNull()

  // The tables go on: what was loaded counts as loaded, and new rows come in.
  await warehouse.load(batchAt(events.slice(1, 2), [1]), settings)
  await warehouse.load(batchAt([event(6, 'other-6')], [6]), settings)
  expect(await warehouse.rows('select count(*) from events')).toEqual([[4]])
  expect(await warehouse.embedded.forget(WHO, false)).toEqual({ theirs: 0, mentions: 0 })
})

test('the elements of an array keep their spelling', () => {
  const elements = ['{"a":[1,{"b":"]},{"}],"c":"\\"],"}', '1.50', '"x,\\\\"', '[[],{}]']
  expect(elementsOf(`[${elements.join(' , ')}]`)).toEqual(elements)
  expect(elementsOf('[]')).toEqual([])
})
