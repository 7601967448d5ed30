/** What the hub and the process of the profiles say to each other. */

import type { SourceKind } from '../../sources/settings.ts'
import type { AudienceRule } from '../audiences/registry.ts'
import type { ExportBook } from '../exports/book.ts'
import type { ProfileSchema } from '../schema.ts'
import type { Again } from './again.ts'
import type { Desk } from './desk.ts'
import type { Applied, Progress, Stretch } from './engine.ts'

/** What the process works on. */
export interface ProcessSettings {
  /** `sqlite:<path>` or `postgres://…`. */
  readonly store: string
  /** Pages of SQLite kept in memory. */
  readonly cacheBytes: number
  /** Under which the process works; its writes are refused when another node holds the lease. */
  readonly lease: { readonly name: string; readonly token: number }
}

export interface ReadableSource {
  readonly number: number
  readonly name: string
  readonly kind: SourceKind
}

/** What the engine is to go by; a new one replaces the one before as a whole. */
export interface Configuration {
  readonly schemaVersion: number
  readonly schema: ProfileSchema
  readonly sources: readonly ReadableSource[]
  readonly audiences: readonly AudienceRule[]
}

/** A stretch as it travels: the bytes of all records in one buffer. */
export interface PackedStretch {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
  /** Where each record ends in `bytes`. */
  readonly ends: Uint32Array
  readonly offsets: Float64Array
  readonly receivedAt: Float64Array
  readonly sources: Uint32Array
  /** Index in `names`. */
  readonly types: Uint16Array
  readonly names: readonly string[]
}

/** Methods are questions by themselves: their arguments travel, and their answers. */
type Asking<W, D> = {
  readonly [M in keyof D]: D[M] extends (...given: infer G) => Promise<unknown>
    ? { readonly what: W; readonly method: M; readonly given: G }
    : never
}[keyof D]

/** Of the desk. */
export type Inquiry = Asking<'desk', Desk>
/** Of the book of exports. */
export type BookInquiry = Asking<'book', ExportBook>

export type Ask =
  | {
      readonly what: 'open'
      readonly settings: ProcessSettings
      readonly configuration: Configuration
      /** The offset to begin with where nothing was ever read. */
      readonly start: number
    }
  | { readonly what: 'adopt'; readonly configuration: Configuration }
  | { readonly what: 'apply'; readonly stretch: PackedStretch; readonly nowMs: number }
  | { readonly what: 'tick'; readonly nowMs: number }
  | { readonly what: 'judge-more'; readonly nowMs: number }
  | { readonly what: 'evidence'; readonly stretch: PackedStretch }
  | { readonly what: 'clear-more'; readonly again: Again; readonly nowMs: number }
  | {
      readonly what: 'take-again'
      readonly again: Again
      readonly stretch: PackedStretch
      readonly nowMs: number
    }
  | Inquiry
  | BookInquiry

interface Results {
  open: Progress
  adopt: undefined
  apply: Applied
  tick: Progress
  'judge-more': Progress
  evidence: undefined
  'clear-more': Progress
  'take-again': Progress
  desk: unknown
  book: unknown
}
export type Asked<W extends Ask['what']> = Results[W]

/** `id`: of the question. */
export type Question = Ask & { readonly id: number }
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly code: string | undefined; readonly message: string } }

/** The records lie in the buffer that came; they are valid as long as it is. */
export function unpacked({
  from,
  to,
  bytes,
  ends,
  offsets,
  receivedAt,
  sources,
  types,
  names,
}: PackedStretch): Stretch {
  let start = 0
  const records = Array.from({ length: ends.length }, (_, i) => {
    const end = ends[i] ?? start
    const record = {
      offset: offsets[i] ?? 0,
      receivedAt: receivedAt[i] ?? 0,
      source: sources[i] ?? 0,
      type: names[types[i] ?? 0] ?? '',
      bytes: bytes.subarray(start, end),
    }
    start = end
    return record
  })
  return { from, to, records }
}
