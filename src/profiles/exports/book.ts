/**
 * The book of exports: what each vendor should hold of whom, and what it accepted. It lies in the store of profiles and is
 * written by the process that writes profiles; senders ask it from another one, so that everything here is JSON.
 */

import type { Address } from '../../core/audience-change.ts'
import type { Lane, PersonState, Telling } from './person.ts'
import type { ExportRule } from './rule.ts'

/** People of one page. */
export const PAGE_MAX = 1_000

/** What is gone through when a rule changed: those whom the book has, and then, for `everybody`, all who are in the audiences. */
export type Walk = 'none' | 'people' | 'everybody'

export interface Outlook {
  /** Waiting on the live lane; counted up to what one batch takes. */
  readonly live: number
  /** When the oldest of them is to leave; null: there is none. */
  readonly liveDueAt: number | null
  readonly backfill: boolean
  /** People whom the changed rule was not applied to yet. */
  readonly walking: boolean
}

export interface Taken extends Telling {
  readonly who: Address
  readonly revision: number
}

export interface Told extends Taken {
  /** `open`: it is not known; told again. */
  readonly outcome: 'accepted' | 'refused' | 'open'
  /** Of a refusal, in words. */
  readonly reason: string
}

export interface Figures {
  readonly people: number
  /** People by state. */
  readonly states: Readonly<Record<PersonState, number>>
  /** People for whom the vendor accepted at least one slug. */
  readonly holding: number
  /** People for whom more slugs are wanted than the asked number. */
  readonly over: number
  /** Moves of people without an identifier, ever. */
  readonly omitted: number
  readonly walking: boolean
}

export interface PersonEntry {
  readonly who: Address
  readonly profile: number
  readonly held: boolean
  readonly wanted: readonly number[]
  readonly sent: readonly string[]
  readonly doubt: readonly string[]
  readonly state: PersonState
  readonly reason: string
  readonly attempts: number
  readonly lane: Lane
  readonly dueAt: number
  readonly updatedAt: number
}

export interface PeopleQuery {
  readonly state?: PersonState | undefined
  readonly profile?: number | undefined
  readonly value?: string | undefined
  readonly after?: Address | undefined
  readonly limit: number
}

/** What the vendor was found to hold otherwise. */
export interface Deviation {
  readonly who: Address
  /** Accepted, but not there. */
  readonly missing: readonly string[]
  /** There, but neither accepted nor in doubt. */
  readonly stale: readonly string[]
}

/** A first look at what a rule would do, page by page. */
export interface Survey {
  readonly people: number
  /** Of those: more slugs than the asked number. */
  readonly over: number
  /** In an audience, without an identifier. */
  readonly omitted: number
  /** Where to go on; null: that was all. */
  readonly next: MemberPlace | null
}

/** A place in the members of the audiences of a rule: behind this profile, in the audience of this place in the rule. */
export interface MemberPlace {
  readonly audience: number
  readonly profile: number
}

export const FIRST_MEMBER: MemberPlace = { audience: 0, profile: 0 }

export interface ExportBook {
  /** What the export was told to follow last; null: nothing. */
  rule(exportNumber: number): Promise<ExportRule | null>
  /** From the next change on. What the walk is to go through is taken up by `step`. */
  configure(rule: ExportRule, walk: Walk): Promise<void>
  /** Applies a changed rule to the next page of people. False: nothing was left. */
  step(exportNumber: number, nowMs: number): Promise<boolean>
  /** Forgets the export and all its people. */
  drop(exportNumber: number): Promise<void>
  /** A new sender begins: what an earlier one had under way is to be told again. */
  begin(exportNumber: number, nowMs: number): Promise<void>
  outlook(exportNumber: number, batchMax: number): Promise<Outlook>
  /** The next people of a lane, longest due first, noted as under way before anything is sent. */
  take(exportNumber: number, lane: Lane, max: number, nowMs: number): Promise<Taken[]>
  /** What became of people who were taken. Gives how many moves were omitted since the last time. */
  settle(exportNumber: number, told: readonly Told[], nowMs: number): Promise<{ omitted: number }>
  figures(exportNumber: number, overMoreThan: number): Promise<Figures>
  people(exportNumber: number, query: PeopleQuery): Promise<PersonEntry[]>
  /** Refused people are tried again: those named, or all. Gives how many. */
  retry(exportNumber: number, who: readonly Address[] | 'all', nowMs: number): Promise<number>
  /** Takes the vendor's word over ours, so that the difference is sent. */
  repair(exportNumber: number, deviations: readonly Deviation[], nowMs: number): Promise<void>
  survey(rule: ExportRule, overMoreThan: number, after: MemberPlace): Promise<Survey>
}
