/** The activations of this installation: definitions and versions. Owns the tables activations and activation_versions. */

import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Store } from '../store/store.ts'
import { type Activation, ActivationDefinition } from './activation.ts'

export interface ActivationVersion {
  readonly version: number
  readonly definition: ActivationDefinition
  readonly createdAt: number
  readonly note: string
}

export class Activations {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Throws ACTIVATION_NAME_TAKEN. The definition is taken as valid. */
  async create(
    definition: ActivationDefinition,
    way: { readonly source: number; readonly current: number },
    note: string,
  ): Promise<Activation> {
    await this.refuseTakenName(definition.name, undefined)
    const now = this.#clock.now()
    const number = await this.#store.transaction(async (tx) => {
      const row = await tx
        .insertInto('activations')
        .values({
          name: definition.name,
          state: 'active',
          version: 1,
          ...way,
          scheduled_since: now,
          scheduled_to: now,
          created_at: now,
          updated_at: now,
        })
        .returning('number')
        .executeTakeFirstOrThrow()
      await tx
        .insertInto('activation_versions')
        .values(versionRow(row.number, 1, definition, now, note))
        .execute()
      return row.number
    })
    return this.get(number)
  }

  /** All but deleted ones, by name. */
  async list(): Promise<Activation[]> {
    const rows = await this.#select()
      .where('activations.state', '!=', 'deleted')
      .orderBy('activations.name')
      .execute()
    return rows.map(activationFrom)
  }

  /** By number or name. Throws ACTIVATION_UNKNOWN. A deleted one is found by number only. */
  async get(which: number | string): Promise<Activation> {
    const base = this.#select()
    const row = await (typeof which === 'number'
      ? base.where('activations.number', '=', which)
      : base.where('activations.name', '=', which).where('activations.state', '!=', 'deleted')
    ).executeTakeFirst()
    if (row === undefined)
      throw new ThalwegError('ACTIVATION_UNKNOWN', `There is no activation ${JSON.stringify(which)}`)
    return activationFrom(row)
  }

  async versions(number: number): Promise<ActivationVersion[]> {
    const rows = await this.#store.db
      .selectFrom('activation_versions')
      .selectAll()
      .where('activation', '=', number)
      .orderBy('version')
      .execute()
    return rows.map((row) => ({
      version: row.version,
      definition: ActivationDefinition.parse(JSON.parse(row.definition)),
      createdAt: row.created_at,
      note: row.note,
    }))
  }

  /** A new schedule counts from now; the same one keeps its step. */
  async revise(activation: Activation, definition: ActivationDefinition, note: string): Promise<Activation> {
    const { number } = activation
    await this.refuseTakenName(definition.name, number)
    const now = this.#clock.now()
    const version = activation.version + 1
    const rescheduled = JSON.stringify(definition.schedule) !== JSON.stringify(activation.definition.schedule)
    await this.#store.transaction(async (tx) => {
      await tx
        .insertInto('activation_versions')
        .values(versionRow(number, version, definition, now, note))
        .execute()
      await tx
        .updateTable('activations')
        .set({
          version,
          name: definition.name,
          updated_at: now,
          ...(rescheduled ? { scheduled_since: now, scheduled_to: now } : {}),
        })
        .where('number', '=', number)
        .execute()
    })
    return this.get(number)
  }

  /** A paused one that goes on does not catch up on what was due meanwhile. */
  async setState(number: number, state: Activation['state']): Promise<Activation> {
    const now = this.#clock.now()
    await this.#store.db
      .updateTable('activations')
      .set({ state, updated_at: now, ...(state === 'active' ? { scheduled_to: now } : {}) })
      .where('number', '=', number)
      .execute()
    return this.get(number)
  }

  /** Notes up to when the schedule was looked at; false when somebody else did so meanwhile. */
  async claimDue(activation: Activation, upToMs: number): Promise<boolean> {
    const result = await this.#store.db
      .updateTable('activations')
      .set({ scheduled_to: upToMs })
      .where('number', '=', activation.number)
      .where('scheduled_to', '=', activation.scheduledTo)
      .where('state', '=', 'active')
      .executeTakeFirst()
    return Number(result.numUpdatedRows) > 0
  }

  async refuseTakenName(name: string, except: number | undefined): Promise<void> {
    const row = await this.#store.db
      .selectFrom('activations')
      .select('number')
      .where('name', '=', name)
      .where('state', '!=', 'deleted')
      .executeTakeFirst()
    if (row !== undefined && row.number !== except)
      throw new ThalwegError('ACTIVATION_NAME_TAKEN', `There is already an activation named ${name}`)
  }

  #select() {
    return this.#store.db
      .selectFrom('activations')
      .innerJoin('activation_versions', (join) =>
        join
          .onRef('activation_versions.activation', '=', 'activations.number')
          .onRef('activation_versions.version', '=', 'activations.version'),
      )
      .selectAll('activations')
      .select('activation_versions.definition as definition')
  }
}

function versionRow(
  activation: number,
  version: number,
  definition: ActivationDefinition,
  now: number,
  note: string,
) {
  return { activation, version, definition: JSON.stringify(definition), created_at: now, note }
}

interface ActivationRow {
  number: number
  name: string
  state: string
  version: number
  source: number
  current: number
  scheduled_since: number
  scheduled_to: number
  created_at: number
  updated_at: number
  definition: string
}

function activationFrom(row: ActivationRow): Activation {
  return {
    number: row.number,
    name: row.name,
    state: row.state as Activation['state'],
    version: row.version,
    definition: ActivationDefinition.parse(JSON.parse(row.definition)),
    source: row.source,
    current: row.current,
    scheduledSince: row.scheduled_since,
    scheduledTo: row.scheduled_to,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
