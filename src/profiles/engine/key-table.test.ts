import { expect, test } from 'vitest'
import { identifierKey } from '../profile.ts'
import { KeyFilter } from './key-filter.ts'
import { hashOf } from './key-hash.ts'
import { KeyTable } from './key-table.ts'

const keyOf = (n: number) => identifierKey('email', `person${n}@mail.example.com`)

test('a filter knows every key that was added, and few others, also when it has grown', () => {
  const filter = new KeyFilter()
  expect(filter.mayHave(hashOf(keyOf(1)))).toBe(false)
  // Past the room of the first layer.
  const added = 600_000
  for (let n = 0; n < added; n++) filter.add(hashOf(keyOf(n)))
  let missing = 0
  for (let n = 0; n < added; n++) if (!filter.mayHave(hashOf(keyOf(n)))) missing++
  expect(missing).toBe(0)
  let wrong = 0
  for (let n = added; n < 2 * added; n++) if (filter.mayHave(hashOf(keyOf(n)))) wrong++
  expect(wrong / added).toBeLessThan(0.03)
})

test('a table is what a map is, also when it has grown', () => {
  const table = new KeyTable()
  const map = new Map<string, number>()
  for (let i = 1; i <= 30_000; i++) {
    // The same keys come again, with other owners, and go.
    const key = keyOf((i * 7) % 20_000)
    if (i % 11 === 0) {
      table.delete(key, hashOf(key))
      map.delete(key)
    } else {
      table.set(key, hashOf(key), i)
      map.set(key, i)
    }
  }
  let wrong = 0
  for (let n = 0; n < 21_000; n++) if (table.get(keyOf(n), hashOf(keyOf(n))) !== map.get(keyOf(n))) wrong++
  expect(wrong).toBe(0)
  const given = new Map<string, number>()
  table.forEach((key, hash, owner) => {
    expect(hash).toBe(hashOf(key))
    given.set(key, owner)
  })
  expect(given).toEqual(map)
})

test('two keys of one hash are two, and one that was taken out is known', () => {
  const table = new KeyTable()
  table.set('a\0b', 7, 1)
  table.set('a\0c', 7, 2)
  table.delete('a\0b', 7)
  expect(['a\0b', 'a\0c', 'a\0d'].map((key) => [table.get(key, 7), table.knows(key, 7)])).toEqual([
    [undefined, true],
    [2, true],
    [undefined, false],
  ])
})
