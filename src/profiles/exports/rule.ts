/** What the followers of profiles need to know of an export: whom it is about, by which identifiers, and what of their moves counts. */

import type { Address } from '../../core/audience-change.ts'
import type { Standing } from '../follower.ts'

export interface ExportedAudience {
  readonly number: number
  /** What travels. */
  readonly slug: string
  /** Who entered before is not exported, unless existing users are. Milliseconds since the epoch. */
  readonly since: number
}

export interface ExportRule {
  readonly export: number
  /** Ascending by number. */
  readonly audiences: readonly ExportedAudience[]
  readonly identifiers: Identifiers
  /** Whoever is in an audience already is exported, too. */
  readonly existing: boolean
  readonly moves: 'both' | 'enter' | 'exit'
  /** How long a change waits for company. */
  readonly waitMs: number
}

/** Names of the fields that hold them, in the order in which they are tried. */
export interface Identifiers {
  readonly externalIdField?: string | undefined
  readonly brazeIdField?: string | undefined
  readonly aliasLabel?: string | undefined
  readonly aliasField?: string | undefined
}

/** Braze refuses external ids of 988 bytes and more (live error text, from rudder-transformer); the others are shorter. */
const VALUE_BYTES_MAX = 987

/** By what the vendor finds somebody; undefined: by nothing that we know of them. */
export function addressOf(identifiers: Identifiers, { fields }: Standing): Address | undefined {
  const { externalIdField, brazeIdField, aliasLabel = '', aliasField } = identifiers
  const candidates = [
    ['external_id', '', externalIdField],
    ['braze_id', '', brazeIdField],
    ['alias', aliasLabel, aliasField],
  ] as const
  for (const [kind, label, field] of candidates) {
    const value = field === undefined ? undefined : textOf(fields[field])
    if (value !== undefined) return { kind, label, value }
  }
  return undefined
}

/** Of several the one that came last. */
function textOf(value: unknown): string | undefined {
  const single = Array.isArray(value) ? value.at(-1) : value
  const text = typeof single === 'number' ? String(single) : single
  const isUsable = typeof text === 'string' && text !== '' && text.isWellFormed() && !text.includes('\0')
  return isUsable && Buffer.byteLength(text) <= VALUE_BYTES_MAX ? text : undefined
}

/** Somebody is in an audience that a rule is about. */
export interface Membership {
  readonly audience: number
  /** Also without news: they entered when it counted, or existing users count. */
  readonly counts: boolean
}

/** In the order of the rule's audiences. */
export function membershipsOf(rule: ExportRule, standing: Standing | undefined): Membership[] {
  const found: Membership[] = []
  for (const { number, since } of rule.audiences) {
    const enteredAt = standing?.members[number]
    if (enteredAt !== undefined) found.push({ audience: number, counts: rule.existing || enteredAt >= since })
  }
  return found
}

/** Of each audience its slug. */
export function slugsOf({ audiences }: ExportRule): ReadonlyMap<number, string> {
  return new Map(audiences.map(({ number, slug }) => [number, slug]))
}
