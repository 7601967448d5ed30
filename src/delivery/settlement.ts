/**
 * Settlement: a record's outcome is decided once and written together with everything that follows from it: checkpoint, ledger counts, dead
 * letters and batch rows, in one transaction. Slices of all connections that are ready are written together, at most every GATHER_MS; while few
 * are ready, at most every GATHERINGS_MAX times that, since a transaction costs nearly the same for one slice and for many.
 *
 * Exactly once: the transaction moves a checkpoint only from where the slice begins. If the store lost our commit's answer, the next try
 * finds the checkpoint already past the slice and writes nothing again.
 */

import { CompiledQuery, type Transaction } from 'kysely'
import { type Clock, type Pause, pause } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { type Lease, leaseLost, staleOf } from '../store/leases.ts'
import type { BatchesTable, DeadLettersTable, Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { Cells, TypeNumbers } from './cells.ts'
import { insertDeadLetters } from './dead-letters.ts'
import { addToLedger, type LedgerEntry } from './ledger.ts'

export interface Settlement {
  readonly current: number
  readonly from: number
  readonly to: number
  readonly delivered: Cells
  /** Outcome and reason with their counts. */
  readonly others: readonly {
    readonly outcome: 'filtered' | 'dead'
    readonly reason: string
    readonly cells: Cells
  }[]
  readonly batches: readonly BatchesTable[]
  readonly deadLetters: readonly DeadLettersTable[]
}

/**
 * The store is behind what it had taken: it lost its last commits in a crash of its own. Everything from `position` on is to be delivered
 * again.
 */
export class CheckpointBehind extends Error {
  readonly position: number

  constructor(position: number) {
    super(`The checkpoint went back to ${position}`)
    this.position = position
  }
}

/** How long outcomes and counts gather before they are written together, in milliseconds: real ones, unless told otherwise. */
export const GATHER_MS = 100
/** So many times, unless by then there are ENOUGH, or somebody waits for what is written. */
const GATHERINGS_MAX = 5
/** Slices. */
const ENOUGH = 32
const RETRY_MS = 1_000

interface Waiting {
  readonly settlement: Settlement
  readonly lease: Lease
  readonly done: () => void
  readonly lost: (error: unknown) => void
}

interface Refused {
  /** By current: its checkpoint went back. */
  readonly behind: ReadonlyMap<number, CheckpointBehind>
  /** Passed on to another node. */
  readonly stale: ReadonlySet<Lease>
}

export class Settler {
  readonly #store: Store
  readonly #clock: Clock
  readonly #types: TypeNumbers
  readonly #onTrouble: (error: unknown) => void
  readonly #gatherMs: number
  readonly #pause: Pause
  #waiting: Waiting[] = []
  #flushing: Promise<void> | undefined
  #closed = false
  #isHurried = false
  /** After a failure each current is written on its own, so that one whose books refuse does not hold up the others. */
  #apart = false

  constructor(
    store: Store,
    clock: Clock,
    types: TypeNumbers,
    onTrouble: (error: unknown) => void,
    gatherMs: number = GATHER_MS,
    wait: Pause = pause,
  ) {
    this.#store = store
    this.#clock = clock
    this.#types = types
    this.#onTrouble = onTrouble
    this.#gatherMs = gatherMs
    this.#pause = wait
  }

  /**
   * Resolves after the commit. Settlements of one current must be given in the order of the log. Tries until it succeeds; rejects with
   * CheckpointBehind, with LEASE_LOST when another node has the current by now, or when `close` was called and the last try failed.
   */
  settle(settlement: Settlement, lease: Lease): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ settlement, lease, done: resolve, lost: reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** Somebody waits for what is to be written: it gathers no longer than GATHER_MS. */
  hurry(): void {
    this.#isHurried = this.#waiting.length > 0
  }

  /** Writes what is waiting, once, and stops. What could not be written is delivered again after the next start. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#flushing
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather()
      const all = this.#waiting
      this.#waiting = []
      const groups = this.#apart ? [...byCurrent(all).values()] : [all]
      const failed: Waiting[] = []
      for (const group of groups) failed.push(...(await this.#commit(group)))
      this.#apart = failed.length > 0
      if (failed.length === 0) continue
      this.#waiting = [...failed, ...this.#waiting]
      await this.#pause(RETRY_MS)
    }
    this.#flushing = undefined
  }

  async #gather(): Promise<void> {
    for (let times = 0; times < GATHERINGS_MAX && !this.#closed; times++) {
      if (times > 0 && (this.#waiting.length >= ENOUGH || this.#isHurried)) break
      await this.#pause(this.#gatherMs)
    }
    this.#isHurried = false
  }

  /** Returns what is to be tried again. */
  async #commit(group: readonly Waiting[]): Promise<readonly Waiting[]> {
    let refused: Refused
    try {
      // Checkpoint and books go back together: what a power failure undoes is delivered again.
      refused = await this.#store.transaction((tx) => this.#write(tx, group), { durable: 'soon' })
    } catch (error) {
      this.#onTrouble(error)
      if (!this.#closed) return group
      for (const one of group) one.lost(error)
      return []
    }
    for (const one of group) {
      const gone = refused.behind.get(one.settlement.current)
      if (refused.stale.has(one.lease)) {
        one.lease.refused()
        one.lost(leaseLost(one.lease.name))
      } else if (gone === undefined) one.done()
      else one.lost(gone)
    }
    return []
  }

  /** Returns what the books refused; nothing of it was written. */
  async #write(tx: Transaction<Schema>, group: readonly Waiting[]): Promise<Refused> {
    const now = this.#clock.now()
    const behind = new Map<number, CheckpointBehind>()
    const stale = await staleOf(tx, [...new Set(group.map(({ lease }) => lease))])
    for (const [current, waiting] of byCurrent(group.filter(({ lease }) => !stale.has(lease)))) {
      const position = await positionOf(tx, current)
      // Slices before the position were committed by a try whose answer we never got.
      const fresh = waiting.map((one) => one.settlement).filter((settlement) => settlement.to > position)
      const first = fresh[0]
      if (first === undefined) continue
      if (first.from > position) {
        behind.set(current, new CheckpointBehind(position))
        continue
      }
      if (first.from < position || fresh.some((one, i) => i > 0 && one.from !== fresh[i - 1]?.to)) {
        throw new ThalwegError(
          'STORE_UNAVAILABLE',
          `The checkpoint of current ${current} is at ${position}, a slice from ${first.from} cannot be settled: another process moves it, or a slice is missing`,
        )
      }
      await addToLedger(tx, this.#ledgerEntries(current, fresh))
      await insertBatches(
        tx,
        fresh.flatMap((settlement) => settlement.batches),
      )
      await insertDeadLetters(
        tx,
        fresh.flatMap((settlement) => settlement.deadLetters),
      )
      const to = Math.max(...fresh.map((settlement) => settlement.to))
      await tx
        .updateTable('checkpoints')
        .set({ position: to, updated_at: now })
        .where('current', '=', current)
        .execute()
    }
    return { behind, stale }
  }

  #ledgerEntries(current: number, settlements: readonly Settlement[]): LedgerEntry[] {
    const entries: LedgerEntry[] = []
    const gather = (cells: Cells, outcome: LedgerEntry['outcome'], reason: string): void => {
      for (const { minute, type, count } of cells.entries()) {
        entries.push({ current, minute, eventType: this.#types.nameOf(type), outcome, reason, count })
      }
    }
    for (const settlement of settlements) {
      gather(settlement.delivered, 'delivered', '')
      for (const other of settlement.others) gather(other.cells, other.outcome, other.reason)
    }
    return entries
  }
}

function byCurrent(group: readonly Waiting[]): Map<number, Waiting[]> {
  return Map.groupBy(group, ({ settlement }) => settlement.current)
}

async function positionOf(tx: Transaction<Schema>, current: number): Promise<number> {
  const row = await tx
    .selectFrom('checkpoints')
    .select('position')
    .where('current', '=', current)
    .executeTakeFirst()
  if (row === undefined) throw new ThalwegError('STORE_UNAVAILABLE', `Current ${current} has no checkpoint`)
  return row.position
}

/** The furthest offset that any reader has settled: the log is known to have given it out. */
export async function furthestCheckpoint(store: Store): Promise<number> {
  const row = await store.db
    .selectFrom('checkpoints')
    .select(({ fn }) => fn.max('position').as('position'))
    .executeTakeFirst()
  return Number(row?.position ?? 0)
}

/** Inserts in statements of a few fixed sizes, whose SQL is made once: building it again for every batch costs more than running it. */
export async function insertBatches(tx: Transaction<Schema>, rows: readonly BatchesTable[]): Promise<void> {
  for (let at = 0; at < rows.length; ) {
    const size = STATEMENT_ROWS.find((rowsAtOnce) => rowsAtOnce <= rows.length - at) ?? 1
    const some = rows.slice(at, at + size)
    const parameters = some.flatMap((row) => BATCH_COLUMNS.map((column) => row[column]))
    await tx.executeQuery(CompiledQuery.raw(batchInsertSql(tx, some), parameters))
    at += size
  }
}

const STATEMENT_ROWS = [128, 32, 8, 1] as const

const BATCH_COLUMNS = [
  'current',
  'id',
  'slice_from',
  'slice_to',
  'first_offset',
  'last_offset',
  'records',
  'count',
  'delivered',
  'failed',
  'skipped',
  'version',
  'replay',
  'attempts',
  'status',
  'first_sent_at',
  'settled_at',
] as const satisfies readonly (keyof BatchesTable)[]

/** By database kind, then by number of rows. */
const batchInserts = new WeakMap<object, Map<number, string>>()

function batchInsertSql(tx: Transaction<Schema>, rows: readonly BatchesTable[]): string {
  const { adapter } = tx.getExecutor()
  const known = batchInserts.get(adapter) ?? new Map<number, string>()
  batchInserts.set(adapter, known)
  let text = known.get(rows.length)
  if (text === undefined) {
    const ordered = rows.map((row) =>
      Object.fromEntries(BATCH_COLUMNS.map((column) => [column, row[column]])),
    )
    text = tx
      .insertInto('batches')
      .values(ordered as unknown as BatchesTable[])
      .compile().sql
    known.set(rows.length, text)
  }
  return text
}
