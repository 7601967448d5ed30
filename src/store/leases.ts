/**
 * Leases: the right to do what only one node may do at a time. A lease has a holder until some moment and a token, which grows whenever the
 * lease passes to somebody, so that writes of a holder that was not there for a while are told from those of its successor. Owns the table
 * leases. All times are the database's: the clocks of nodes need not agree.
 *
 *   free ──claim: token + 1──► held ──renew──► held ──release──► free
 *                                └──its time passed──► free
 *
 * A write is fenced by `staleOf` in its own transaction. The lock that takes keeps the lease from passing on before the transaction has
 * ended, and does not stand in the way of renewals.
 */

import { CompiledQuery, type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import { ThalwegError } from '../core/errors.ts'
import type { Schema } from './schema.ts'
import type { Store } from './store.ts'

/** What work under a lease is given. */
export interface Lease {
  readonly name: string
  /** 0: nobody else can ever hold it, so that writes need no fence. */
  readonly token: number
  /**
   * Whether the holder may act now, by its own clock, which is told to stop before the lease can have passed on. To be asked right before
   * anything that cannot be undone: the process may have stood still since the last time.
   */
  mayAct(): boolean
  /** Aborted when the lease is lost, by time or because a fenced write was refused; never when it is given back. */
  readonly lost: AbortSignal
  /** A fenced write found another token: the lease is lost. */
  refused(): void
}

/** In a store of one process everything is its own. */
export function soleLease(name: string): Lease {
  // One of its own: what waits for it goes with whoever holds the lease.
  const { signal: lost } = new AbortController()
  return { name, token: 0, mayAct: () => true, lost, refused: () => undefined }
}

/** A lease of this name and token was not the present one when a transaction asked. */
export function leaseLost(name: string): ThalwegError {
  return new ThalwegError('LEASE_LOST', `Another node may hold ${name} by now: nothing was written`)
}

type Fenced = Pick<Lease, 'name' | 'token'>

/**
 * Of these leases, those whose token is no longer the present one. The others cannot pass on before `tx` has ended. So that a
 * process that stands still cannot keep a lease for long, PostgreSQL ends the transaction when it is idle for IDLE_MS_MAX.
 */
export async function staleOf<L extends Fenced>(
  tx: Transaction<Schema>,
  leases: readonly L[],
): Promise<ReadonlySet<L>> {
  const fenced = leases.filter(({ token }) => token !== 0)
  if (fenced.length === 0) return new Set()
  const { rows } = await tx.executeQuery<Fenced>(
    CompiledQuery.raw(FENCE_SQL, [...fenceParameters(...fenced.map(({ name }) => name))]),
  )
  const present = new Map(rows.map(({ name, token }) => [name, token]))
  return new Set(fenced.filter(({ name, token }) => present.get(name) !== token))
}

const IDLE_MS_MAX = 3_000

/** PostgreSQL: names and tokens of leases, kept from passing on until the transaction ends. */
export const FENCE_SQL = `select name, token
  from leases, (select set_config('idle_in_transaction_session_timeout', '${IDLE_MS_MAX}', true)) as bounded
  where name = any(string_to_array($1, chr(10))) order by name for key share of leases`

export function fenceParameters(...names: readonly string[]): readonly unknown[] {
  return [names.join('\n')]
}

/** Throws LEASE_LOST, and has the lease know, when its token is no longer the present one. */
export async function refuseStale(tx: Transaction<Schema>, lease: Lease): Promise<void> {
  if ((await staleOf(tx, [lease])).size === 0) return
  lease.refused()
  throw leaseLost(lease.name)
}

/** One statement, fenced where there is something to fence. Throws LEASE_LOST. */
export function writeUnder<T>(
  store: Store,
  lease: Lease | undefined,
  write: (db: Kysely<Schema>) => Promise<T>,
): Promise<T> {
  if (lease === undefined || lease.token === 0) return write(store.db)
  return store.transaction(async (tx) => {
    await refuseStale(tx, lease)
    return write(tx)
  })
}

export interface HeldLease {
  readonly name: string
  readonly token: number
  /** Somebody asked for it. */
  readonly isWanted: boolean
}

export interface LeaseView {
  readonly name: string
  /** '' = nobody: nobody took it, or its time passed. */
  readonly holder: string
  readonly token: number
  /** Who asked for it; '' = nobody, or it no longer waits. */
  readonly wantedBy: string
}

export interface LeaseTerms {
  /** For how long a claim and a renewal count. */
  readonly ttlMs: number
  /** The database's time in milliseconds, as an expression. */
  readonly databaseNow?: RawBuilder<number>
}

/** PostgreSQL's clock at the begin of the transaction: what is granted ends no later than it would by any later look. */
export const DATABASE_NOW = sql<number>`cast(extract(epoch from now()) * 1000 as bigint)`

/** The table of leases, for who claims and renews them: the cluster. Every call throws STORE_UNAVAILABLE for outages. */
export class LeaseBook {
  readonly #store: Store
  readonly #ttlMs: number
  readonly #now: RawBuilder<number>

  constructor(store: Store, { ttlMs, databaseNow = DATABASE_NOW }: LeaseTerms) {
    this.#store = store
    this.#ttlMs = ttlMs
    this.#now = databaseNow
  }

  /**
   * Takes those of `names` that are free, or were this holder's, and that nobody else waits for; each with a new token. One in whose
   * name a fenced write is under way is not free at the moment.
   */
  async claim(names: readonly string[], holder: string): Promise<readonly HeldLease[]> {
    if (names.length === 0) return []
    const now = this.#now
    return this.#store.transaction(async (tx) => {
      await tx
        .insertInto('leases')
        .values(
          [...names]
            .sort()
            .map((name) => ({ name, holder: '', token: 0, until: 0, wanted_by: '', wanted_until: 0 })),
        )
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      let free = tx
        .selectFrom('leases')
        .select('name')
        .where('name', 'in', names)
        .where((e) => e.or([e('holder', 'in', ['', holder]), e('until', '<=', now)]))
        .where((e) => e.or([e('wanted_by', 'in', ['', holder]), e('wanted_until', '<=', now)]))
        .orderBy('name')
      if (this.#store.dialect === 'postgres') free = free.forUpdate().skipLocked()
      const rows = await free.execute()
      if (rows.length === 0) return []
      return tx
        .updateTable('leases')
        .set((e) => ({
          holder,
          token: e('token', '+', 1),
          until: sql<number>`${now} + ${sql.lit(this.#ttlMs)}`,
          wanted_by: '',
          wanted_until: 0,
        }))
        .where(
          'name',
          'in',
          rows.map(({ name }) => name),
        )
        .returning(['name', 'token'])
        .execute()
        .then((claimed) => claimed.map((row) => ({ ...row, isWanted: false })))
    })
  }

  /** Prolongs what is still this holder's of `names`. What does not come back is lost. */
  async renew(names: readonly string[], holder: string): Promise<readonly HeldLease[]> {
    if (names.length === 0) return []
    const now = this.#now
    const rows = await this.#store.db
      .updateTable('leases')
      .set({ until: sql<number>`${now} + ${sql.lit(this.#ttlMs)}` })
      .where('name', 'in', names)
      .where('holder', '=', holder)
      .returning(['name', 'token', 'wanted_by', sql<boolean>`wanted_until > ${now}`.as('waits')])
      .execute()
    return rows.map(({ name, token, wanted_by, waits }) => ({
      name,
      token,
      isWanted: wanted_by !== '' && wanted_by !== holder && Boolean(waits),
    }))
  }

  /** Gives back what is still held by this token. */
  async release(name: string, token: number, holder: string): Promise<void> {
    await this.#store.db
      .updateTable('leases')
      .set({ holder: '', until: 0 })
      .where('name', '=', name)
      .where('token', '=', token)
      .where('holder', '=', holder)
      .execute()
  }

  /** Asks whoever holds it to let go, and keeps it from everybody else for so long. The newest wish counts. */
  async want(name: string, holder: string, forMs: number): Promise<void> {
    const until = sql<number>`${this.#now} + ${sql.lit(forMs)}`
    await this.#store.db
      .insertInto('leases')
      .values({ name, holder: '', token: 0, until: 0, wanted_by: holder, wanted_until: until })
      .onConflict((conflict) =>
        conflict.column('name').doUpdateSet({ wanted_by: holder, wanted_until: until }),
      )
      .execute()
  }

  /** All that were ever claimed and not forgotten. */
  async list(): Promise<readonly LeaseView[]> {
    const now = this.#now
    const rows = await this.#store.db
      .selectFrom('leases')
      .select([
        'name',
        'token',
        'holder',
        'wanted_by',
        sql<boolean>`until > ${now}`.as('lives'),
        sql<boolean>`wanted_until > ${now}`.as('waits'),
      ])
      .orderBy('name')
      .execute()
    return rows.map(({ name, token, holder, wanted_by, lives, waits }) => ({
      name,
      token,
      holder: lives ? holder : '',
      wantedBy: waits ? wanted_by : '',
    }))
  }
}
