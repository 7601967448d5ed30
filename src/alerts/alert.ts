/** What an alert is. */

import type { Selectable } from 'kysely'
import type { AlertsTable } from '../store/schema.ts'

export const ALERT_KINDS = [
  'halted',
  'deferred-long',
  'log-corrupt',
  'books',
  'activation',
  'capacity',
] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

export const ABOUT_SORTS = ['current', 'activation', 'export'] as const

/** What an alert is about, by the name it had then. */
export interface About {
  readonly sort: (typeof ABOUT_SORTS)[number]
  readonly name: string
}

/** Where an alert belongs: a current by its number, or an export. */
export type AlertSubject = number | { readonly export: number }

export interface Alert {
  readonly id: string
  readonly current: number | null
  readonly export: number | null
  /** null: raised by a program that did not note it yet. */
  readonly about: About | null
  readonly kind: AlertKind
  readonly contact: string
  readonly subject: string
  readonly detail: string
  readonly createdAt: number
  readonly resolvedAt: number | null
  readonly acknowledgedAt: number | null
  /** Label of who acknowledged it, and why; '' until then. */
  readonly acknowledgedBy: string
  readonly acknowledgeNote: string
}

export function aboutText({ sort, name }: About): string {
  return `${sort}:${name}`
}

export function alertFrom(row: Selectable<AlertsTable>): Alert {
  return {
    id: row.id,
    current: row.current,
    export: row.export,
    about: aboutFrom(row.about),
    kind: row.kind as AlertKind,
    contact: row.contact,
    subject: row.subject,
    detail: row.detail,
    createdAt: row.created_at,
    resolvedAt: row.resolved_at,
    acknowledgedAt: row.acknowledged_at,
    acknowledgedBy: row.acknowledged_by,
    acknowledgeNote: row.acknowledge_note,
  }
}

function aboutFrom(text: string): About | null {
  const colon = text.indexOf(':')
  const sort = ABOUT_SORTS.find((one) => one === text.slice(0, colon))
  return sort === undefined ? null : { sort, name: text.slice(colon + 1) }
}
