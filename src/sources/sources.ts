/**
 * The sources: who may send us events, and by which address. This room keeps their names, settings and
 * tokens, owns the doors (doors.ts) that turn a request into one frame of the log, and counts what came. It
 * never answers 2xx before the log has synced, never keeps a token (only its SHA-256), never gives an event
 * up because one beside it is bad, and never looks into an event further than its header words.
 */

import type { BrazeCurrentsSettings, FilesSettings, SourceKind, TreasureDataSettings } from './settings.ts'

interface SourceBase {
  /** What frames carry; never used again after the source is removed. */
  readonly number: number
  /** Unique among those not removed. */
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
  /** Those not revoked, oldest first. */
  readonly tokens: readonly SourceToken[]
}

export interface BrazeCurrentsSource extends SourceBase {
  readonly kind: 'braze-currents'
  readonly settings: BrazeCurrentsSettings
}

export interface TreasureDataSource extends SourceBase {
  readonly kind: 'treasure-data'
  readonly settings: TreasureDataSettings
}

/** It has no door and no tokens: it is read by an import (files/imports.ts). */
export interface FilesSource extends SourceBase {
  readonly kind: 'files'
  readonly settings: FilesSettings
}

export type Source = BrazeCurrentsSource | TreasureDataSource | FilesSource

/** A token as it may be shown: without the secret. */
export interface SourceToken {
  readonly id: string
  readonly label: string
  readonly createdAt: number
}

export interface NewSource {
  readonly name: string
  readonly kind: SourceKind
  /** Validated by the kind's schema. */
  readonly settings: unknown
  /** The secret that the sender already has; unset: one is made. A source of files has none. */
  readonly token?: string | undefined
  /** An admin names the folder himself: it need not lie in one of the roots for files. */
  readonly anyFolder?: boolean
}

/** Tokens that one source may have at a time: each is compared on every request. */
export const TOKENS_MAX = 8

/** A source with the digests of its tokens: what a door compares. */
export interface Entrance {
  readonly source: Source
  /** SHA-256 of each token that opens it. */
  readonly digests: readonly Uint8Array[]
}

/** What the doors ask on every request: synchronous, from memory. */
export interface EntranceIndex {
  byName(name: string): Entrance | undefined
  byTable(database: string, table: string): Entrance | undefined
  byTask(taskId: string): Entrance | undefined
  /** Whether any source has a token of this digest. */
  knowsDigest(digest: Uint8Array): boolean
}
