/**
 * What a stretch of records works on: the profiles that they may touch, loaded before, changed in memory, and written
 * back together. It decides nothing; the resolver does.
 */

import type { IdentifierKey, Profile } from './profile.ts'

/** An identifier that a record brought and that was not used to find or join a profile. */
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

export class WorkingSet {
  /** Of every identifier that the records may ask for: the profile that has it, or null. */
  readonly owners = new Map<IdentifierKey, number | null>()
  readonly profiles = new Map<number, Profile>()
  /** Pairs that an operator said never to join, as `a\n b` with a < b. */
  readonly neverLinks: ReadonlySet<string>
  /** Profiles that were changed or made. */
  readonly touched = new Set<number>()
  /** Identifiers whose owner is another one now; null: nobody's. */
  readonly moved = new Map<IdentifierKey, number | null>()
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

  /** The profile that has this identifier now. It must have been loaded. */
  ownerOf(key: IdentifierKey): Profile | undefined {
    const id = this.owners.get(key)
    return id === null || id === undefined ? undefined : this.profiles.get(id)
  }

  own(key: IdentifierKey, owner: number | null): void {
    this.owners.set(key, owner)
    this.moved.set(key, owner)
  }
}
