/** The currents of this installation: definitions, versions and states, in the store. Owns the tables currents and current_versions. */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { type Lease, refuseStale, writeUnder } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import {
  type Current,
  type CurrentAction,
  CurrentDefinition,
  type CurrentState,
  type CurrentVersion,
  stateAfter,
} from './current.ts'

const MOVES_MAX = 10

export class Currents {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Throws CURRENT_NAME_TAKEN. The definition is taken as valid: see delivery's `validate` for what it must fit. */
  async create(definition: CurrentDefinition): Promise<Current> {
    await this.#refuseTakenName(definition.name, undefined)
    const now = this.#clock.now()
    const number = await this.#store.transaction(async (tx) => {
      const row = await tx
        .insertInto('currents')
        .values({
          key: newKey(),
          name: definition.name,
          state: 'draft',
          state_reason: '',
          state_since: now,
          version: 1,
          start_offset: null,
          created_at: now,
          launched_at: null,
        })
        .returning('number')
        .executeTakeFirstOrThrow()
      await tx
        .insertInto('current_versions')
        .values({
          current: row.number,
          version: 1,
          from_offset: 0,
          definition: JSON.stringify(definition),
          created_at: now,
          note: 'created',
        })
        .execute()
      return row.number
    })
    return this.get(number)
  }

  /** All but deleted ones, by name. */
  async list(): Promise<Current[]> {
    const rows = await this.#select()
      .where('currents.state', '!=', 'deleted')
      .orderBy('currents.name')
      .execute()
    return rows.map(currentFrom)
  }

  /** By number or name. Throws CURRENT_UNKNOWN. A deleted one is found by number only. */
  async get(which: number | string): Promise<Current> {
    const base = this.#select()
    const query =
      typeof which === 'number'
        ? base.where('currents.number', '=', which)
        : base.where('currents.name', '=', which).where('currents.state', '!=', 'deleted')
    const row = await query.executeTakeFirst()
    if (row === undefined)
      throw new ThalwegError('CURRENT_UNKNOWN', `There is no current ${JSON.stringify(which)}`)
    return currentFrom(row)
  }

  async versions(number: number): Promise<CurrentVersion[]> {
    const rows = await this.#store.db
      .selectFrom('current_versions')
      .selectAll()
      .where('current', '=', number)
      .orderBy('version')
      .execute()
    return rows.map((row) => ({
      version: row.version,
      fromOffset: row.from_offset,
      definition: CurrentDefinition.parse(JSON.parse(row.definition)),
      createdAt: row.created_at,
      note: row.note,
    }))
  }

  /** Adds a version that applies from `fromOffset` on and makes it the present one. Throws LEASE_LOST. */
  async revise(
    number: number,
    definition: CurrentDefinition,
    fromOffset: number,
    note: string,
    lease?: Lease,
  ): Promise<Current> {
    const current = await this.get(number)
    await this.#refuseTakenName(definition.name, number)
    const version = current.version + 1
    await this.#store.transaction(async (tx) => {
      if (lease !== undefined) await refuseStale(tx, lease)
      await tx
        .insertInto('current_versions')
        .values({
          current: number,
          version,
          from_offset: fromOffset,
          definition: JSON.stringify(definition),
          created_at: this.#clock.now(),
          note,
        })
        .execute()
      await tx
        .updateTable('currents')
        .set({ version, name: definition.name })
        .where('number', '=', number)
        .execute()
    })
    return this.get(number)
  }

  /** Fixes where a draft begins and sets it running. */
  async launch(number: number, startOffset: number): Promise<Current> {
    await this.#move(number, 'launch', '', { start_offset: startOffset, launched_at: this.#clock.now() })
    return this.get(number)
  }

  /** Moves the state as the table in current.ts allows; throws CURRENT_STATE where it has a dash, and LEASE_LOST. */
  async act(
    number: number,
    action: Exclude<CurrentAction, 'launch'>,
    reason: string,
    lease?: Lease,
  ): Promise<Current> {
    await this.#move(number, action, reason, {}, lease)
    return this.get(number)
  }

  /** Whether any current that is not deleted satisfies the test. */
  async some(test: (current: Current) => boolean): Promise<boolean> {
    return (await this.list()).some(test)
  }

  async #move(
    number: number,
    action: CurrentAction,
    reason: string,
    also: { start_offset?: number; launched_at?: number },
    lease?: Lease,
  ): Promise<void> {
    // Again when another change came in between: the table decides from the state as it then is.
    for (let attempt = 1; ; attempt++) {
      const current = await this.get(number)
      const next = stateAfter(current.state, action)
      if (next === undefined || attempt > MOVES_MAX) {
        throw new ThalwegError(
          'CURRENT_STATE',
          `Current ${current.name} is ${current.state}: it cannot ${action} now`,
        )
      }
      const sinceNow = next === current.state ? {} : { state_since: this.#clock.now() }
      const result = await writeUnder(this.#store, lease, (db) =>
        db
          .updateTable('currents')
          .set({ state: next, state_reason: reason, ...sinceNow, ...also })
          .where('number', '=', number)
          .where('state', '=', current.state)
          .executeTakeFirst(),
      )
      if (Number(result.numUpdatedRows) > 0) return
    }
  }

  async #refuseTakenName(name: string, except: number | undefined): Promise<void> {
    const row = await this.#store.db
      .selectFrom('currents')
      .select('number')
      .where('name', '=', name)
      .where('state', '!=', 'deleted')
      .executeTakeFirst()
    if (row !== undefined && row.number !== except) {
      const problem = `There is already a current named ${name}`
      throw new ThalwegError('CURRENT_NAME_TAKEN', problem, { details: [{ field: 'name', problem }] })
    }
  }

  #select() {
    return this.#store.db
      .selectFrom('currents')
      .innerJoin('current_versions', (join) =>
        join
          .onRef('current_versions.current', '=', 'currents.number')
          .onRef('current_versions.version', '=', 'currents.version'),
      )
      .selectAll('currents')
      .select('current_versions.definition as definition')
  }
}

interface CurrentRow {
  number: number
  key: string
  name: string
  state: string
  state_reason: string
  state_since: number
  version: number
  start_offset: number | null
  created_at: number
  launched_at: number | null
  definition: string
}

function currentFrom(row: CurrentRow): Current {
  return {
    number: row.number,
    key: row.key,
    name: row.name,
    state: row.state as CurrentState,
    stateReason: row.state_reason,
    stateSince: row.state_since,
    version: row.version,
    definition: CurrentDefinition.parse(JSON.parse(row.definition)),
    startOffset: row.start_offset,
    createdAt: row.created_at,
    launchedAt: row.launched_at,
  }
}

const KEY_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** 36^8 ≈ 2.8e12 keys; the unique index of the table catches the rest. */
function newKey(): string {
  return [...randomBytes(8)].map((byte) => KEY_ALPHABET[byte % KEY_ALPHABET.length]).join('')
}
