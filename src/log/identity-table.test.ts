import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addToFilter, filterFor, mayHold } from './identity-filter.ts'
import { IdentityMix } from './identity-mix.ts'
import { compareKeys, ENTRY_WORDS, entriesSince, IdentityTable, visitSorted } from './identity-table.ts'
import { runsToMerge } from './merge-plan.ts'

/** Keys that crowd: their homes are few, so probing, shifting and sorting all happen. */
function crowded(n: number): Uint32Array {
  return Uint32Array.from([(n % 5) * 2 ** 29, n, 0, 0])
}

function spread(count: number): Uint32Array[] {
  const mix = new IdentityMix(Buffer.from('0123456789abcdef'))
  mix.choose(1)
  return Array.from({ length: count }, (_, n) => mixed(mix, [n, 0, 0, 0]))
}

function mixed(mix: IdentityMix, id: readonly number[]): Uint32Array {
  const key = new Uint32Array(4)
  mix.mix(Uint32Array.from(id), 0, key, 0)
  return key
}

test('the table agrees with a map, whatever is put in and taken out', () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.info(`identity table: THALWEG_TEST_SEED=${seed}`)
  const step = fc.record({
    put: fc.boolean(),
    n: fc.nat(60),
    seconds: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      (steps, since) => {
        const table = new IdentityTable(64)
        const model = new Map<number, number>()
        for (const { put, n, seconds } of steps) {
          const position = table.find(crowded(n))
          expect(position >= 0 ? table.secondsAt(position) : undefined).toBe(model.get(n))
          if (put && position < 0) {
            table.insert(-1 - position, crowded(n), 0, seconds)
            model.set(n, seconds)
          } else if (!put && position >= 0) {
            table.remove(position)
            model.delete(n)
          }
          expect(table.size).toBe(model.size)
        }
        const seen: number[] = []
        visitSorted(table.words, since, (entries, at) => seen.push(...entries.subarray(at, at + ENTRY_WORDS)))
        const entries = Uint32Array.from(seen)
        const kept = [...model].filter(([, seconds]) => seconds >= since)
        expect(entries.length).toBe(kept.length * ENTRY_WORDS)
        expect(entriesSince(table.words, since)).toBe(kept.length)
        for (let at = ENTRY_WORDS; at < entries.length; at += ENTRY_WORDS) {
          expect(compareKeys(entries, at - ENTRY_WORDS, entries, at)).toBeLessThan(0)
        }
        const sorted = new Map<number, number>()
        for (let at = 0; at < entries.length; at += ENTRY_WORDS)
          sorted.set(entries[at + 1] ?? -1, entries[at + 4] ?? -1)
        expect(sorted).toEqual(new Map(kept))
      },
    ),
    { seed, numRuns: 200 },
  )
})

test('a crowd of more than a page is in order too', () => {
  const table = new IdentityTable(1000)
  for (const n of Array.from({ length: 900 }, (_, i) => (i * 7) % 900)) {
    const key = crowded(n)
    table.insert(-1 - table.find(key), key, 0, 1 + n)
  }
  const seen: number[] = []
  visitSorted(table.words, 0, (entries, at) => seen.push((entries[at + 4] ?? 0) - 1))
  const inOrder = Array.from({ length: 900 }, (_, n) => n).toSorted((a, b) => (a % 5) - (b % 5) || a - b)
  expect(seen).toEqual(inOrder)
})

test('a full table still ends its searches, and a cleared one is empty', () => {
  const table = new IdentityTable(1000)
  const keys = spread(2000)
  for (const key of keys.slice(0, 1000)) table.insert(-1 - table.find(key), key, 0, 9)
  expect(keys.map((key) => table.find(key) >= 0)).toEqual(keys.map((_, n) => n < 1000))
  expect(table.oldestSeconds).toBe(9)
  table.clear()
  expect(keys.some((key) => table.find(key) >= 0)).toBe(false)
  expect([table.size, table.oldestSeconds]).toEqual([0, Number.POSITIVE_INFINITY])
})

test('the filter passes every key it holds and few others', () => {
  const keys = spread(20_000)
  const filter = filterFor(10_000)
  for (const key of keys.slice(0, 10_000)) addToFilter(filter, key, 0)
  expect(keys.slice(0, 10_000).every((key) => mayHold(filter, key))).toBe(true)
  const passing = keys.slice(10_000).filter((key) => mayHold(filter, key)).length
  expect(passing / 10_000).toBeLessThan(0.04)
})

test('mixed keys are different for different ids, sources and secrets, and the same for the same', () => {
  const keyOf = (secret: string, source: number, id: readonly number[]) => {
    const mix = new IdentityMix(Buffer.from(secret))
    mix.choose(source)
    return mixed(mix, id).join()
  }
  const ids = [0, 1, 2, 3].flatMap((word) =>
    [1, 2 ** 31, 0xffffffff].map((value) => [0, 0, 0, 0].with(word, value)),
  )
  const keys = ['0123456789abcdef', '0123456789abcdeg'].flatMap((secret) =>
    [0, 1, 2].flatMap((source) => ids.map((id) => keyOf(secret, source, id))),
  )
  expect(new Set(keys).size).toBe(keys.length)
  expect(keyOf('0123456789abcdef', 1, [1, 2, 3, 4])).toBe(keyOf('0123456789abcdef', 1, [1, 2, 3, 4]))
})

test('every bit of an id changes about half of the bits of every word of its key', () => {
  const mix = new IdentityMix(Buffer.from('0123456789abcdef'))
  mix.choose(5)
  for (let bit = 0; bit < 128; bit++) {
    const changed = [0, 0, 0, 0]
    for (let n = 0; n < 64; n++) {
      const id = [n, n * 3, n * 5, n * 7]
      const before = mixed(mix, id)
      id[bit >> 5] = ((id[bit >> 5] ?? 0) ^ (1 << (bit & 31))) >>> 0
      const after = mixed(mix, id)
      for (let word = 0; word < 4; word++) {
        changed[word] = (changed[word] ?? 0) + ones(((before[word] ?? 0) ^ (after[word] ?? 0)) >>> 0)
      }
    }
    for (const count of changed) expect(Math.abs(count / 64 - 16), `bit ${bit}`).toBeLessThan(4)
  }
})

function ones(word: number): number {
  return word.toString(2).replaceAll('0', '').length
}

test('the newest runs are merged when there are four, with older ones that are not much larger', () => {
  const cases: [counts: number[], merged: number][] = [
    [[], 0],
    [[1, 1, 1], 0],
    [[1, 1, 1, 1], 4],
    [[1, 1, 1, 1, 9, 9, 9], 4],
    [[1, 1, 1, 6], 4],
    [[1, 1, 1, 7], 0],
    [[1, 1, 1, 1, 8, 24], 6],
    [[1, 1, 1, 1, 8, 25], 5],
    [[1, 3, 9, 27], 0],
    [[0, 1, 1, 1], 0],
    [[1, 0, 0, 1], 4],
  ]
  for (const [counts, merged] of cases) {
    const runs = counts.map((count) => ({ facts: { count } }))
    expect(runsToMerge(runs), `${counts}`).toEqual(runs.slice(0, merged))
  }
})
