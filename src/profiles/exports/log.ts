/**
 * What each batch of an export did. Told after the book has it: a process that ends in between leaves a batch out here,
 * never out of the book. Owns the table export_log.
 */

import type { Clock } from '../../core/clock.ts'
import type { Store } from '../../store/store.ts'
import type { Lane } from './person.ts'
import type { BatchReport } from './sender.ts'

/** Entries of one export that are kept. */
export const LOG_ENTRIES_MAX = 5_000
const ANSWER_CHARS_MAX = 500

export interface LogEntry extends BatchReport {
  readonly number: number
  readonly at: number
}

export class ExportLog {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async add(exportNumber: number, report: BatchReport): Promise<void> {
    await this.#store.transaction(
      async (tx) => {
        const last = await tx
          .selectFrom('export_log')
          .select(({ fn }) => fn.max('number').as('number'))
          .where('export', '=', exportNumber)
          .executeTakeFirst()
        const number = Number(last?.number ?? 0) + 1
        const message = report.message.slice(0, ANSWER_CHARS_MAX)
        await tx
          .insertInto('export_log')
          .values({ export: exportNumber, number, at: this.#clock.now(), ...report, message })
          .execute()
        await tx
          .deleteFrom('export_log')
          .where('export', '=', exportNumber)
          .where('number', '<=', number - LOG_ENTRIES_MAX)
          .execute()
      },
      { durable: 'soon' },
    )
  }

  /** Newest first. `before`: only entries with a smaller number. */
  async list(
    exportNumber: number,
    { before, limit }: { before?: number; limit: number },
  ): Promise<LogEntry[]> {
    let query = this.#store.db.selectFrom('export_log').selectAll().where('export', '=', exportNumber)
    if (before !== undefined) query = query.where('number', '<', before)
    const rows = await query.orderBy('number', 'desc').limit(limit).execute()
    return rows.map(({ export: _, lane, ...row }) => ({ ...row, lane: lane as Lane }))
  }
}
