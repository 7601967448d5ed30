/**
 * Who may call: REST keys with a permission per endpoint (Braze, "REST API keys"), and partners with a key of their
 * own beside the workspace's data import key (cohort import).
 */

import type { Call } from '../double.ts'

export const PERMISSIONS = [
  'users.track',
  'users.identify',
  'users.alias.new',
  'users.export.ids',
  'users.export.segment',
  'users.delete',
  'segments.list',
] as const
export type Permission = (typeof PERMISSIONS)[number]

export interface RestKey {
  readonly key: string
  readonly permissions: readonly Permission[]
}

export interface Partner {
  /** In the path: /partners/<name>/cohorts. */
  readonly name: string
  /** As the segment filter is called. */
  readonly title: string
  readonly keys: readonly string[]
}

export type Admission = 'admitted' | 'unknown-key' | 'no-permission'

export function admissionOf(call: Call, permission: Permission, keys: readonly RestKey[]): Admission {
  // Quotes around the key are a well-known mistake: they make it another key (Braze, "API errors").
  const given = /^Bearer (.+)$/.exec(call.headers.authorization ?? '')?.[1]
  const known = keys.find(({ key }) => key === given)
  if (known === undefined) return 'unknown-key'
  return known.permissions.includes(permission) ? 'admitted' : 'no-permission'
}
