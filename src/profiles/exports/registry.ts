/** The exports of this installation: definitions, versions, states. Owns the tables exports and export_versions. */

import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import {
  type Export,
  type ExportAction,
  ExportDefinition,
  type ExportState,
  type ExportVersion,
  stateAfter,
} from './definition.ts'

const MOVES_MAX = 10

export class ExportRegistry {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** A draft. Throws EXPORT_NAME_TAKEN. The definition is taken as valid. */
  async create(definition: ExportDefinition, author: string, note = 'created'): Promise<Export> {
    await this.#refuseTakenName(definition.name, undefined)
    const now = this.#clock.now()
    const number = await this.#store.transaction(async (tx) => {
      const row = await tx
        .insertInto('exports')
        .values({
          name: definition.name,
          state: 'draft',
          state_reason: '',
          state_since: now,
          version: 1,
          since: '{}',
          created_at: now,
          started_at: null,
        })
        .returning('number')
        .executeTakeFirstOrThrow()
      const version = { export: row.number, version: 1, definition: JSON.stringify(definition) }
      await tx
        .insertInto('export_versions')
        .values({ ...version, note, author, created_at: now })
        .execute()
      return row.number
    })
    return this.get(number)
  }

  /** All but deleted ones, by name. */
  async list(): Promise<Export[]> {
    const rows = await this.#select()
      .where('exports.state', '!=', 'deleted')
      .orderBy('exports.name')
      .execute()
    return rows.map(exportFrom)
  }

  /** By number or name. Throws EXPORT_UNKNOWN. A deleted one is found by number only. */
  async get(which: number | string): Promise<Export> {
    const base = this.#select()
    const row = await (typeof which === 'number'
      ? base.where('exports.number', '=', which)
      : base.where('exports.name', '=', which).where('exports.state', '!=', 'deleted')
    ).executeTakeFirst()
    if (row === undefined)
      throw new ThalwegError('EXPORT_UNKNOWN', `There is no export ${JSON.stringify(which)}`)
    return exportFrom(row)
  }

  /** Latest first. */
  async versions(number: number): Promise<ExportVersion[]> {
    const rows = await this.#store.db
      .selectFrom('export_versions')
      .selectAll()
      .where('export', '=', number)
      .orderBy('version', 'desc')
      .execute()
    return rows.map((row) => ({
      version: row.version,
      definition: ExportDefinition.parse(JSON.parse(row.definition)),
      note: row.note,
      author: row.author,
      createdAt: row.created_at,
    }))
  }

  /** A new version, with the moments from which entering counts. */
  async revise(
    { number, version }: Export,
    definition: ExportDefinition,
    since: Export['since'],
    note: string,
    author: string,
  ): Promise<Export> {
    await this.#refuseTakenName(definition.name, number)
    const next = { export: number, version: version + 1, definition: JSON.stringify(definition) }
    await this.#store.transaction(async (tx) => {
      await tx
        .insertInto('export_versions')
        .values({ ...next, note, author, created_at: this.#clock.now() })
        .execute()
      await tx
        .updateTable('exports')
        .set({ version: next.version, name: definition.name, since: JSON.stringify(since) })
        .where('number', '=', number)
        .execute()
    })
    return this.get(number)
  }

  async start(number: number, since: Export['since']): Promise<Export> {
    await this.#move(number, 'start', '', { since: JSON.stringify(since), started_at: this.#clock.now() })
    return this.get(number)
  }

  /** Moves the state as the table in definition.ts allows; throws EXPORT_STATE where it has a dash. */
  async act(number: number, action: Exclude<ExportAction, 'start'>, reason: string): Promise<Export> {
    await this.#move(number, action, reason, {})
    return this.get(number)
  }

  async #move(
    number: number,
    action: ExportAction,
    reason: string,
    also: { since?: string; started_at?: number },
  ): Promise<void> {
    // Again when another change came in between: the table decides from the state as it then is.
    for (let attempt = 1; ; attempt++) {
      const one = await this.get(number)
      const next = stateAfter(one.state, action)
      if (next === undefined || attempt > MOVES_MAX)
        throw new ThalwegError('EXPORT_STATE', `Export ${one.name} is ${one.state}: it cannot ${action} now`)
      const sinceNow = next === one.state ? {} : { state_since: this.#clock.now() }
      const result = await this.#store.db
        .updateTable('exports')
        .set({ state: next, state_reason: reason, ...sinceNow, ...also })
        .where('number', '=', number)
        .where('state', '=', one.state)
        .executeTakeFirst()
      if (Number(result.numUpdatedRows) > 0) return
    }
  }

  async #refuseTakenName(name: string, except: number | undefined): Promise<void> {
    const row = await this.#store.db
      .selectFrom('exports')
      .select('number')
      .where('name', '=', name)
      .where('state', '!=', 'deleted')
      .executeTakeFirst()
    if (row !== undefined && row.number !== except)
      throw new ThalwegError('EXPORT_NAME_TAKEN', `There is already an export named ${name}`)
  }

  #select() {
    return this.#store.db
      .selectFrom('exports')
      .innerJoin('export_versions', (join) =>
        join
          .onRef('export_versions.export', '=', 'exports.number')
          .onRef('export_versions.version', '=', 'exports.version'),
      )
      .selectAll('exports')
      .select('export_versions.definition as definition')
  }
}

interface ExportRow {
  number: number
  name: string
  state: string
  state_reason: string
  state_since: number
  version: number
  since: string
  created_at: number
  started_at: number | null
  definition: string
}

function exportFrom(row: ExportRow): Export {
  return {
    number: row.number,
    name: row.name,
    state: row.state as ExportState,
    stateReason: row.state_reason,
    stateSince: row.state_since,
    version: row.version,
    definition: ExportDefinition.parse(JSON.parse(row.definition)),
    since: JSON.parse(row.since) as Record<string, number>,
    createdAt: row.created_at,
    startedAt: row.started_at,
  }
}
