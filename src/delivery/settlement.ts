/**
 * Settlement: a record's outcome is decided once and written together with everything that follows from it: checkpoint, ledger counts, dead
 * letters and batch rows, in one transaction. Slices of all connections that are ready are written together, at most every FLUSH_MS.
 *
 * Exactly once: the transaction moves a checkpoint only from where the slice begins. If the store lost our commit's answer, the next try
 * finds the checkpoint already past the slice and writes nothing again.
 */

import type { Transaction } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
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

const FLUSH_MS = 100
const RETRY_MS = 1_000
const ROWS_AT_ONCE = 500

export class Settler {
  readonly #store: Store
  readonly #clock: Clock
  readonly #types: TypeNumbers
  readonly #onTrouble: (error: unknown) => void
  #waiting: { settlement: Settlement; done: () => void; lost: (error: unknown) => void }[] = []
  #flushing: Promise<void> | undefined
  #closed = false

  constructor(store: Store, clock: Clock, types: TypeNumbers, onTrouble: (error: unknown) => void) {
    this.#store = store
    this.#clock = clock
    this.#types = types
    this.#onTrouble = onTrouble
  }

  /**
   * Resolves after the commit. Settlements of one current must be given in the order of the log. Tries until it succeeds; rejects only when
   * `close` was called and the last try failed.
   */
  settle(settlement: Settlement): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ settlement, done: resolve, lost: reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** Writes what is waiting, once, and stops. What could not be written is delivered again after the next start. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#flushing
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (!this.#closed) await this.#pause(FLUSH_MS)
      const group = this.#waiting
      this.#waiting = []
      try {
        await this.#store.transaction(
          (tx) =>
            this.#write(
              tx,
              group.map((one) => one.settlement),
            ),
          // Checkpoint and books go back together: what a power failure undoes is delivered again.
          { durable: 'soon' },
        )
        for (const one of group) one.done()
      } catch (error) {
        this.#onTrouble(error)
        if (this.#closed) {
          for (const one of group) one.lost(error)
          continue
        }
        this.#waiting = [...group, ...this.#waiting]
        await this.#pause(RETRY_MS)
      }
    }
    this.#flushing = undefined
  }

  /** Real time, not the simulated: this only gathers work, and a stopped virtual clock must not hold the books back. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  async #write(tx: Transaction<Schema>, group: readonly Settlement[]): Promise<void> {
    const now = this.#clock.now()
    for (const [current, settlements] of byCurrent(group)) {
      const position = await positionOf(tx, current)
      // Slices before the position were committed by a try whose answer we never got.
      const fresh = settlements.filter((settlement) => settlement.to > position)
      const first = fresh[0]
      if (first === undefined) continue
      if (first.from !== position) {
        throw new ThalwegError(
          'STORE_UNAVAILABLE',
          `The checkpoint of current ${current} is at ${position}, a slice from ${first.from} cannot be settled: another process moves it`,
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

function byCurrent(group: readonly Settlement[]): Map<number, Settlement[]> {
  const map = new Map<number, Settlement[]>()
  for (const settlement of group) {
    const list = map.get(settlement.current)
    if (list === undefined) map.set(settlement.current, [settlement])
    else list.push(settlement)
  }
  return map
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

export async function insertBatches(tx: Transaction<Schema>, rows: readonly BatchesTable[]): Promise<void> {
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    await tx
      .insertInto('batches')
      .values(rows.slice(i, i + ROWS_AT_ONCE))
      .execute()
  }
}
