import { expect, test } from 'vitest'
import { freshStore, heldStore, readBeside } from '../../test/support/store.ts'
import { systemClock } from '../core/clock.ts'
import type { SubjectIdentifier } from '../core/traces.ts'
import type { FrameView } from '../log/frame.ts'
import { Suppression } from './suppression.ts'

const WHO: readonly SubjectIdentifier[] = [
  { kind: 'external_id', label: '', value: 'Cust-4711' },
  { kind: 'email', label: '', value: 'Jane@Example.com' },
  { kind: 'phone', label: '', value: '+49 151 2345678' },
  { kind: 'external_id', label: '', value: '42' },
]

async function suppression() {
  const store = await freshStore()
  const log: { screen: ((frame: FrameView) => void) | undefined } = { screen: undefined }
  const parts = { store, log, clock: systemClock, hashKey: Buffer.alloc(32, 7) }
  const made = new Suppression(parts)
  await made.load()
  return { made, parts, log, store }
}

test.each([
  ['an id', '{"user":{"external_user_id":"Cust-4711"}}', true],
  ['an id in other letters', '{"user":{"external_user_id":"cust-4711"}}', false],
  ['an address in other letters', '{"a":[{"b":"JANE@example.COM"}]}', true],
  ['an address with an escape', '{"b":"jane\\u0040example.com"}', true],
  ['JSON in a text', '{"b":"{\\"id\\":\\"Cust-4711\\"}"}', true],
  ['a telephone number', '{"phone":"+491512345678","n":1}', true],
  ['a number that names somebody', '{"n":7,"user_id":42}', true],
  ['a number that counts', '{"count":42,"text":"42"}', false],
  ['a longer id', '{"external_user_id":"Cust-47110"}', false],
  ['a mention', '{"note":"see Cust-4711"}', false],
  ['no JSON', '{"external_user_id":"Cust-4711"', true],
])('%s', async (_, record, out) => {
  const { made } = await suppression()
  await made.add(WHO, 'erasure_1')
  expect(made.holdsOut(Buffer.from(record))).toBe(out)
})

test('nothing is done while nobody is kept out; each erasure can be lifted alone; no identifier is stored', async () => {
  const { made, log, store, parts } = await suppression()
  expect(log.screen).toBeUndefined()
  await made.add(WHO, 'erasure_1')
  await made.add(WHO, 'erasure_1')
  await made.add(WHO.slice(0, 1), 'erasure_2')
  expect(log.screen).toBeDefined()
  const rows = await store.db.selectFrom('suppressions').selectAll().execute()
  // The telephone number has three spellings.
  expect(rows).toHaveLength(7)
  expect(JSON.stringify(rows)).not.toMatch(/cust|jane|151/i)

  const again = new Suppression(parts)
  await again.load()
  expect(await again.lift('erasure_1')).toBe(6)
  expect(again.holdsOut(Buffer.from('{"id":"Cust-4711"}'))).toBe(true)
  expect(again.holdsOut(Buffer.from('{"id":"jane@example.com"}'))).toBe(false)
  expect(await again.lift('erasure_2')).toBe(1)
  expect(log.screen).toBeUndefined()
})

test('who is erased stays out from then on, although an older reading comes back late', async () => {
  const held = await heldStore()
  const log = { screen: undefined }
  const { store } = held
  const made = new Suppression({ store, log, clock: systemClock, hashKey: Buffer.alloc(32, 7) })
  await readBeside(
    held,
    () => made.load(),
    () => made.add(WHO, 'erasure_1'),
  )
  expect(made.holdsOut(Buffer.from('{"id":"Cust-4711"}'))).toBe(true)
  expect(log.screen).toBeDefined()
})
