/**
 * Who takes part: every node says that it is there; one that does not for as long as a lease lasts is gone. And who ever took part, by name.
 * Owns the tables nodes and node_names.
 */

import { type RawBuilder, sql } from 'kysely'
import type { NodeRole } from '../core/node-role.ts'
import { DATABASE_NOW } from '../store/leases.ts'
import type { NodesTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { NodeIdentity, NodeState } from './cluster.ts'

/** What is gone for longer is forgotten. */
const KEPT_MS = 3_600_000

export interface NodeRow extends NodeIdentity {
  readonly url: string
  readonly state: NodeState
  readonly startedAt: number
  readonly heartbeatAt: number
}

export class NodeBook {
  readonly #store: Store
  readonly #aliveMs: number
  readonly #now: RawBuilder<number>

  constructor(store: Store, aliveMs: number, databaseNow: RawBuilder<number> = DATABASE_NOW) {
    this.#store = store
    this.#aliveMs = aliveMs
    this.#now = databaseNow
  }

  /** Says that this node is there. Its state stays what it is, if it is known already. */
  async beat({ id, name, roles, version, log }: NodeIdentity, url: string, first: NodeState): Promise<void> {
    await this.#store.db
      .insertInto('nodes')
      .values({
        id,
        name,
        url,
        roles: JSON.stringify(roles),
        state: first,
        version,
        started_at: this.#now,
        heartbeat_at: this.#now,
        detail: JSON.stringify({ log }),
      })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ url, heartbeat_at: this.#now }))
      .execute()
  }

  /** False: there is no such node, or it is in none of the states `from`. */
  async move(id: string, from: readonly NodeState[], to: NodeState): Promise<boolean> {
    const { numUpdatedRows } = await this.#store.db
      .updateTable('nodes')
      .set({ state: to })
      .where('id', '=', id)
      .where('state', 'in', from)
      .executeTakeFirst()
    return numUpdatedRows > 0n
  }

  async list(): Promise<readonly NodeRow[]> {
    const rows = await this.#store.db
      .selectFrom('nodes')
      .selectAll()
      .select(sql<boolean>`heartbeat_at > ${this.#now} - ${sql.lit(this.#aliveMs)}`.as('lives'))
      .orderBy('name')
      .orderBy('started_at')
      .execute()
    return rows.map(nodeFrom)
  }

  /** Before it does anything: from now on its folders may hold something. */
  async remember(name: string): Promise<void> {
    await this.#store.db
      .insertInto('node_names')
      .values({ name })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  async names(): Promise<readonly string[]> {
    const rows = await this.#store.db.selectFrom('node_names').select('name').orderBy('name').execute()
    return rows.map(({ name }) => name)
  }

  /** False: there is no such node. */
  forget(name: string): Promise<boolean> {
    return this.#store.transaction(async (tx) => {
      await tx.deleteFrom('nodes').where('name', '=', name).execute()
      const { numDeletedRows } = await tx.deleteFrom('node_names').where('name', '=', name).executeTakeFirst()
      return numDeletedRows > 0n
    })
  }

  async forgetGone(): Promise<void> {
    await this.#store.db
      .deleteFrom('nodes')
      .where('heartbeat_at', '<', sql<number>`${this.#now} - ${sql.lit(KEPT_MS)}`)
      .execute()
  }
}

interface Detail {
  readonly log: string
}

function nodeFrom(row: NodesTable & { readonly lives: boolean }): NodeRow {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    roles: JSON.parse(row.roles) as NodeRole[],
    state: row.lives ? (row.state as NodeState) : 'gone',
    version: row.version,
    ...(JSON.parse(row.detail) as Detail),
    startedAt: row.started_at,
    heartbeatAt: row.heartbeat_at,
  }
}
