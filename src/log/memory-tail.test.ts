import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameView } from './frame.ts'
import { MemoryTail, type TailEntry } from './memory-tail.ts'

const RECORDS = 3

function entryOf(n: number): TailEntry {
  const bytes = Buffer.alloc(64)
  return {
    baseOffset: n * RECORDS,
    end: (n + 1) * RECORDS,
    view: new FrameView(bytes),
    slab: Buffer.alloc(100 + (n % 7)),
  }
}

test('the tail agrees with a list, however much is put to one end and given up at the other', () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.info(`memory tail: THALWEG_TEST_SEED=${seed}`)
  const step = fc.record({
    pushes: fc.nat(900),
    evictions: fc.nat(900),
    look: fc.double({ max: 1, min: 0, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
      const tail = new MemoryTail()
      let list: TailEntry[] = []
      let n = 0
      for (const { pushes, evictions, look } of steps) {
        for (let i = 0; i < pushes; i++) {
          const entry = entryOf(n++)
          tail.push(entry)
          list.push(entry)
        }
        const given = Array.from({ length: evictions }, () => tail.evict())
        expect(given.every((slab, i) => slab === list[i]?.slab)).toBe(true)
        list = list.slice(evictions)
        expect(tail.bytes).toBe(list.reduce((sum, { slab }) => sum + slab.length, 0))
        const oldest = list[0]?.baseOffset ?? n * RECORDS
        expect(tail.holds(oldest)).toBe(list.length > 0)
        expect(tail.holds(oldest - 1)).toBe(false)
        if (list.length === 0) continue
        const from = oldest + Math.floor(look * (list.length * RECORDS - 1))
        const at = list.findIndex(({ end }) => end > from)
        const expected = list.slice(at, at + 4).map(({ view }) => view)
        const read = tail.read(from, 4 * 64)
        expect(read.length).toBe(expected.length)
        expect(read.every((view, i) => view === expected[i])).toBe(true)
      }
    }),
    { seed, numRuns: 100 },
  )
})

test('a frame is replaced where it is held, and nowhere else', () => {
  const tail = new MemoryTail()
  const entries = [0, 1, 2].map(entryOf)
  for (const entry of entries) tail.push(entry)
  const other = Buffer.alloc(64, 7)
  tail.replace(RECORDS, other)
  tail.replace(RECORDS + 1, other)
  tail.replace(3 * RECORDS, other)
  expect(entries.map(({ view }) => view.bytes.equals(other))).toEqual([false, true, false])
})
