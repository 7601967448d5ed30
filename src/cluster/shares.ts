/**
 * Shares: which node should have which posts. Pure: every node works it out from what the store says, and moves nothing that need not move.
 *
 * A post stays where it is while its holder may have it and has no more than its share; what is left goes to the node that ranks highest for
 * it (rendezvous hashing) among those with room. Shares of two nodes differ by at most one.
 */

import { createHash } from 'node:crypto'

export interface Candidate {
  readonly id: string
  /** Stays over restarts, and so does what the node ranks highest for. */
  readonly name: string
}

export interface Unit {
  readonly name: string
  /** Name of the only node that can have it. */
  readonly home?: string | undefined
  /** Id of the node that has it now; '' = none. */
  readonly holder: string
}

/** Node ids by post. A post that no node can have is left out. */
export function sharesOf(units: readonly Unit[], nodes: readonly Candidate[]): ReadonlyMap<string, string> {
  const shares = new Map<string, string>()
  const loose: Unit[] = []
  for (const unit of units) {
    if (unit.home === undefined) loose.push(unit)
    else {
      const home = best(
        unit.name,
        nodes.filter(({ name }) => name === unit.home),
      )
      if (home !== undefined) shares.set(unit.name, home.id)
    }
  }
  if (nodes.length === 0) return shares
  const held = new Map(nodes.map(({ id }) => [id, loose.filter(({ holder }) => holder === id)]))
  const room = roomOf(loose.length, held)
  const homeless: Unit[] = loose.filter(({ holder }) => !held.has(holder))
  for (const node of nodes) {
    const kept = held.get(node.id) ?? []
    const most = room.get(node.id) ?? 0
    // Mostly nobody has too much, and nothing needs ranking.
    const ranked =
      kept.length <= most
        ? kept
        : [...kept].sort((a, b) => compareRanks(rank(b.name, node), rank(a.name, node), a.name, b.name))
    for (const unit of ranked.slice(0, most)) shares.set(unit.name, node.id)
    homeless.push(...ranked.slice(most))
    room.set(node.id, Math.max(0, most - kept.length))
  }
  for (const unit of homeless.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const node = best(
      unit.name,
      nodes.filter(({ id }) => (room.get(id) ?? 0) > 0),
    )
    if (node === undefined) continue
    shares.set(unit.name, node.id)
    room.set(node.id, (room.get(node.id) ?? 0) - 1)
  }
  return shares
}

/** How many each may have. The one more that some have goes to those that have the most already, so that the least is moved. */
function roomOf(count: number, held: ReadonlyMap<string, readonly Unit[]>): Map<string, number> {
  const least = Math.floor(count / held.size)
  const more = count % held.size
  const byHeld = [...held].sort(([a, one], [b, other]) => other.length - one.length || (a < b ? -1 : 1))
  return new Map(byHeld.map(([id], i) => [id, least + (i < more ? 1 : 0)]))
}

function best(unit: string, nodes: readonly Candidate[]): Candidate | undefined {
  let first: Candidate | undefined
  for (const node of nodes)
    if (first === undefined || compareRanks(rank(unit, node), rank(unit, first), first.id, node.id) > 0)
      first = node
  return first
}

function rank(unit: string, { name }: Candidate): string {
  return createHash('sha256').update(`${unit}\n${name}`).digest('hex')
}

/** By rank, then by name, so that two nodes of one name do not depend on the order in which they are listed. */
function compareRanks(a: string, b: string, aName: string, bName: string): number {
  return a === b ? (aName < bName ? -1 : aName > bName ? 1 : 0) : a < b ? -1 : 1
}
