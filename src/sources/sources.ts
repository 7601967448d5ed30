/**
 * The sources: who may send us events, and by which address. This room keeps their names, settings and
 * tokens, owns the doors (doors.ts) that turn a request into one frame of the log, and counts what came. It
 * never answers 2xx before the log has synced, never keeps a token (only its SHA-256), never gives an event
 * up because one beside it is bad, and never looks into an event further than its header words. The drift radar
 * (drift/drift.ts) does, from the log, and in nobody's way.
 */

import type {
  AudienceSettings,
  BrazeCurrentsSettings,
  FilesSettings,
  LyticsSettings,
  SegmentSettings,
  SourceKind,
  TreasureDataSettings,
} from './settings.ts'

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

export interface SegmentSource extends SourceBase {
  readonly kind: 'segment'
  readonly settings: SegmentSettings
}

export interface LyticsSource extends SourceBase {
  readonly kind: 'lytics'
  readonly settings: LyticsSettings
}

/** It has no door and no tokens: it is read by an import (files/imports.ts). */
export interface FilesSource extends SourceBase {
  readonly kind: 'files'
  readonly settings: FilesSettings
}

/** The membership changes that the hub itself makes for an activation: no door, no tokens. */
export interface AudienceSource extends SourceBase {
  readonly kind: 'audience'
  readonly settings: AudienceSettings
}

export type Source =
  | BrazeCurrentsSource
  | TreasureDataSource
  | SegmentSource
  | LyticsSource
  | FilesSource
  | AudienceSource

/** Kinds whose addresses name no source: the key that is shown does. */
export type KeyedKind = 'segment' | 'lytics'

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
  /** Of a kind whose sources are found by their keys. */
  byDigest(kind: KeyedKind, digest: Uint8Array): Entrance | undefined
  /** Whether there is a source of this kind. */
  has(kind: KeyedKind): boolean
  /** Whether any source has a token of this digest. */
  knowsDigest(digest: Uint8Array): boolean
}
