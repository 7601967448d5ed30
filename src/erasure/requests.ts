/** Erasures as they are kept: what was asked for, sealed until it is done, how far it is, and the receipt. Owns the table erasures. */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { SubjectIdentifier } from '../core/traces.ts'
import type { ErasuresTable } from '../store/schema.ts'
import type { Sealer } from '../store/sealing.ts'
import type { Store } from '../store/store.ts'
import { lockErasure, type Part, partsOf } from './parts.ts'
import type { Receipt, TargetOutcome } from './receipt.ts'
import { STEPS, type Step } from './steps.ts'

/** Steps that 0.1 had in the place of `folders`. */
const FORMER: ReadonlySet<string> = new Set(['warehouse', 'parquet', 'rosters'])

export type ErasureState = 'queued' | 'running' | 'finished'

export interface ErasureWish {
  readonly identifiers: readonly SubjectIdentifier[]
  /** Take in what is clearly joined with them. */
  readonly expand: boolean
  /** Keep out what comes in later. */
  readonly suppress: boolean
  /** Ids of the Braze authorizations by which users are deleted there. */
  readonly targets: readonly string[]
}

export interface Progress {
  suppress: boolean
  found: Record<string, number>
  removed: Record<string, number>
  targets: TargetOutcome[]
  left: string[]
}

/** What may be shown; nothing in it names the person. */
export interface Erasure {
  readonly id: string
  readonly state: ErasureState
  readonly step: Step
  /** Why the step is tried again; '' while all is well. */
  readonly problem: string
  readonly requestedBy: string
  readonly note: string
  readonly progress: Progress
  readonly receipt: Receipt | undefined
  readonly signature: string | undefined
  readonly createdAt: number
  readonly updatedAt: number
  readonly finishedAt: number | null
}

const LISTED_MAX = 500

export class Requests {
  readonly #store: Store
  readonly #clock: Clock
  readonly #sealer: Sealer

  constructor(store: Store, clock: Clock, sealer: Sealer) {
    this.#store = store
    this.#clock = clock
    this.#sealer = sealer
  }

  /** `note` names nobody. */
  async create(wish: ErasureWish, requestedBy: string, note: string): Promise<Erasure> {
    const id = `erasure_${randomBytes(8).toString('hex')}`
    const now = this.#clock.now()
    const progress: Progress = {
      suppress: wish.suppress,
      found: {},
      removed: {},
      targets: [],
      left: [],
    }
    await this.#store.db
      .insertInto('erasures')
      .values({
        id,
        state: 'queued',
        step: STEPS[0],
        sealed: this.#sealed(id, wish),
        progress: JSON.stringify(progress),
        problem: '',
        requested_by: requestedBy,
        note,
        receipt: null,
        signature: null,
        created_at: now,
        updated_at: now,
        finished_at: null,
      })
      .execute()
    return this.get(id)
  }

  /** Newest first; at most 500. */
  async list(): Promise<Erasure[]> {
    const rows = await this.#store.db
      .selectFrom('erasures')
      .selectAll()
      .orderBy('created_at', 'desc')
      .orderBy('id')
      .limit(LISTED_MAX)
      .execute()
    return rows.map(erasureFrom)
  }

  /** Throws ERASURE_UNKNOWN. */
  async get(id: string): Promise<Erasure> {
    const row = await this.#store.db
      .selectFrom('erasures')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined) throw new ThalwegError('ERASURE_UNKNOWN', `There is no erasure "${id}"`)
    return erasureFrom(row)
  }

  /** The oldest that is not finished. */
  async next(): Promise<Erasure | undefined> {
    const row = await this.#store.db
      .selectFrom('erasures')
      .selectAll()
      .where('state', '<>', 'finished')
      .orderBy('created_at')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst()
    return row === undefined ? undefined : erasureFrom(row)
  }

  /** What was asked for. Throws ERASURE_UNKNOWN once it is finished. */
  async wish(id: string): Promise<ErasureWish> {
    const row = await this.#store.db
      .selectFrom('erasures')
      .select('sealed')
      .where('id', '=', id)
      .executeTakeFirst()
    if (row?.sealed == null)
      throw new ThalwegError('ERASURE_UNKNOWN', `What erasure "${id}" asked for is forgotten: it is finished`)
    return JSON.parse(Buffer.from(this.#sealer.open(row.sealed, id)).toString()) as ErasureWish
  }

  /** A step is done: the next one, and what is known now. `exact`: what is meant now that all of it is found. */
  async advance(
    id: string,
    step: Step,
    progress: Progress,
    exact?: { readonly wish: ErasureWish; readonly note: string },
  ): Promise<void> {
    await this.#change(id, {
      state: 'running',
      step,
      progress: JSON.stringify(progress),
      problem: '',
      ...(exact === undefined ? {} : { sealed: this.#sealed(id, exact.wish), note: exact.note }),
    })
  }

  async note(id: string, progress: Progress): Promise<void> {
    await this.#change(id, { progress: JSON.stringify(progress) })
  }

  async fail(id: string, problem: string): Promise<void> {
    await this.#change(id, { problem })
  }

  /** It is done: what was asked for is forgotten. `sign` is given the parts as they are when it is signed; those that are done later see that. */
  async finish(
    id: string,
    sign: (parts: readonly Part[]) => { readonly receipt: string; readonly signature: string },
    finishedAt: number,
  ): Promise<void> {
    await this.#store.transaction(async (tx) => {
      await lockErasure(tx, id)
      await tx
        .updateTable('erasures')
        .set({
          ...sign(await partsOf(tx, [id])),
          state: 'finished',
          problem: '',
          sealed: null,
          updated_at: finishedAt,
          finished_at: finishedAt,
        })
        .where('id', '=', id)
        .execute()
    })
  }

  #sealed(id: string, wish: ErasureWish): Uint8Array {
    return this.#sealer.seal(Buffer.from(JSON.stringify(wish)), id)
  }

  async #change(id: string, values: Partial<ErasuresTable>): Promise<void> {
    await this.#store.db
      .updateTable('erasures')
      .set({ ...values, updated_at: this.#clock.now() })
      .where('id', '=', id)
      .execute()
  }
}

function erasureFrom(row: ErasuresTable): Erasure {
  return {
    id: row.id,
    state: row.state as ErasureState,
    step: FORMER.has(row.step) ? 'folders' : (row.step as Step),
    problem: row.problem,
    requestedBy: row.requested_by,
    note: row.note,
    progress: JSON.parse(row.progress) as Progress,
    receipt: row.receipt === null ? undefined : (JSON.parse(row.receipt) as Receipt),
    signature: row.signature ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  }
}
