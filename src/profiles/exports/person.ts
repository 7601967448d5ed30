/**
 * What the vendor should hold of one person, what it accepted, and what is in doubt. Pure.
 *
 *   add    = wanted slugs that were not accepted, or are in doubt
 *   remove = slugs that were accepted or are in doubt, and are not wanted
 *
 * | state   | something to tell, or news of it | taken by the sender | accepted                         | refused | not told               |
 * |---------|----------------------------------|---------------------|----------------------------------|---------|------------------------|
 * | settled | pending                          | –                   | –                                | –       | –                      |
 * | pending | pending; settled if nothing left | sending             | –                                | –       | –                      |
 * | sending | sending                          | –                   | settled; pending if more to tell | refused | pending                |
 * | refused | pending; settled if nothing left | –                   | –                                | –       | –                      |
 *
 * A slug is in doubt from the moment at which it is taken to be sent until the vendor's word is in: whatever happens to
 * us meanwhile, it is told again. Adding and removing are idempotent, so that this costs a request at most.
 */

import type { Address } from '../../core/audience-change.ts'

export type PersonState = 'settled' | 'pending' | 'sending' | 'refused'
export type Lane = 'live' | 'backfill'

export interface Person {
  readonly who: Address
  /** Who has the identifier, or had it last. */
  profile: number
  held: boolean
  /** Audience numbers, ascending. */
  wanted: readonly number[]
  /** Slugs that the vendor accepted, sorted. */
  sent: readonly string[]
  doubt: readonly string[]
  state: PersonState
  reason: string
  attempts: number
  lane: Lane
  dueAt: number
  revision: number
  updatedAt: number
}

export interface Telling {
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

export type Slugs = ReadonlyMap<number, string>

export function newPerson(who: Address, profile: number): Person {
  return {
    who,
    profile,
    held: true,
    wanted: [],
    sent: [],
    doubt: [],
    state: 'settled',
    reason: '',
    attempts: 0,
    lane: 'backfill',
    dueAt: 0,
    revision: 0,
    updatedAt: 0,
  }
}

export function toTell({ wanted, sent, doubt }: Person, slugs: Slugs): Telling {
  const shall = new Set(wanted.flatMap((number) => slugs.get(number) ?? []))
  const has = new Set(sent)
  const doubtful = new Set(doubt)
  return {
    add: [...shall].filter((slug) => !has.has(slug) || doubtful.has(slug)),
    remove: [...new Set([...sent, ...doubt])].filter((slug) => !shall.has(slug)),
  }
}

export function isNothing({ add, remove }: Telling): boolean {
  return add.length === 0 && remove.length === 0
}

/** Nobody needs to remember them any more. */
export function isForgettable({ held, wanted, sent, doubt, state }: Person): boolean {
  return !held && state === 'settled' && wanted.length + sent.length + doubt.length === 0
}

/** Something about a person was changed: what is to be done, on which lane, and when. `waitMs` of the live lane. */
export function changed(person: Person, slugs: Slugs, lane: Lane, nowMs: number, waitMs: number): void {
  person.revision++
  person.updatedAt = nowMs
  const dueAt = lane === 'live' ? nowMs + waitMs : nowMs
  if (person.state === 'sending') {
    // For what is left when the batch under way has its answer.
    person.lane = lane
    person.dueAt = dueAt
    return
  }
  if (isNothing(toTell(person, slugs))) {
    rest(person)
    return
  }
  const waits = person.state === 'pending' && (person.lane === 'live' || lane === 'backfill')
  person.state = 'pending'
  person.reason = ''
  if (waits) return
  person.lane = lane
  person.dueAt = dueAt
}

export function rest(person: Person): void {
  person.state = 'settled'
  person.reason = ''
  person.attempts = 0
}

/** Taken to be sent: all of it is in doubt until the answer is in. */
export function taken(person: Person, { add, remove }: Telling): void {
  person.state = 'sending'
  person.doubt = sorted([...person.doubt, ...add, ...remove])
}

/** The vendor took it. `revision`: as it was when it was taken. */
export function accepted(person: Person, told: Telling, revision: number, slugs: Slugs, nowMs: number): void {
  const added = new Set(told.add)
  const removed = new Set(told.remove)
  person.sent = sorted([...person.sent, ...told.add].filter((slug) => !removed.has(slug)))
  // What came up meanwhile may be about the same slugs, and about their order: it stands.
  if (person.revision === revision)
    person.doubt = person.doubt.filter((slug) => !added.has(slug) && !removed.has(slug))
  goOn(person, slugs, nowMs)
}

/** The vendor will not take it. What came up meanwhile is tried. */
export function refused(person: Person, reason: string, revision: number, slugs: Slugs, nowMs: number): void {
  person.attempts++
  if (person.revision !== revision) {
    goOn(person, slugs, nowMs)
    return
  }
  person.state = 'refused'
  person.reason = reason
  person.updatedAt = nowMs
}

/** The batch is over and nothing is known of it: what is to be told is told again. */
export function goOn(person: Person, slugs: Slugs, nowMs: number): void {
  person.updatedAt = nowMs
  if (isNothing(toTell(person, slugs))) rest(person)
  else person.state = 'pending'
}

export function sorted(slugs: readonly string[]): readonly string[] {
  return [...new Set(slugs)].sort()
}
