import { expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { Agenda } from './agenda.ts'

it.each([1, 2, 3])('gives items by time, then in the order of adding (seed %i)', (seed) => {
  const random = seededRandom(seed)
  const agenda = new Agenda<number>(500)
  const added = Array.from({ length: 500 }, (_, i) => ({ atMs: Math.floor(random() * 50), i }))
  for (const { atMs, i } of added) agenda.add(atMs, i)
  const taken: number[] = []
  for (let due = agenda.take(49); due !== undefined; due = agenda.take(49)) taken.push(due.item)
  expect(taken).toEqual(added.toSorted((a, b) => a.atMs - b.atMs || a.i - b.i).map(({ i }) => i))
  expect(agenda.size).toBe(0)
})

it('gives nothing before its time and takes nothing when full', () => {
  const agenda = new Agenda<string>(1)
  expect(agenda.add(10, 'kept')).toBe(true)
  expect(agenda.add(5, 'refused')).toBe(false)
  expect(agenda.take(9)).toBeUndefined()
  expect(agenda.take(10)).toMatchObject({ atMs: 10, item: 'kept' })
})
