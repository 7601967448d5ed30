import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tempFolder } from '../../../test/support/temp.ts'
import { seededRandom } from '../../core/random.ts'
import { differenceOf, knownReference } from './difference.ts'
import { KEY_WORDS, Partitions } from './partitions.ts'

/** A key that shares its first words with its neighbours: one partition, one place in its table. */
const alike = (who: number): number[] => [7, 9, who >> 2, who & 3]

function add(set: Partitions, keys: readonly (readonly number[])[], references: readonly number[]): void {
  set.add(Int32Array.from(keys.flat()), Int32Array.from(references), keys.length)
}

describe('difference', () => {
  test('is that of the sets, whatever repeats, collides or is doubted', async () => {
    const folder = await tempFolder()
    const who = fc.nat(12)
    fc.assert(
      fc.property(
        fc.array(who, { maxLength: 20 }),
        fc.uniqueArray(who, { maxLength: 12 }),
        fc.uniqueArray(who, { maxLength: 4 }),
        (coming, certain, doubted) => {
          const [came, known] = [new Partitions(join(folder, 'came')), new Partitions(join(folder, 'known'))]
          add(
            came,
            coming.map(alike),
            coming.map((_, place) => place),
          )
          for (const [list, isCertain] of [
            [certain, true],
            [doubted, false],
          ] as const)
            add(
              known,
              list.map(alike),
              list.map((_, place) => knownReference(place, isCertain)),
            )
          const { distinct, entering, leaving } = differenceOf(came, known)
          const people = new Set(coming)
          expect(distinct).toBe(people.size)
          expect([...entering]).toEqual([...entering].sort((a, b) => a - b))
          expect(Array.from(entering, (place) => coming[place]).sort()).toEqual(
            [...people].filter((one) => !certain.includes(one)).sort(),
          )
          const left = (list: readonly number[]) =>
            list.flatMap((one, place) => (people.has(one) ? [] : place))
          expect([[...leaving.certain], [...leaving.doubted]]).toEqual([left(certain), left(doubted)])
        },
      ),
      { seed: 21, numRuns: 40 },
    )
  })

  test('is the same when most of the sets lies in their files, which do not stay', async () => {
    const folder = await tempFolder()
    const [came, known] = [new Partitions(join(folder, 'came')), new Partitions(join(folder, 'known'))]
    const random = seededRandom(22)
    const word = () => Math.floor(random() * 2 ** 32) | 0
    // Two partitions, beyond a block each.
    const keys = Array.from({ length: 9_000 }, (_, i) => [i & 1, word(), word(), word()])
    const places = keys.map((_, place) => place)
    expect(keys[0]).toHaveLength(KEY_WORDS)
    add(came, keys.slice(0, 8_000), places)
    add(
      known,
      keys.slice(1_000),
      places.map((place) => knownReference(place, true)),
    )
    expect([existsSync(join(folder, 'came')), existsSync(join(folder, 'known'))]).toEqual([true, true])
    const { distinct, entering, leaving } = differenceOf(came, known)
    expect([distinct, [...entering], [...leaving.certain]]).toEqual([
      8_000,
      places.slice(0, 1_000),
      places.slice(7_000, 8_000),
    ])
    came.close()
    known.close()
    expect([existsSync(join(folder, 'came')), existsSync(join(folder, 'known'))]).toEqual([false, false])
  })

  test('takes references up to 32 bits', async () => {
    const folder = await tempFolder()
    const [came, known] = [new Partitions(join(folder, 'came')), new Partitions(join(folder, 'known'))]
    const far = 2 ** 32 - 1
    add(came, [alike(1)], [far])
    add(known, [alike(2)], [far])
    const { entering, leaving } = differenceOf(came, known)
    expect([[...entering], [...leaving.certain]]).toEqual([[far], [far >>> 1]])
  })
})
