import { expect, test } from 'vitest'
import type { Message } from './message.ts'
import { Told } from './told.ts'

const MB = 1024 * 1024

function message(seq: number, bytes = 10): Message {
  return { seq, id: `a-${seq}`, label: undefined, bytes: Buffer.alloc(bytes), size: bytes }
}

test('is there until its place is taken', () => {
  const told = new Told()
  for (const seq of [7, 5, 6]) told.keep(message(seq))
  expect([told.at(4), told.at(5)?.seq, told.at(7)?.seq]).toEqual([undefined, 5, 7])
  told.forget(6)
  expect([told.at(5), told.at(6), told.at(7)?.seq]).toEqual([undefined, undefined, 7])
})

test.each([
  { what: 'the last of them is told', next: (told: Told) => told.keep(message(5)), msMax: 60_000 },
  { what: 'its hub only rings', next: (told: Told) => told.rung(5), msMax: 60_000 },
  { what: 'the time is over', next: (told: Told) => told.keep(message(7)), msMax: 1 },
])('what is about to be told is waited for until $what', async ({ next, msMax }) => {
  const told = new Told()
  told.keep(message(6))
  let resolved = false
  const waited = told.within(5, 6, msMax).then(() => {
    resolved = true
  })
  await Promise.resolve()
  expect(resolved).toBe(false)
  next(told)
  await waited
})

test('what is there is not waited for, nor what is too much to be on its way', async () => {
  const told = new Told()
  told.keep(message(6))
  await told.within(6, 6, 60_000)
  await told.within(7, 6, 60_000)
  await told.within(1, 100, 60_000)
})

test('what was edited before it got its place is asked for, however late it is told', () => {
  const told = new Told()
  for (const seq of [5, 6]) told.keep(message(seq))
  told.refuse(5)
  told.keep(message(5))
  expect([told.at(5), told.at(6)?.seq]).toEqual([undefined, 6])
})

test('keeps no more than its bound, and again when there is room', () => {
  const told = new Told()
  for (let seq = 1; seq <= 10; seq++) told.keep(message(seq, MB))
  expect([told.at(8)?.seq, told.at(9)]).toEqual([8, undefined])
  told.forget(2)
  told.keep(message(11, MB))
  expect(told.at(11)?.seq).toBe(11)
})

test.each([
  { what: 'a request', bytes: 90_000, takes: true },
  { what: 'a large one', bytes: MB, takes: false },
])('$what: told or not', ({ bytes, takes }) => {
  expect(Told.takes(Buffer.alloc(bytes))).toBe(takes)
})
