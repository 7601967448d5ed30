import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Candidate, sharesOf, type Unit } from './shares.ts'

const nodes = fc
  .uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 7 })
  .map((numbers) => numbers.map((number): Candidate => ({ id: `id-${number}`, name: `node-${number}` })))
const unitsAmong = (holders: readonly string[]) =>
  fc
    .uniqueArray(
      fc.record({ n: fc.integer({ min: 0, max: 60 }), holder: fc.constantFrom('', 'id-gone', ...holders) }),
      { maxLength: 40, selector: ({ n }) => n },
    )
    .map((rows) => rows.map(({ n, holder }): Unit => ({ name: `current ${n}`, holder })))
const cases = nodes.chain((some) =>
  unitsAmong(some.map(({ id }) => id)).map((units) => ({ units, nodes: some })),
)

function countsOf(shares: ReadonlyMap<string, string>, some: readonly Candidate[]): number[] {
  return some.map(({ id }) => [...shares.values()].filter((holder) => holder === id).length)
}

describe('shares', () => {
  test('everything is somebody’s, and no two nodes differ by more than one', () => {
    fc.assert(
      fc.property(cases, ({ units, nodes: some }) => {
        const shares = sharesOf(units, some)
        expect(shares.size).toBe(some.length === 0 ? 0 : units.length)
        const counts = countsOf(shares, some)
        if (some.length > 0) expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('only what a node has too much of moves, and what nobody has', () => {
    fc.assert(
      fc.property(cases, ({ units, nodes: some }) => {
        const shares = sharesOf(units, some)
        const most = some.length === 0 ? 0 : Math.ceil(units.length / some.length)
        const least = some.length === 0 ? 0 : Math.floor(units.length / some.length)
        for (const { id } of some) {
          const had = units.filter(({ holder }) => holder === id)
          const kept = had.filter(({ name }) => shares.get(name) === id)
          expect(kept.length).toBeGreaterThanOrEqual(Math.min(had.length, least))
          if (had.length <= least) expect(kept.length).toBe(had.length)
          expect(kept.length).toBeLessThanOrEqual(most)
        }
      }),
    )
  })

  test('once everybody has their share, nothing moves, whatever the order in which things are told', () => {
    fc.assert(
      fc.property(cases, ({ units, nodes: some }) => {
        const shares = sharesOf(units, some)
        const settled = units.map((unit) => ({ ...unit, holder: shares.get(unit.name) ?? '' }))
        expect(new Map(sharesOf(settled, some))).toEqual(new Map(shares))
        expect(new Map(sharesOf([...units].reverse(), [...some].reverse()))).toEqual(new Map(shares))
      }),
    )
  })

  test('who joins gets its share from those who have more than theirs, and nothing else moves', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ id: name, name })) as [Candidate, Candidate, Candidate]
    const names = Array.from({ length: 9 }, (_, i) => `current ${i}`)
    const before = sharesOf(
      names.map((name) => ({ name, holder: '' })),
      [a, b],
    )
    const after = sharesOf(
      names.map((name) => ({ name, holder: before.get(name) ?? '' })),
      [a, b, c],
    )
    const moved = names.filter((name) => before.get(name) !== after.get(name))
    expect(moved.length).toBe(3)
    expect(moved.every((name) => after.get(name) === 'c')).toBe(true)
  })

  test('what has a home is there or nowhere', () => {
    const some = [{ id: '1', name: 'a' }]
    const shares = sharesOf(
      [
        { name: 'x', home: 'a', holder: '' },
        { name: 'y', home: 'b', holder: '1' },
      ],
      some,
    )
    expect([...shares]).toEqual([['x', '1']])
  })
})
