/**
 * Where everything stands in the picture of the loop: events flow from the left to the right in the upper half, audiences back to the left in
 * the lower half, and Braze stands at the left of both. What does not fit is counted in a node of its own.
 */

import { byUrgency, type Connection, type Entry, type LoopData } from './loop-data.ts'

export interface LoopNode {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly title: string
  readonly lines: readonly string[]
  readonly state?: string
  readonly to?: string
  readonly look: 'vendor' | 'line' | 'store'
}

export interface LoopEdge {
  readonly id: string
  readonly from: string
  readonly to: string
  /** Which way it runs: `back` leaves at the left. */
  readonly way: 'on' | 'back' | 'down'
  readonly perSecond: number
  readonly state: string
}

export interface LoopLayout {
  readonly nodes: readonly LoopNode[]
  readonly edges: readonly LoopEdge[]
}

/** How numbers are written. */
export interface Writing {
  rate(perSecond: number): string
  count(n: number): string
  counted(n: number, word: string): string
  age(ms: number): string
}

export const NODE_WIDTH = 190
export const NODE_HEIGHT = 64
const ROW = 80
const LINES_MAX = 8
const X = { braze: 0, source: 230, log: 460, line: 690, vendor: 940 }

const TITLES: Readonly<Record<string, string>> = {
  'treasure-data': 'Treasure Data',
  segment: 'Segment',
  http: 'HTTP receiver',
  warehouse: 'Warehouse',
  postgres: 'PostgreSQL',
  clickhouse: 'ClickHouse',
  parquet: 'Parquet files',
}

export function layoutOf(loop: LoopData, write: Writing): LoopLayout {
  const nodes: LoopNode[] = []
  const edges: LoopEdge[] = []
  const out = loop.connections.filter(({ direction }) => direction === 'out').sort(byUrgency)
  const back = loop.connections.filter(({ direction }) => direction === 'in').sort(byUrgency)
  const lines = out.slice(0, LINES_MAX)
  const kinds = [...new Set(lines.map(({ kind }) => kind))]
  const rows = Math.max(lines.length, loop.entries.length, kinds.length, 1)
  const middle = ((rows - 1) * ROW) / 2
  const spread = (count: number, i: number): number => middle + (i - (count - 1) / 2) * ROW
  const total = loop.entries.reduce((sum, { perSecond }) => sum + perSecond, 0)

  nodes.push({
    id: 'sender',
    x: X.braze,
    y: middle,
    title: 'Braze',
    lines: ['sends events'],
    look: 'vendor',
    to: '/sandbox',
  })
  for (const [i, entry] of loop.entries.slice(0, LINES_MAX).entries()) {
    nodes.push(sourceNode(entry, X.source, spread(Math.min(loop.entries.length, LINES_MAX), i), write))
    edges.push({
      id: `sender-${entry.name}`,
      from: 'sender',
      to: `source-${entry.name}`,
      way: 'on',
      perSecond: entry.perSecond,
      state: 'running',
    })
    edges.push({
      id: `log-${entry.name}`,
      from: `source-${entry.name}`,
      to: 'log',
      way: 'on',
      perSecond: entry.perSecond,
      state: 'running',
    })
  }
  nodes.push({
    id: 'log',
    x: X.log,
    y: middle,
    title: 'Log',
    lines: [`${write.count(loop.status?.log.head ?? 0)} records`, `${write.rate(total)} synced to disk`],
    state: loop.status?.log.state ?? 'open',
    look: 'store',
    to: '/system',
  })
  for (const [i, line] of lines.entries()) {
    nodes.push(lineNode(line, X.line, i * ROW + (middle - ((lines.length - 1) * ROW) / 2), write))
    edges.push({
      id: `log-${line.key}`,
      from: 'log',
      to: line.key,
      way: 'on',
      perSecond: line.perSecond,
      state: line.state,
    })
    edges.push({
      id: `${line.key}-out`,
      from: line.key,
      to: `kind-${line.kind}`,
      way: 'on',
      perSecond: line.perSecond,
      state: line.state,
    })
  }
  for (const [i, kind] of kinds.entries()) {
    const of = lines.filter((line) => line.kind === kind)
    nodes.push({
      id: `kind-${kind}`,
      x: X.vendor,
      y: spread(kinds.length, i),
      title: TITLES[kind] ?? kind,
      lines: [`${write.count(of.reduce((sum, { delivered }) => sum + delivered, 0))} delivered`],
      look: 'vendor',
      to: kind === 'warehouse' ? '/warehouse' : '/sandbox',
    })
  }
  if (out.length > lines.length)
    nodes.push({
      id: 'more',
      x: X.line,
      y: rows * ROW,
      title: `${out.length - lines.length} more currents`,
      lines: ['none of them more urgent'],
      look: 'line',
      to: '/currents',
    })

  drawReturn(loop, back, (rows + (out.length > lines.length ? 1 : 0)) * ROW + 34, nodes, edges, write)
  return { nodes, edges }
}

/** The lower half: profiles and queries, what carries their people, Braze. */
function drawReturn(
  { profiles, audiences }: LoopData,
  back: readonly Connection[],
  top: number,
  nodes: LoopNode[],
  edges: LoopEdge[],
  write: Writing,
): void {
  const lines = back.slice(0, LINES_MAX)
  const middle = top + ((Math.max(lines.length, 2) - 1) * ROW) / 2
  nodes.push({
    id: 'profiles',
    x: X.vendor,
    y: top,
    title: 'Profiles',
    lines: [
      `${write.count(profiles?.profiles ?? 0)} people`,
      `${write.count(profiles?.pending ?? 0)} records waiting`,
    ],
    look: 'store',
    to: '/profiles',
  })
  edges.push({ id: 'log-profiles', from: 'log', to: 'profiles', way: 'down', perSecond: 1, state: 'running' })
  nodes.push({
    id: 'audiences',
    x: X.line,
    y: middle,
    title: 'Audiences',
    lines: [
      `${write.counted(audiences.length, 'rule')}, ${write.counted(
        audiences.reduce((sum, { size }) => sum + (size ?? 0), 0),
        'membership',
      )}`,
    ],
    look: 'store',
    to: '/audiences',
  })
  edges.push({
    id: 'profiles-audiences',
    from: 'profiles',
    to: 'audiences',
    way: 'back',
    perSecond: 1,
    state: 'running',
  })
  for (const [i, line] of lines.entries()) {
    nodes.push(lineNode(line, X.source + 115, middle + (i - (lines.length - 1) / 2) * ROW, write))
    edges.push({
      id: `audiences-${line.key}`,
      from: 'audiences',
      to: line.key,
      way: 'back',
      perSecond: line.perSecond,
      state: line.state,
    })
    edges.push({
      id: `${line.key}-braze`,
      from: line.key,
      to: 'receiver',
      way: 'back',
      perSecond: line.perSecond,
      state: line.state,
    })
  }
  nodes.push({
    id: 'receiver',
    x: X.braze,
    y: middle,
    title: 'Braze',
    lines: ['gets audiences'],
    look: 'vendor',
    to: '/sandbox',
  })
}

function sourceNode(entry: Entry, x: number, y: number, write: Writing): LoopNode {
  return {
    id: `source-${entry.name}`,
    x,
    y,
    title: entry.name,
    lines: [write.rate(entry.perSecond), `${write.count(entry.duplicates)} repeats dropped`],
    look: 'line',
    to: `/inbox/${encodeURIComponent(entry.name)}`,
  }
}

function lineNode(
  { key, name, state, perSecond, pending, lagMs, to, what, delivered }: Connection,
  x: number,
  y: number,
  write: Writing,
): LoopNode {
  const carried = what === 'export' ? `${write.count(delivered)} people there` : write.rate(perSecond)
  const waits =
    pending === 0
      ? 'nothing waits'
      : `${write.count(pending)} wait${lagMs > 0 ? `, ${write.age(lagMs)}` : ''}`
  return { id: key, x, y, title: name, lines: [carried, waits], state, look: 'line', to }
}
