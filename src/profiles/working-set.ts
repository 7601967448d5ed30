/**
 * What a stretch of records works on: the profiles that they may touch, loaded before, changed in memory, and written
 * back together. It decides nothing; the resolver does.
 */

import type { IdentifierKey, Profile } from './profile.ts'

/** An identifier that a record brought and that was not used to find or join a profile; or whose profile has no room left. */
export interface Conflict {
  readonly at: number
  readonly offset: number
  readonly stream: string
  readonly field: string
  readonly value: string
  /** Short, snake_case: why. */
  readonly reason: string
  /** The profile that the record went to, and the one that has the identifier; null where there is none. */
  readonly kept: number | null
  readonly other: number | null
}

export interface Merge {
  readonly at: number
  readonly offset: number
  readonly survivor: number
  readonly loser: number
  /** What the loser had. */
  readonly identifiers: readonly IdentifierKey[]
}

/** How a pair of identifiers that are never to be joined is written. */
export function neverLink(a: IdentifierKey, b: IdentifierKey): string {
  return a < b ? `${a}\n${b}` : `${b}\n${a}`
}

export class WorkingSet {
  /** Of every identifier that the records may ask for: the profile that has it, or null. */
  readonly owners = new Map<IdentifierKey, number | null>()
  readonly profiles = new Map<number, Profile>()
  /** Pairs that an operator said never to join, as `neverLink` writes them. */
  readonly neverLinks: ReadonlySet<string>
  /** Profiles that were changed or made. */
  readonly touched = new Set<number>()
  /** Identifiers whose owner is another one now, perhaps several times: `owners` says whose they are. */
  readonly moved: IdentifierKey[] = []
  /** Loser → survivor, of this stretch. */
  readonly merged = new Map<number, number>()
  readonly merges: Merge[] = []
  readonly conflicts: Conflict[] = []
  /** The next profile's id. */
  nextId: number

  constructor(nextId: number, neverLinks: ReadonlySet<string>) {
    this.nextId = nextId
    this.neverLinks = neverLinks
  }

  /** The profile that has this identifier now. Throws a TypeError where that was not loaded: taken for nobody's, it would be stolen. */
  ownerOf(key: IdentifierKey): Profile | undefined {
    const id = this.owners.get(key)
    if (id === null) return undefined
    const owner = id === undefined ? undefined : this.profiles.get(id)
    if (owner === undefined) throw new TypeError(`The owner of ${JSON.stringify(key)} was not loaded`)
    return owner
  }

  /** The profile that this one was merged into in the end, or itself, as far as this stretch knows. */
  survivorOf(id: number): number {
    let survivor = id
    for (let next = this.merged.get(survivor); next !== undefined; next = this.merged.get(survivor))
      survivor = next
    return survivor
  }

  own(key: IdentifierKey, owner: number | null): void {
    this.owners.set(key, owner)
    this.moved.push(key)
  }
}
