/**
 * A stream's kept history, read again by a changed mapping: first what the stream gave to the chosen fields is cleared from
 * every profile, then every record that the log still holds gives it anew. Both go page by page, each with its place in one
 * transaction, so that a kill costs nothing. New records wait until all is cleared, and count from then on as always.
 *
 *   begun ──clear (by profile)──► cleared ──read (by offset)──► gone
 *
 * Values of before the kept history stay, but for those that add up: they cannot be told apart, and count anew.
 */

import { ThalwegError } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import type { Readied } from '../doctrine.ts'
import { defaultOperator, foldRecord } from '../identity/fold.ts'
import { keyOf, type Profile } from '../profile.ts'
import type { WorkingSet } from '../working-set.ts'
import { type ProfileEngine, type Stretch, wantedBy } from './engine.ts'

export interface Again {
  readonly stream: string
  readonly fields: readonly string[]
  /** Moment of the oldest record that the log held when it began. */
  readonly since: number
  /** What is left of the log, from `position` to below `end`. */
  readonly position: number
  readonly end: number
  readonly cleared: boolean
  readonly startedAt: number
}

export interface AgainDesk {
  /** One at a time of each stream. Throws INPUT_INVALID where one is under way. */
  readAgain(
    stream: string,
    fields: readonly string[],
    history: { readonly since: number; readonly from: number; readonly end: number },
    nowMs: number,
  ): Promise<void>
  /** Those under way, the oldest first. */
  readingAgain(): Promise<Again[]>
}

/** Profiles cleared in one transaction. */
const CLEARED_AT_ONCE = 2_000

export class Rereading implements AgainDesk {
  readonly #store: Store
  readonly #engine: ProfileEngine

  constructor(store: Store, engine: ProfileEngine) {
    this.#store = store
    this.#engine = engine
  }

  async readAgain(
    stream: string,
    fields: readonly string[],
    { since, from, end }: { readonly since: number; readonly from: number; readonly end: number },
    nowMs: number,
  ): Promise<void> {
    const { numInsertedOrUpdatedRows } = await this.#store.db
      .insertInto('profile_again')
      .values({
        stream,
        fields: JSON.stringify(fields),
        since,
        cleared_to: 0,
        position: from,
        end_offset: end,
        started_at: nowMs,
      })
      .onConflict((conflict) => conflict.column('stream').doNothing())
      .executeTakeFirstOrThrow()
    if (Number(numInsertedOrUpdatedRows) === 0)
      throw new ThalwegError('INPUT_INVALID', `The history of ${stream} is being read again already`)
  }

  async readingAgain(): Promise<Again[]> {
    const rows = await this.#store.db.selectFrom('profile_again').selectAll().orderBy('started_at').execute()
    return rows.map((row) => ({
      stream: row.stream,
      fields: JSON.parse(row.fields) as string[],
      since: row.since,
      position: row.position,
      end: row.end_offset,
      cleared: row.cleared_to === null,
      startedAt: row.started_at,
    }))
  }

  /** Clears the next profiles. */
  async clearMore({ stream, fields, since }: Again, nowMs: number): Promise<void> {
    const row = await this.#store.db
      .selectFrom('profile_again')
      .select('cleared_to')
      .where('stream', '=', stream)
      .executeTakeFirst()
    if (row === undefined || row.cleared_to === null) return
    const page = await this.#engine.people.after(row.cleared_to, CLEARED_AT_ONCE)
    const last = page.length < CLEARED_AT_ONCE ? null : (page.at(-1)?.id ?? null)
    const adds = this.#addingFields()
    const concerned = (profile: Profile): boolean => clear(profile, stream, fields, since, adds)
    await this.#engine.alter(
      { ids: page.filter((profile) => concerned(profile)).map(({ id }) => id) },
      { cause: 'definition', nowMs },
      (set) => {
        for (const profile of set.profiles.values()) if (concerned(profile)) set.touched.add(profile.id)
        return []
      },
      async (tx) => {
        const again = tx.updateTable('profile_again').where('stream', '=', stream)
        // Records that came between the asking and now are cleared with the others: they are read again, too.
        const isFirst = row.cleared_to === 0
        await again
          .set({ cleared_to: last, ...(isFirst ? { end_offset: this.#engine.position } : {}) })
          .execute()
      },
    )
  }

  /** Takes a stretch of the history, all of it of this stream; `to` is where to go on. */
  async take({ stream, fields, position, end }: Again, stretch: Stretch, nowMs: number): Promise<void> {
    if (stretch.from !== position) return
    const readied = this.#engine.read(stretch.records)
    const chosen = new Set(fields)
    const { rules } = this.#engine.doctrine
    const joins = fields.some((field) => rules.byField.has(field))
    await this.#engine.alter(
      { wanted: wantedBy(readied) },
      { cause: 'definition', nowMs },
      (set) => {
        const resolver = this.#engine.doctrine.resolver(set)
        for (const one of readied) {
          const found = joins ? undefined : holderOf(set, one)
          if (found === undefined) {
            resolver.take(one.record, one.identified)
            continue
          }
          const values = [...one.record.values].filter(([field]) => chosen.has(field))
          if (values.length === 0) continue
          const hasRoom = found.profile.bytes < rules.limits.bytesMax
          foldRecord(found.held, { ...one.record, values }, rules, hasRoom)
          set.touched.add(found.profile.id)
        }
        return []
      },
      async (tx) => {
        const again = tx.updateTable('profile_again').set({ position: stretch.to })
        await (stretch.to < end
          ? again.where('stream', '=', stream).execute()
          : tx.deleteFrom('profile_again').where('stream', '=', stream).execute())
      },
    )
  }

  #addingFields(): ReadonlySet<string> {
    return new Set(
      this.#engine.doctrine.fields
        .filter(
          ({ type, merge = defaultOperator(type) }) =>
            merge === 'sum' || merge === 'count' || type === 'map[string]intsum',
        )
        .map(({ name }) => name),
    )
  }
}

/** Whether there was something to clear. */
function clear(
  { identifiers }: Profile,
  stream: string,
  fields: readonly string[],
  since: number,
  adds: ReadonlySet<string>,
): boolean {
  let found = false
  for (const { fragment } of identifiers)
    for (const field of fields) {
      const cell = fragment[field]
      if (cell === undefined || cell.stream !== stream || (cell.at < since && !adds.has(field))) continue
      delete fragment[field]
      found = true
    }
  return found
}

/** The strongest identifier of the record that somebody has. */
function holderOf(set: WorkingSet, { identified }: Readied) {
  for (const { key } of identified.ids) {
    const profile = set.ownerOf(key)
    const held = profile?.identifiers.find((one) => keyOf(one) === key)
    if (profile !== undefined && held !== undefined) return { profile, held }
  }
  return undefined
}
