/** Where the nodes of the picture stand: dagre's ranks from left to right, a crowded one folded into several columns. */

import { Graph, layout } from '@dagrejs/dagre'
import type { Picture } from './identity-picture.ts'

export const NODE = { width: 230, height: 62 }
/** Between columns a label has to fit. */
const GAP = { x: 140, y: 14 }
const ROWS_MAX = 14

export interface Place {
  readonly x: number
  readonly y: number
}

export function placesOf({ nodes, edges }: Picture): ReadonlyMap<string, Place> {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: GAP.y, ranksep: GAP.x })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { id } of nodes) graph.setNode(id, { ...NODE })
  for (const { id, from, to } of edges) graph.setEdge(from, to, {}, id)
  layout(graph)
  const ranks = new Map<number, { id: string; y: number }[]>()
  for (const { id } of nodes) {
    const { x = 0, y = 0 } = graph.node(id) as Partial<Place>
    ranks.set(x, [...(ranks.get(x) ?? []), { id, y }])
  }
  const isFolded = [...ranks.values()].some(({ length }) => length > ROWS_MAX)
  const places = new Map<string, Place>()
  let left = 0
  for (const [, rank] of [...ranks].sort(([a], [b]) => a - b)) {
    rank.sort((a, b) => a.y - b.y)
    const columns = Math.ceil(rank.length / ROWS_MAX)
    const rows = Math.ceil(rank.length / columns)
    for (const [i, { id, y }] of rank.entries())
      places.set(id, {
        x: left + Math.floor(i / rows) * (NODE.width + GAP.y),
        // Beside a folded rank dagre's heights mean nothing any more: all are centred.
        y: isFolded ? ((i % rows) - (rows - 1) / 2) * (NODE.height + GAP.y) : y,
      })
    left += columns * (NODE.width + GAP.y) + GAP.x
  }
  return places
}
