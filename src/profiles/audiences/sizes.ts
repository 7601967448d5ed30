/**
 * How many are in each audience: counted once, and from then on followed by the moves. So asking costs what moved since the last time and
 * not how many members there are, which are millions.
 */

import { sql } from 'kysely'
import type { Store } from '../../store/store.ts'

export interface Sizes {
  /** Audience → people in it, for those that somebody is in. */
  readonly sizes: ReadonlyMap<number, number>
  /** Id of the last move that they hold. */
  readonly upTo: number
}

export class AudienceSizes {
  readonly #store: Store
  #known: Sizes | undefined
  #turn: Promise<Sizes> = Promise.resolve({ sizes: new Map(), upTo: 0 })

  constructor(store: Store) {
    this.#store = store
  }

  /** Now. */
  all(): Promise<Sizes> {
    this.#turn = this.#turn
      .catch(() => undefined)
      .then(async () => {
        const known = this.#known === undefined ? await this.#count() : await this.#follow(this.#known)
        this.#known = known
        return known
      })
    return this.#turn
  }

  /** Members or moves went without a move that tells of it, as by an erasure: they are counted again. */
  recount(): void {
    this.#known = undefined
    // Whoever is counting meanwhile may have counted what was.
    const forget = (): void => {
      this.#known = undefined
    }
    void this.#turn.then(forget, forget)
  }

  /** One statement, so that members and moves are those of one moment. */
  async #count(): Promise<Sizes> {
    const { rows } = await sql<{ upTo: number; audience: number | null; size: number }>`
      select last.id as "upTo", sized.audience as audience, sized.size as size
      from (select coalesce(max(id), 0) as id from audience_moves) as last
      left join (select audience, count(*) as size from audience_members group by audience) as sized
        on true`.execute(this.#store.db)
    const sizes = new Map<number, number>()
    for (const { audience, size } of rows) if (audience !== null) sizes.set(audience, Number(size))
    return { upTo: Number(rows[0]?.upTo ?? 0), sizes }
  }

  /** The plus keeps SQLite from walking the index of audiences, which knows all moves there ever were. */
  async #follow({ upTo, sizes: before }: Sizes): Promise<Sizes> {
    const { rows } = await sql<{ audience: number; change: number; last: number }>`
      select +audience as audience, sum(2 * entered - 1) as change, max(id) as last
      from audience_moves where id > ${upTo} group by 1`.execute(this.#store.db)
    if (rows.length === 0) return { upTo, sizes: before }
    const sizes = new Map(before)
    for (const { audience, change } of rows) {
      const size = (sizes.get(audience) ?? 0) + Number(change)
      if (size === 0) sizes.delete(audience)
      else sizes.set(audience, size)
    }
    return { upTo: Math.max(...rows.map(({ last }) => Number(last))), sizes }
  }
}
