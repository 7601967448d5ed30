/**
 * Which files an import knows, how far each was read, and what came of it. Owns the tables imports, import_files and
 * import_hours. What it says may be behind the log, never ahead of it: recovery.ts closes the difference after a crash.
 */

import { type Selectable, sql } from 'kysely'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { FileEntry } from '../../files/files.ts'
import type { ImportFilesTable, ImportsTable } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import type { Position } from './chunks.ts'
import type { Counted } from './frame-mark.ts'
import type { Tally, TallyRow } from './tally.ts'

export const IMPORT_STATES = ['running', 'paused', 'finished', 'failed'] as const
export type ImportState = (typeof IMPORT_STATES)[number]
export const FILE_STATES = ['waiting', 'reading', 'done', 'failed'] as const
export type FileState = (typeof FILE_STATES)[number]

export type ImportRow = Omit<ImportsTable, 'state'> & { readonly state: ImportState }
export type FileRow = Readonly<Selectable<ImportFilesTable>>

/** How far one file is read; everything counted here is durable in the log before `logOffset`. */
export interface Progress extends Counted {
  readonly position: Position
  readonly logOffset: number
}

export interface Totals extends Counted {
  /** Of the run, by state. */
  readonly files: Readonly<Record<FileState, number>>
  readonly bytes: number
  readonly bytesDone: number
}

const ROWS_AT_ONCE = 100

export class Manifest {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async find(source: number): Promise<ImportRow | undefined> {
    const row = await this.#store.db
      .selectFrom('imports')
      .selectAll()
      .where('source', '=', source)
      .executeTakeFirst()
    return row as ImportRow | undefined
  }

  /** Begins a run: the first, or one more after the last ended. Files that failed are tried once more. */
  async begin(source: number): Promise<ImportRow> {
    const now = this.#clock.now()
    return this.#store.transaction(async (tx) => {
      const before = await tx
        .selectFrom('imports')
        .select('run')
        .where('source', '=', source)
        .executeTakeFirst()
      const run = (before?.run ?? 0) + 1
      const row = {
        state: 'running',
        reason: '',
        run,
        listed: 0,
        started_at: now,
        finished_at: null,
        updated_at: now,
      } as const
      await tx
        .insertInto('imports')
        .values({ source, ...row })
        .onConflict((conflict) => conflict.column('source').doUpdateSet(row))
        .execute()
      await tx
        .updateTable('import_files')
        .set({ state: 'waiting', problem: '' })
        .where('source', '=', source)
        .where('state', '=', 'failed')
        .execute()
      await tx
        .updateTable('import_files')
        .set({ run })
        .where('source', '=', source)
        .where('state', '<>', 'done')
        .execute()
      return { source, ...row }
    })
  }

  async setState(source: number, state: ImportState, reason = ''): Promise<void> {
    const now = this.#clock.now()
    await this.#store.db
      .updateTable('imports')
      .set({ state, reason, updated_at: now, finished_at: state === 'finished' ? now : null })
      .where('source', '=', source)
      .execute()
  }

  /** Notes the files of a listing that are new, or changed since. */
  async add(source: number, run: number, entries: readonly FileEntry[], listed: number): Promise<void> {
    const now = this.#clock.now()
    const rows = entries.map(({ name, version, size, modifiedAt }) => ({
      source,
      name,
      version,
      size,
      modified_at: Math.floor(modifiedAt),
      state: 'waiting',
      at: 0,
      record: 0,
      read: 0,
      duplicates: 0,
      quarantined: 0,
      problem: '',
      log_offset: 0,
      run,
      updated_at: now,
    }))
    await this.#store.transaction(async (tx) => {
      for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
        await tx
          .insertInto('import_files')
          .values(rows.slice(i, i + ROWS_AT_ONCE))
          .onConflict((conflict) => conflict.columns(['source', 'name', 'version']).doNothing())
          .execute()
      await tx.updateTable('imports').set({ listed, updated_at: now }).where('source', '=', source).execute()
    })
  }

  /** The file to read now: the one begun before, else of those that wait the one that was listed or changed first. */
  async next(source: number, order: 'listed' | 'changed' = 'listed'): Promise<FileRow | undefined> {
    for (const state of ['reading', 'waiting'] as const) {
      const files = this.#files(source, state)
      // Of full dumps with equal times the date in the name tells.
      const ordered = order === 'changed' ? files.orderBy('modified_at').orderBy('name') : files
      const row = await ordered.orderBy('number').limit(1).executeTakeFirst()
      if (row !== undefined) return row
    }
    return undefined
  }

  /** Files that were being read when the process ended, of all imports. */
  async reading(): Promise<FileRow[]> {
    return this.#store.db.selectFrom('import_files').selectAll().where('state', '=', 'reading').execute()
  }

  /** The newest first. */
  async files(source: number, state: FileState | undefined, limit: number): Promise<FileRow[]> {
    return this.#files(source, state).orderBy('number', 'desc').limit(limit).execute()
  }

  /** Writes how far a file is read, and what is new since the last time, together. */
  async progress(
    file: FileRow,
    run: number,
    progress: Progress,
    tally: Tally,
    state: FileState,
    problem = '',
  ): Promise<void> {
    const { position, logOffset, read, duplicates, quarantined } = progress
    const values = {
      state,
      at: position.at,
      record: position.record,
      read,
      duplicates,
      quarantined,
      problem,
      log_offset: logOffset,
      run,
      updated_at: this.#clock.now(),
    }
    const rows = tally.rows()
    await this.#store.transaction(
      async (tx) => {
        const moved = await tx
          .updateTable('import_files')
          .set(values)
          .where('number', '=', file.number)
          // A commit that we never heard of: what it counted must not be counted again.
          .where('read', '<=', read)
          .where(({ eb, and, not }) =>
            not(and([eb('read', '=', read), eb('log_offset', '=', logOffset), eb('state', '=', state)])),
          )
          .executeTakeFirst()
        if (Number(moved.numUpdatedRows) === 0) return
        for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
          await tx
            .insertInto('import_hours')
            .values(
              rows.slice(i, i + ROWS_AT_ONCE).map(({ hour, eventType, count }) => ({
                source: file.source,
                run,
                hour,
                event_type: eventType,
                count,
              })),
            )
            .onConflict((conflict) =>
              conflict
                .columns(['source', 'run', 'hour', 'event_type'])
                .doUpdateSet({ count: sql<number>`import_hours.count + excluded.count` }),
            )
            .execute()
      },
      { durable: 'soon' },
    )
  }

  async totals(source: number, run: number): Promise<Totals> {
    const rows = await this.#store.db
      .selectFrom('import_files')
      .select(({ fn }) => [
        'state',
        fn.countAll<number>().as('files'),
        fn.sum<number>('size').as('size'),
        fn.sum<number>('at').as('at'),
        fn.sum<number>('read').as('read'),
        fn.sum<number>('duplicates').as('duplicates'),
        fn.sum<number>('quarantined').as('quarantined'),
      ])
      .where('source', '=', source)
      .where('run', '=', run)
      .groupBy('state')
      .execute()
    const files: Record<FileState, number> = { waiting: 0, reading: 0, done: 0, failed: 0 }
    const totals = { read: 0, duplicates: 0, quarantined: 0, bytes: 0, bytesDone: 0 }
    for (const row of rows) {
      const state = row.state as FileState
      files[state] = Number(row.files)
      totals.read += Number(row.read)
      totals.duplicates += Number(row.duplicates)
      totals.quarantined += Number(row.quarantined)
      totals.bytes += Number(row.size)
      // Of a compressed file the position may be beyond its size.
      totals.bytesDone += state === 'reading' ? Math.min(Number(row.at), Number(row.size)) : 0
      totals.bytesDone += state === 'done' || state === 'failed' ? Number(row.size) : 0
    }
    return { ...totals, files }
  }

  /** What a run brought, by hour and type; throws INPUT_INVALID when there are more than `limit` cells. */
  async hours(source: number, run: number, limit: number): Promise<TallyRow[]> {
    const rows = await this.#store.db
      .selectFrom('import_hours')
      .select(['hour', 'event_type as eventType', 'count'])
      .where('source', '=', source)
      .where('run', '=', run)
      .orderBy('hour')
      .orderBy('event_type')
      .limit(limit + 1)
      .execute()
    if (rows.length <= limit) return rows
    throw new ThalwegError('INPUT_INVALID', `The report has more than ${limit} hours and types`)
  }

  #files(source: number, state: FileState | undefined) {
    const files = this.#store.db.selectFrom('import_files').selectAll().where('source', '=', source)
    return state === undefined ? files : files.where('state', '=', state)
  }
}
