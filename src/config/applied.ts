/**
 * What was applied: every apply with its report, and of each object what the last apply left. The difference between that and what
 * is there now is what somebody else changed since. Owns the tables config_applies and config_objects.
 */

import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Store } from '../store/store.ts'
import type { Body, KindWord } from './kinds.ts'

/** What an apply left of an object. */
export interface AppliedObject {
  readonly kind: KindWord
  /** Number, id or name: what stays when it is renamed. */
  readonly id: string
  readonly name: string
  readonly body: Body
  /** What else tells whether somebody changed it; empty: nothing. */
  readonly mark: string
  readonly apply: number
}

export const APPLY_STATES = ['running', 'done', 'failed'] as const

export interface Apply {
  readonly number: number
  /** running: under way, or the process ended before it could say. */
  readonly state: (typeof APPLY_STATES)[number]
  readonly by: string
  readonly note: string
  readonly startedAt: number
  readonly finishedAt: number | null
  /** What was done, in order; at most one failed, and it is the last. */
  readonly steps: readonly AppliedStep[]
}

export interface AppliedStep {
  readonly kind: KindWord
  readonly name: string
  readonly action: 'create' | 'change' | 'remove'
  readonly outcome: 'done' | 'failed' | 'not reached'
  /** Why it failed; empty otherwise. */
  readonly message: string
}

/** Applies that are kept: the oldest are forgotten. */
export const APPLIES_MAX = 500

export class Applied {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async objects(): Promise<AppliedObject[]> {
    const rows = await this.#store.db.selectFrom('config_objects').selectAll().execute()
    return rows.map(({ kind, id, name, body, mark, apply }) => ({
      kind: kind as KindWord,
      id,
      name,
      body: JSON.parse(body) as Body,
      mark,
      apply,
    }))
  }

  async begin(by: string, note: string): Promise<number> {
    const { number } = await this.#store.db
      .insertInto('config_applies')
      .values({ state: 'running', by, note, started_at: this.#clock.now(), finished_at: null, steps: '[]' })
      .returning('number')
      .executeTakeFirstOrThrow()
    await this.#store.db
      .deleteFrom('config_applies')
      .where('number', '<=', number - APPLIES_MAX)
      .execute()
    return number
  }

  async finish(number: number, state: 'done' | 'failed', steps: readonly AppliedStep[]): Promise<void> {
    await this.#store.db
      .updateTable('config_applies')
      .set({ state, finished_at: this.#clock.now(), steps: JSON.stringify(steps) })
      .where('number', '=', number)
      .execute()
  }

  /** Latest first. */
  async list(limit: number): Promise<Apply[]> {
    const rows = await this.#store.db
      .selectFrom('config_applies')
      .selectAll()
      .orderBy('number', 'desc')
      .limit(limit)
      .execute()
    return rows.map(applyFrom)
  }

  /** Throws CONFIG_UNKNOWN. */
  async get(number: number): Promise<Apply> {
    const row = await this.#store.db
      .selectFrom('config_applies')
      .selectAll()
      .where('number', '=', number)
      .executeTakeFirst()
    if (row === undefined) throw new ThalwegError('CONFIG_UNKNOWN', `There is no apply ${number}`)
    return applyFrom(row)
  }

  /** Notes what an apply left. */
  async keep({ kind, id, name, body, mark, apply }: AppliedObject): Promise<void> {
    const values = { name, body: JSON.stringify(body), mark, apply }
    await this.#store.db
      .insertInto('config_objects')
      .values({ kind, id, ...values })
      .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet(values))
      .execute()
  }

  async forget({ kind, id }: Pick<AppliedObject, 'kind' | 'id'>): Promise<void> {
    await this.#store.db.deleteFrom('config_objects').where('kind', '=', kind).where('id', '=', id).execute()
  }
}

function applyFrom(row: {
  number: number
  state: string
  by: string
  note: string
  started_at: number
  finished_at: number | null
  steps: string
}): Apply {
  return {
    number: row.number,
    state: row.state as Apply['state'],
    by: row.by,
    note: row.note,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    steps: JSON.parse(row.steps) as AppliedStep[],
  }
}
