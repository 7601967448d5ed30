import { expect, test } from 'vitest'
import { NODE, placesOf } from './identity-layout.ts'
import type { PictureNode } from './identity-picture.ts'

const node = (id: string, rank: number): PictureNode => ({
  id,
  kind: 'held',
  field: 'f',
  value: id,
  rank,
  namespace: 0,
  note: '',
  more: '',
  shared: false,
  owner: null,
})

test.each([1, 2, 40, 200])(
  '%i identifiers stand beside each other, not one on another, and not all in a line',
  (count) => {
    const nodes = Array.from({ length: count }, (_, i) => node(`n${i}`, i === 0 ? 1 : 2))
    const edges = nodes
      .slice(1)
      .map(({ id }) => ({ id: `e ${id}`, from: 'n0', to: id, kind: 'seen' as const, label: '' }))
    const places = [...placesOf({ nodes, edges }).values()]
    expect(places).toHaveLength(count)
    const overlapping = places.flatMap((one, i) =>
      places
        .slice(i + 1)
        .filter((other) => Math.abs(one.x - other.x) < NODE.width && Math.abs(one.y - other.y) < NODE.height)
        .map((other) => [one, other]),
    )
    expect(overlapping).toEqual([])
    const tall = Math.max(...places.map(({ y }) => y)) - Math.min(...places.map(({ y }) => y))
    expect(tall).toBeLessThan(16 * (NODE.height + 20))
  },
)
