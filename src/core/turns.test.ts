import { expect, test } from 'vitest'
import { Turns, TurnsByKey } from './turns.ts'

/** Work that ends when told, and says that it began. */
function held(name: string, told: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const work = () => {
    told.push(name)
    return promise
  }
  return { work, end: () => resolve(name), fail: () => reject(new Error(name)) }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('one after another, in order; a failure is its asker’s alone', async () => {
  const told: string[] = []
  const turns = new Turns()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => held(name, told)) as [
    ReturnType<typeof held>,
    ReturnType<typeof held>,
    ReturnType<typeof held>,
  ]
  const taken = [a, b, c].map(({ work }) => turns.take(work))
  const outcomes = Promise.allSettled(taken)
  await settled()
  expect(told).toEqual(['a'])
  a.fail()
  await settled()
  expect(told).toEqual(['a', 'b'])
  b.end()
  c.end()
  await turns.ended()
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
})

test('keys do not wait for each other, and are forgotten before their asker goes on', async () => {
  const told: string[] = []
  const turns = new TurnsByKey<number>()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => held(name, told)) as [
    ReturnType<typeof held>,
    ReturnType<typeof held>,
    ReturnType<typeof held>,
  ]
  const [first, second] = [turns.take(1, a.work), turns.take(1, b.work)]
  const other = turns.take(2, c.work)
  await settled()
  expect(told).toEqual(['a', 'c'])
  c.end()
  expect(await other).toBe('c')
  expect([turns.has(1), turns.has(2)]).toEqual([true, false])
  a.end()
  await first
  expect(turns.has(1)).toBe(true)
  b.end()
  await second
  expect(turns.has(1)).toBe(false)
  await turns.ended()
  await expect(
    turns.take(1, () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(turns.has(1)).toBe(false)
})
