/** What the hub and the process of a roster say to each other. */

import type { SubjectIdentifier } from '../../core/traces.ts'
import type { Change, Comparison, Move, Operation, RecordsPage, Stand } from './roster.ts'
import type { SnapshotCounts, SnapshotPlan } from './snapshot.ts'

export interface RosterSettings {
  readonly file: string
  readonly memoryBytesMax: number
  readonly threads: number
}

export type Ask =
  | { what: 'open' }
  | { what: 'begin' }
  | { what: 'load'; persons: string[] }
  | { what: 'snapshot'; plan: SnapshotPlan }
  | { what: 'compare'; operation: Operation; run: string }
  | { what: 'compare-refused'; of: string; run: string }
  | { what: 'sample'; enters: boolean; limit: number }
  | {
      what: 'records'
      from: number
      below: number
      room: { recordsMax: number; bytesMax: number }
      about: { prefix: string; activation: string; run: string; timeMs: number }
    }
  | { what: 'apply'; run: string; atMs: number; sent: number; unsure: boolean; rejected: number[] }
  | { what: 'size'; atMs: number | null }
  | { what: 'members'; atMs: number; after: string }
  | { what: 'between'; fromMs: number; toMs: number; enters: boolean; after: string }
  | { what: 'moves'; person: string }
  // search: part of an identifier, whatever its case; empty: all.
  | { what: 'moved'; run: string; enters: boolean; after: string; search: string }
  | { what: 'planned'; run: string; enters: boolean; after: string; search: string }
  | { what: 'refused'; run: string; after: number; search: string }
  | { what: 'name' }
  | { what: 'rename'; name: string }
  | { what: 'stand'; run: string }
  | { what: 'forget'; last: string | null }
  | { what: 'erase'; identifiers: SubjectIdentifier[]; isDry: boolean }

interface Results {
  open: undefined
  begin: undefined
  load: undefined
  snapshot: SnapshotCounts
  compare: Comparison
  'compare-refused': Comparison
  sample: string[]
  records: RecordsPage
  apply: undefined
  size: number
  members: string[]
  between: string[]
  moves: Move[]
  moved: Change[]
  planned: Change[] | undefined
  refused: Change[]
  name: string | undefined
  rename: undefined
  stand: Stand
  forget: undefined
  erase: number
}
export type Asked<W extends Ask['what']> = Results[W]

export type Answer = { readonly result: unknown } | { readonly error: string }

/** How the process answers each question. */
export type Answering = {
  readonly [W in Ask['what']]: (ask: Extract<Ask, { what: W }>) => Promise<Results[W]> | Results[W]
}
