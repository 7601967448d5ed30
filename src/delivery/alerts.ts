/** What a contact should know, recorded where people and programs can read it. Owns the table alerts. */

import { randomUUID } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { Store } from '../store/store.ts'

export const ALERT_KINDS = [
  'halted',
  'deferred-long',
  'log-corrupt',
  'books',
  'activation',
  'capacity',
] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

/** What an alert is about: a current by its number, or an export. */
export type AlertSubject = number | { readonly export: number }

export interface Alert {
  readonly id: string
  readonly current: number | null
  readonly export: number | null
  readonly kind: AlertKind
  readonly contact: string
  readonly subject: string
  readonly detail: string
  readonly createdAt: number
  readonly resolvedAt: number | null
}

export class Alerts {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Raises an alert unless the same kind is already open for this subject: one page per trouble, not one per try. */
  async raise(alert: {
    current: number | null
    export?: number
    kind: AlertKind
    contact: string
    subject: string
    detail: string
  }): Promise<void> {
    await this.#store.transaction(async (tx) => {
      let open = tx
        .selectFrom('alerts')
        .select('id')
        .where('kind', '=', alert.kind)
        .where('resolved_at', 'is', null)
      open =
        alert.current === null ? open.where('current', 'is', null) : open.where('current', '=', alert.current)
      open =
        alert.export === undefined
          ? open.where('export', 'is', null)
          : open.where('export', '=', alert.export)
      const found = await open.executeTakeFirst()
      if (found !== undefined) {
        await tx.updateTable('alerts').set({ detail: alert.detail }).where('id', '=', found.id).execute()
        return
      }
      await tx
        .insertInto('alerts')
        .values({
          id: randomUUID(),
          export: null,
          ...alert,
          created_at: this.#clock.now(),
          resolved_at: null,
        })
        .execute()
    })
  }

  async resolve(subject: AlertSubject, kinds: readonly AlertKind[]): Promise<void> {
    const [column, number] =
      typeof subject === 'number' ? (['current', subject] as const) : (['export', subject.export] as const)
    await this.#store.db
      .updateTable('alerts')
      .set({ resolved_at: this.#clock.now() })
      .where(column, '=', number)
      .where('kind', 'in', kinds)
      .where('resolved_at', 'is', null)
      .execute()
  }

  /** Newest first, at most 200. */
  async list(filter: { open?: boolean; current?: number } = {}): Promise<Alert[]> {
    let query = this.#store.db.selectFrom('alerts').selectAll()
    if (filter.open === true) query = query.where('resolved_at', 'is', null)
    if (filter.current !== undefined) query = query.where('current', '=', filter.current)
    const rows = await query.orderBy('created_at', 'desc').limit(200).execute()
    return rows.map((row) => ({
      id: row.id,
      current: row.current,
      export: row.export,
      kind: row.kind as AlertKind,
      contact: row.contact,
      subject: row.subject,
      detail: row.detail,
      createdAt: row.created_at,
      resolvedAt: row.resolved_at,
    }))
  }
}
