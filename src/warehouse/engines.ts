/**
 * The engines that can be asked, by name: those built into this program, and connections that an administrator defined.
 * Owns the table query_engines. An engine is opened when first asked and kept; when its definition or its credentials
 * have changed, also on another node, the next query opens it anew, and queries under way on the old one end in peace.
 */

import * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { fitting } from '../core/provider.ts'
import type { Receipt } from '../core/receipt.ts'
import type { Authorizations } from '../store/authorizations.ts'
import type { QueryEnginesTable } from '../store/schema.ts'
import { type Store, violatesUnique } from '../store/store.ts'
import type { EngineKindDefinition, EngineLogger } from './engine-kind.ts'
import { verifyEngine } from './verify.ts'
import type { EngineKind, QueryEngine } from './warehouse.ts'

export const EngineName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,62}$/,
    'A name is 1 to 63 lower-case letters, digits and -, beginning with a letter',
  )

/** What an administrator says about a connection. */
export const EngineDefinition = z.strictObject({
  name: EngineName.describe('Unique name; the word in queries and commands.'),
  kind: z.string().min(1).max(64).describe('Kind of the engine.'),
  authorization: z
    .string()
    .min(1)
    .max(200)
    .describe('Id of an authorization of the provider that is called as the kind is.'),
  settings: z.record(z.string(), z.unknown()).describe('By the schema of the kind.'),
  description: z.string().max(2_000).default('').describe('For people.'),
})
export type EngineDefinition = z.output<typeof EngineDefinition>

export interface ListedEngine {
  readonly name: string
  readonly kind: EngineKind
  /** Part of this program: it has no definition and cannot be changed. */
  readonly builtIn: boolean
  readonly authorization: string | null
  readonly settings: Readonly<Record<string, unknown>>
  readonly description: string
  readonly createdAt: number | null
  readonly updatedAt: number | null
}

export interface EnginesParts {
  readonly store: Store
  readonly authorizations: Authorizations
  readonly clock: Clock
  readonly logger: EngineLogger
  readonly kinds: readonly EngineKindDefinition[]
  /** By name; they are closed by whoever made them. */
  readonly builtIn: ReadonlyMap<string, QueryEngine>
}

/** Each may hold connections. */
export const ENGINES_MAX = 100

interface Opened {
  /** Of definition and credentials: another one means that they changed. */
  readonly version: string
  readonly engine: QueryEngine
}

export class Engines {
  readonly #parts: EnginesParts
  readonly #opened = new Map<string, Opened>()

  constructor(parts: EnginesParts) {
    this.#parts = parts
  }

  get kinds(): readonly EngineKindDefinition[] {
    return this.#parts.kinds
  }

  /** Built-in ones first, then by name. */
  async list(): Promise<ListedEngine[]> {
    const rows = await this.#parts.store.db.selectFrom('query_engines').selectAll().orderBy('name').execute()
    const builtIn = [...this.#parts.builtIn].map(([name, { kind }]) => listedBuiltIn(name, kind))
    return [...builtIn, ...rows.map(listedFrom)]
  }

  /** Throws ENGINE_UNKNOWN. */
  async get(name: string): Promise<ListedEngine> {
    const builtIn = this.#parts.builtIn.get(name)
    return builtIn === undefined ? listedFrom(await this.#row(name)) : listedBuiltIn(name, builtIn.kind)
  }

  /** Throws INPUT_INVALID, AUTHORIZATION_UNKNOWN, ENGINE_NAME_TAKEN. Nothing is connected yet. */
  async create(definition: EngineDefinition): Promise<ListedEngine> {
    const { name } = definition
    if (this.#parts.builtIn.has(name)) throw taken(name)
    const values = await this.#checked(definition)
    const now = this.#parts.clock.now()
    const { store } = this.#parts
    if ((await this.list()).length >= ENGINES_MAX)
      throw new ThalwegError('INPUT_INVALID', `There are ${ENGINES_MAX} engines already: remove one first`)
    try {
      await store.db
        .insertInto('query_engines')
        .values({ ...values, created_at: now, updated_at: now })
        .execute()
    } catch (error) {
      if (violatesUnique(error)) throw taken(name)
      throw error
    }
    return this.get(name)
  }

  /** Throws ENGINE_UNKNOWN, INPUT_INVALID, AUTHORIZATION_UNKNOWN. The kind stays what it is. */
  async change(
    name: string,
    wanted: Partial<Pick<EngineDefinition, 'authorization' | 'settings' | 'description'>>,
  ): Promise<ListedEngine> {
    const { kind, authorization, settings, description } = definitionFrom(await this.#changeable(name))
    const values = await this.#checked({ name, kind, authorization, settings, description, ...wanted })
    // Later than before in any case: it is what open engines are compared by.
    const now = Math.max(this.#parts.clock.now(), (await this.#row(name)).updated_at + 1)
    await this.#parts.store.db
      .updateTable('query_engines')
      .set({ ...values, updated_at: now })
      .where('name', '=', name)
      .execute()
    return this.get(name)
  }

  /** Throws ENGINE_UNKNOWN. Queries under way end in peace. */
  async remove(name: string): Promise<void> {
    await this.#changeable(name)
    await this.#parts.store.db.deleteFrom('query_engines').where('name', '=', name).execute()
    this.#retire(name)
  }

  /** Names of engines that an authorization opens. */
  async usersOf(authorization: string): Promise<string[]> {
    const rows = await this.#parts.store.db
      .selectFrom('query_engines')
      .select('name')
      .where('authorization', '=', authorization)
      .execute()
    return rows.map(({ name }) => name)
  }

  /** The engine itself, to be asked and not to be closed. Throws ENGINE_UNKNOWN, AUTHORIZATION_UNKNOWN, SEALING_KEY, INPUT_INVALID. */
  async open(name: string): Promise<QueryEngine> {
    const builtIn = this.#parts.builtIn.get(name)
    if (builtIn !== undefined) return builtIn
    const { authorizations, clock, logger } = this.#parts
    const row = await this.#row(name)
    const { rotatedAt } = await authorizations.get(row.authorization)
    const version = `${row.updated_at} ${row.authorization} ${rotatedAt}`
    const kind = this.#kind(row.kind)
    const settings = fitting(kind.settings, JSON.parse(row.settings), 'settings')
    const credentials = fitting(
      kind.credentials,
      await authorizations.reveal(row.authorization),
      'credentials',
    )
    const { open } = await kind.load()
    // Nothing waits from here on, so two queries at once open one engine.
    const kept = this.#opened.get(name)
    if (kept?.version === version) return kept.engine
    this.#retire(name)
    const engine = open(settings, credentials, { clock, logger })
    this.#opened.set(name, { version, engine })
    return engine
  }

  /** Asks `select 1`, and notes on the authorization what came of it. Throws as `open` does. */
  async check(name: string): Promise<Receipt> {
    return verifyEngine(await this.open(name))
  }

  async close(): Promise<void> {
    const engines = [...this.#opened.values()]
    this.#opened.clear()
    await Promise.all(engines.map(({ engine }) => engine.close()))
  }

  #retire(name: string): void {
    const old = this.#opened.get(name)
    if (old === undefined) return
    this.#opened.delete(name)
    old.engine.close().catch((error: unknown) => {
      this.#parts.logger.warn({ err: error, engine: name }, 'a query engine did not close in peace')
    })
  }

  async #checked(definition: EngineDefinition) {
    const { name, kind, authorization, description } = definition
    const found = this.#kind(kind)
    const { provider } = await this.#parts.authorizations.get(authorization)
    if (provider !== kind)
      throw new ThalwegError(
        'INPUT_INVALID',
        `The authorization ${authorization} is one of ${provider}; an engine of kind ${kind} needs one of ${kind}`,
      )
    const settings = JSON.stringify(fitting(found.settings, definition.settings, 'settings'))
    return { name: fitting(EngineName, name, 'name'), kind, authorization, settings, description }
  }

  #kind(name: string): EngineKindDefinition {
    const kind = this.#parts.kinds.find((one) => one.kind === name)
    if (kind !== undefined) return kind
    const known = this.#parts.kinds.map((one) => one.kind).join(', ')
    throw new ThalwegError(
      'INPUT_INVALID',
      `There is no kind of engine ${JSON.stringify(name)}; known are ${known}`,
    )
  }

  async #changeable(name: string): Promise<QueryEnginesTable> {
    if (this.#parts.builtIn.has(name))
      throw new ThalwegError(
        'INPUT_INVALID',
        `The engine ${name} is part of this program and has no settings`,
      )
    return this.#row(name)
  }

  async #row(name: string): Promise<QueryEnginesTable> {
    const row = await this.#parts.store.db
      .selectFrom('query_engines')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst()
    if (row === undefined)
      throw new ThalwegError('ENGINE_UNKNOWN', `There is no query engine ${JSON.stringify(name)}`)
    return row
  }
}

function definitionFrom({
  name,
  kind,
  authorization,
  settings,
  description,
}: QueryEnginesTable): EngineDefinition {
  return { name, kind, authorization, settings: JSON.parse(settings) as Record<string, unknown>, description }
}

function listedFrom(row: QueryEnginesTable): ListedEngine {
  return {
    ...definitionFrom(row),
    kind: row.kind as EngineKind,
    builtIn: false,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function listedBuiltIn(name: string, kind: EngineKind): ListedEngine {
  return {
    name,
    kind,
    builtIn: true,
    authorization: null,
    settings: {},
    description: 'The embedded warehouse',
    createdAt: null,
    updatedAt: null,
  }
}

function taken(name: string): ThalwegError {
  return new ThalwegError('ENGINE_NAME_TAKEN', `There is a query engine ${JSON.stringify(name)} already`)
}
