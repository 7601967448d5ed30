/**
 * Alerts: what a contact should know, recorded where people and programs can read it, and told outside by mail and webhook. The rooms that
 * see trouble raise and resolve; this one decides who hears of it, and keeps what is to be told until it was told (outbox.ts). It never
 * looks for trouble itself, and trouble with telling never holds up what raised the alert. Owns the table alerts.
 */

import { randomUUID } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Store } from '../store/store.ts'
import { type About, type Alert, type AlertKind, type AlertSubject, aboutText, alertFrom } from './alert.ts'
import { hearersOf } from './channels.ts'
import { queueRaised, queueResolved } from './outbox.ts'

/** Kinds that tell of something that happened once: nothing ends them but a person who has seen it. */
const EVENTS: ReadonlySet<AlertKind> = new Set(['log-corrupt', 'activation'])

export interface NewAlert {
  readonly current: number | null
  readonly export?: number
  readonly about: About
  readonly kind: AlertKind
  readonly contact: string
  readonly subject: string
  readonly detail: string
}

export interface AlertFilter {
  readonly open?: boolean
  readonly current?: number
  readonly kind?: AlertKind
  readonly about?: About
  /** Raised at or after, and before, in milliseconds since the epoch. */
  readonly from?: number
  readonly to?: number
  /** Goes on behind this one. */
  readonly before?: { readonly createdAt: number; readonly id: string }
  /** Default 200. */
  readonly limit?: number
}

const LIST_MAX = 200

export class Alerts {
  readonly #store: Store
  readonly #clock: Clock
  /** Called when there may be something to tell. */
  onQueued: () => void = () => undefined

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /**
   * Raises an alert unless the same kind is already open for this subject: one page per trouble, not one per try. What is to be told is
   * queued in the same transaction.
   */
  async raise(alert: NewAlert): Promise<void> {
    const isNew = await this.#store.transaction(async (tx) => {
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
      const { subject, detail } = alert
      if (found !== undefined) {
        await tx.updateTable('alerts').set({ subject, detail }).where('id', '=', found.id).execute()
        return false
      }
      const id = randomUUID()
      const now = this.#clock.now()
      const { current, kind, contact } = alert
      await tx
        .insertInto('alerts')
        .values({
          id,
          current,
          export: alert.export ?? null,
          about: aboutText(alert.about),
          kind,
          contact,
          subject,
          detail,
          created_at: now,
          resolved_at: null,
          acknowledged_at: null,
          acknowledged_by: '',
          acknowledge_note: '',
        })
        .execute()
      await queueRaised(tx, id, await hearersOf(tx, alert), now)
      return true
    })
    if (isNew) this.onQueued()
  }

  async resolve(subject: AlertSubject, kinds: readonly AlertKind[]): Promise<void> {
    const [column, number] =
      typeof subject === 'number' ? (['current', subject] as const) : (['export', subject.export] as const)
    const open = await this.#store.db
      .selectFrom('alerts')
      .select('id')
      .where(column, '=', number)
      .where('kind', 'in', kinds)
      .where('resolved_at', 'is', null)
      .execute()
    // Nearly always nothing: then no transaction.
    if (open.length > 0) await this.#close(open.map(({ id }) => id))
  }

  /**
   * Notes that somebody has seen it. What happened once is over with that; what lasts stays open until it ends by itself. Again: the newer
   * note stands. Throws ALERT_UNKNOWN.
   */
  async acknowledge(id: string, by: string, note: string): Promise<Alert> {
    const alert = await this.get(id)
    await this.#store.db
      .updateTable('alerts')
      .set({ acknowledged_at: this.#clock.now(), acknowledged_by: by, acknowledge_note: note })
      .where('id', '=', id)
      .execute()
    if (EVENTS.has(alert.kind)) await this.#close([id])
    return this.get(id)
  }

  /** Throws ALERT_UNKNOWN. */
  async get(id: string): Promise<Alert> {
    const row = await this.#store.db.selectFrom('alerts').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new ThalwegError('ALERT_UNKNOWN', `There is no alert ${JSON.stringify(id)}`)
    return alertFrom(row)
  }

  /** Newest first. */
  async list(filter: AlertFilter = {}): Promise<Alert[]> {
    const { open = false, current, kind, about, from, to, before, limit = LIST_MAX } = filter
    let query = this.#store.db.selectFrom('alerts').selectAll()
    if (open) query = query.where('resolved_at', 'is', null)
    if (current !== undefined) query = query.where('current', '=', current)
    if (kind !== undefined) query = query.where('kind', '=', kind)
    if (about !== undefined) query = query.where('about', '=', aboutText(about))
    if (from !== undefined) query = query.where('created_at', '>=', from)
    if (to !== undefined) query = query.where('created_at', '<', to)
    if (before !== undefined)
      query = query.where((e) =>
        e.or([
          e('created_at', '<', before.createdAt),
          e.and([e('created_at', '=', before.createdAt), e('id', '<', before.id)]),
        ]),
      )
    const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
    return rows.map(alertFrom)
  }

  async #close(ids: readonly string[]): Promise<void> {
    const now = this.#clock.now()
    const closed = await this.#store.transaction(async (tx) => {
      const rows = await tx
        .updateTable('alerts')
        .set({ resolved_at: now })
        .where('id', 'in', ids)
        .where('resolved_at', 'is', null)
        .returning('id')
        .execute()
      for (const { id } of rows) await queueResolved(tx, id, now)
      return rows.length
    })
    if (closed > 0) this.onQueued()
  }
}
