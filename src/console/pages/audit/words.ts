/** Entries of the trail in words, and where their objects are. */

import type { AuditEntryAnswer } from '../../../api/routes/audit.ts'
import { at } from '../../api/client.ts'

/** reviseCurrent → Revise current. */
export function operationWords(operation: string): string {
  const words = operation.replaceAll(/([A-Z])/g, ' $1').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export function whoWords({ who }: AuditEntryAnswer): string {
  if (who === null) return 'Nobody known'
  return who.kind === 'token' ? `Token “${who.name}”` : who.name
}

export function objectWords({ object: { kind, id, name } }: AuditEntryAnswer): string {
  const named = name === '' ? id : name
  return named === '' || named === kind ? kind : `${kind} ${named}`
}

const PLACES: Readonly<Record<string, (id: string) => string>> = {
  activation: (id) => at`/activations/${id}`,
  'alert channel': () => '/alerts',
  alert: () => '/alerts',
  audience: (id) => at`/audiences/${id}`,
  authorization: (id) => at`/authorizations/${id}`,
  backup: () => '/system',
  current: (id) => at`/currents/${id}`,
  'dead letter': (id) => at`/dead-letters/${id}`,
  'dead letters': () => '/dead-letters',
  double: () => '/sandbox',
  drift: () => '/drift',
  erasure: (id) => at`/erasures/${id}`,
  export: (id) => at`/exports/${id}`,
  person: (id) => at`/access/people/${id}`,
  'profile schema': () => '/streams',
  source: () => '/inbox',
  token: () => '/access/tokens',
}

/** Where the object is shown; undefined: nowhere. */
export function placeOf({ object: { kind, id } }: AuditEntryAnswer): string | undefined {
  return PLACES[kind]?.(id)
}
