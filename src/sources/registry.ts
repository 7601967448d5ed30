/**
 * The sources of this installation, in the store and in memory. Owns the tables sources and source_tokens.
 * Doors ask the memory, which is read again after every change; changes are made one after another.
 */

import { randomBytes } from 'node:crypto'
import { isAbsolute, relative, sep } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { hashToken, newToken } from '../core/secret.ts'
import { Turns } from '../core/turns.ts'
import type { SourcesTable, SourceTokensTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import {
  FilesSettings,
  SOURCE_KINDS,
  SourceKind,
  SourceName,
  TokenText,
  TreasureDataSettings,
} from './settings.ts'
import {
  type Entrance,
  type EntranceIndex,
  type KeyedKind,
  type NewSource,
  type Source,
  type SourceToken,
  TOKENS_MAX,
} from './sources.ts'

/** Lets people and secret scanners see what leaked. */
const TOKEN_PREFIX = 'thalweg_source'

/** Reads the sources of the store. Folders of files lie in one of `filesRoots`. Throws STORE_UNAVAILABLE. */
export async function openSources(
  store: Store,
  clock: Clock,
  filesRoots: readonly string[] = [],
): Promise<Sources> {
  const sources = new Sources(store, clock, filesRoots)
  await sources.refresh()
  return sources
}

export class Sources implements EntranceIndex {
  readonly #store: Store
  readonly #clock: Clock
  readonly #filesRoots: readonly string[]
  #memory: Memory = memoryOf([])
  readonly #changes = new Turns()

  constructor(store: Store, clock: Clock, filesRoots: readonly string[]) {
    this.#store = store
    this.#clock = clock
    this.#filesRoots = filesRoots
  }

  /** Reads everything again, when another node may have changed something. In turn with our own changes: what was read before one would undo it. */
  refresh(): Promise<void> {
    return this.#changes.take(() => this.#read())
  }

  async #read(): Promise<void> {
    const rows = await this.#store.db
      .selectFrom('sources')
      .selectAll()
      .where('deleted_at', 'is', null)
      .orderBy('name')
      .execute()
    const tokens = await this.#store.db
      .selectFrom('source_tokens')
      .selectAll()
      .where('revoked_at', 'is', null)
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    const entrances = rows.map((row) =>
      entranceOf(
        row,
        tokens.filter((token) => token.source === row.number),
      ),
    )
    this.#memory = memoryOf(entrances)
  }

  /**
   * Makes a source. The token comes back this once; a source of files has none, and it is empty. Throws
   * SOURCE_NAME_TAKEN when the name, the table, the task id or the key is taken, and INPUT_INVALID.
   */
  create(wanted: NewSource): Promise<{ source: Source; token: string }> {
    return this.#changes.take(async () => {
      const name = valid(SourceName, wanted.name)
      const kind = valid(SourceKind, wanted.kind)
      const settings = this.#allowed(settingsOf(kind, wanted.settings), wanted.anyFolder === true)
      const token =
        kind === 'files' || kind === 'audience'
          ? ''
          : wanted.token === undefined
            ? newToken(TOKEN_PREFIX)
            : valid(TokenText, wanted.token)
      this.#refuseTaken(name, settings, undefined)
      this.#refuseTakenKey(kind, token)
      const now = this.#clock.now()
      const number = await this.#store.transaction(async (tx) => {
        const row = await tx
          .insertInto('sources')
          .values({
            name,
            kind,
            settings: JSON.stringify(settings.settings),
            created_at: now,
            updated_at: now,
            deleted_at: null,
          })
          .returning('number')
          .executeTakeFirstOrThrow()
        if (kind !== 'files')
          await tx
            .insertInto('source_tokens')
            .values(tokenRow(row.number, 'first', token, now))
            .execute()
        return row.number
      })
      await this.#read()
      return { source: this.get(number), token }
    })
  }

  /** All that are not removed, by name. */
  list(): readonly Source[] {
    return this.#memory.entrances.map((entrance) => entrance.source)
  }

  /** By number or name. Throws SOURCE_UNKNOWN. */
  get(which: number | string): Source {
    const found = this.find(which)
    if (found === undefined)
      throw new ThalwegError('SOURCE_UNKNOWN', `There is no source ${JSON.stringify(which)}`)
    return found
  }

  find(which: number | string): Source | undefined {
    const entrance =
      typeof which === 'string' ? this.#memory.names.get(which) : this.#memory.numbers.get(which)
    return entrance?.source
  }

  /** Replaces the settings. Throws SOURCE_UNKNOWN, SOURCE_NAME_TAKEN (table or task id), INPUT_INVALID. */
  update(which: number | string, settings: unknown): Promise<Source> {
    return this.#changes.take(async () => {
      const source = this.get(which)
      const kept = this.#allowed(settingsOf(source.kind, settings, source), outsideRoots(source, settings))
      this.#refuseTaken(undefined, kept, source.number)
      await this.#store.db
        .updateTable('sources')
        .set({ settings: JSON.stringify(kept.settings), updated_at: this.#clock.now() })
        .where('number', '=', source.number)
        .execute()
      await this.#read()
      return this.get(source.number)
    })
  }

  /**
   * Adds a token beside those that are there, so that a sender can change over without a gap. The secret
   * comes back this once. Throws SOURCE_UNKNOWN, SOURCE_NAME_TAKEN (the key of a keyed kind), INPUT_INVALID (also
   * past TOKENS_MAX).
   */
  addToken(which: number | string, label: string, given?: string): Promise<{ id: string; token: string }> {
    return this.#changes.take(async () => {
      const source = this.get(which)
      if (source.kind === 'files' || source.kind === 'audience')
        throw new ThalwegError(
          'INPUT_INVALID',
          `The source ${source.name} is read from files: no token opens it`,
        )
      const token = given === undefined ? newToken(TOKEN_PREFIX) : valid(TokenText, given)
      if (source.tokens.length >= TOKENS_MAX) {
        throw new ThalwegError(
          'INPUT_INVALID',
          `The source ${source.name} already has ${TOKENS_MAX} tokens: revoke one first`,
        )
      }
      this.#refuseTakenKey(source.kind, token)
      const row = tokenRow(source.number, label, token, this.#clock.now())
      await this.#store.db.insertInto('source_tokens').values(row).execute()
      await this.#read()
      return { id: row.id, token }
    })
  }

  /** From now on the doors refuse the token. Throws SOURCE_UNKNOWN, TOKEN_UNKNOWN. */
  revokeToken(which: number | string, id: string): Promise<void> {
    return this.#changes.take(async () => {
      const source = this.get(which)
      if (!source.tokens.some((token) => token.id === id)) {
        throw new ThalwegError(
          'TOKEN_UNKNOWN',
          `The source ${source.name} has no token ${JSON.stringify(id)}`,
        )
      }
      await this.#store.db
        .updateTable('source_tokens')
        .set({ revoked_at: this.#clock.now() })
        .where('id', '=', id)
        .execute()
      await this.#read()
    })
  }

  /**
   * Closes the doors of a source; what it sent stays in the log. `usedBy` names the currents that still read
   * from it: when there are any, throws SOURCE_IN_USE. Throws SOURCE_UNKNOWN.
   */
  remove(
    which: number | string,
    usedBy: (source: Source) => Promise<readonly string[]> | readonly string[],
  ): Promise<void> {
    return this.#changes.take(async () => {
      const source = this.get(which)
      const users = [...(await usedBy(source)), ...this.#copiesOf(source)]
      if (users.length > 0) {
        throw new ThalwegError(
          'SOURCE_IN_USE',
          `The source ${source.name} is still read by ${users.join(', ')}: delete or change them first`,
        )
      }
      const now = this.#clock.now()
      await this.#store.transaction(async (tx) => {
        await tx
          .updateTable('sources')
          .set({ deleted_at: now, updated_at: now })
          .where('number', '=', source.number)
          .execute()
        await tx
          .updateTable('source_tokens')
          .set({ revoked_at: now })
          .where('source', '=', source.number)
          .where('revoked_at', 'is', null)
          .execute()
      })
      await this.#read()
    })
  }

  byName(name: string): Entrance | undefined {
    return this.#memory.names.get(name)
  }

  byTable(database: string, table: string): Entrance | undefined {
    return this.#memory.tables.get(`${database}/${table}`)
  }

  byTask(taskId: string): Entrance | undefined {
    return this.#memory.tasks.get(taskId)
  }

  byDigest(kind: KeyedKind, digest: Uint8Array): Entrance | undefined {
    return this.#memory.keys[kind].get(keyOf(digest))
  }

  has(kind: KeyedKind): boolean {
    return this.#memory.keys[kind].size > 0
  }

  knowsDigest(digest: Uint8Array): boolean {
    return this.#memory.digests.has(keyOf(digest))
  }

  #copiesOf({ name }: Source): string[] {
    return this.list()
      .filter((source) => source.kind === 'files' && source.settings.copiesOf === name)
      .map((source) => source.name)
  }

  /** Settings that may be used here: of files, the folder lies in a root, and the source that they copy is there. */
  #allowed(given: KindSettings, anyFolder: boolean): KindSettings {
    if (given.kind !== 'files') return given
    const { location, copiesOf } = given.settings
    const copied = copiesOf === undefined ? undefined : this.get(copiesOf)
    if (copied?.kind === 'files')
      throw new ThalwegError(
        'INPUT_INVALID',
        `The source ${copied.name} is read from files itself: name one that is sent to`,
      )
    if (location.kind === 's3' || this.#filesRoots.some((root) => isWithin(root, location.path))) return given
    if (anyFolder) return { ...given, settings: { ...given.settings, outsideRoots: true } }
    const roots = this.#filesRoots.join(', ') || 'none is set'
    throw new ThalwegError(
      'INPUT_INVALID',
      `The folder ${location.path} does not lie in one of THALWEG_FILES_ROOTS (${roots})`,
    )
  }

  #refuseTaken(name: string | undefined, settings: KindSettings, except: number | undefined): void {
    const rivals: [what: string, rival: Entrance | undefined][] = []
    if (name !== undefined) rivals.push([`the name ${name}`, this.byName(name)])
    if (settings.kind === 'treasure-data') {
      const { database, table, taskId } = settings.settings
      rivals.push([`the table ${database}/${table}`, this.byTable(database, table)])
      rivals.push([`the task id ${taskId}`, this.byTask(taskId)])
    }
    for (const [what, rival] of rivals) {
      if (rival === undefined || rival.source.number === except) continue
      throw new ThalwegError('SOURCE_NAME_TAKEN', `The source ${rival.source.name} already has ${what}`)
    }
  }

  /** Where the key alone says whose a request is, no two sources may have the same. */
  #refuseTakenKey(kind: SourceKind, token: string): void {
    if (kind !== 'segment' && kind !== 'lytics') return
    const rival = this.byDigest(kind, hashToken(token))
    if (rival === undefined) return
    throw new ThalwegError('SOURCE_NAME_TAKEN', `The source ${rival.source.name} already has this key`)
  }
}

/** What the doors look up; made anew on every change, never altered. */
interface Memory {
  readonly entrances: readonly Entrance[]
  readonly numbers: ReadonlyMap<number, Entrance>
  readonly names: ReadonlyMap<string, Entrance>
  readonly tables: ReadonlyMap<string, Entrance>
  readonly tasks: ReadonlyMap<string, Entrance>
  /** By digest. */
  readonly keys: Readonly<Record<KeyedKind, ReadonlyMap<string, Entrance>>>
  readonly digests: ReadonlySet<string>
}

function memoryOf(entrances: readonly Entrance[]): Memory {
  const tables = new Map<string, Entrance>()
  const tasks = new Map<string, Entrance>()
  const keys = { segment: new Map<string, Entrance>(), lytics: new Map<string, Entrance>() }
  for (const entrance of entrances) {
    const { source } = entrance
    if (source.kind === 'segment' || source.kind === 'lytics') {
      for (const digest of entrance.digests) keys[source.kind].set(keyOf(digest), entrance)
    }
    if (source.kind !== 'treasure-data') continue
    tables.set(`${source.settings.database}/${source.settings.table}`, entrance)
    tasks.set(source.settings.taskId, entrance)
  }
  return {
    entrances,
    numbers: new Map(entrances.map((entrance) => [entrance.source.number, entrance])),
    names: new Map(entrances.map((entrance) => [entrance.source.name, entrance])),
    tables,
    tasks,
    keys,
    digests: new Set(entrances.flatMap((entrance) => entrance.digests.map(keyOf))),
  }
}

/**
 * A digest as a map key. Finding it in time that depends on it gives nothing away: it is the hash of the
 * secret, not the secret.
 */
function keyOf(digest: Uint8Array): string {
  return Buffer.from(digest).toString('latin1')
}

interface SourceRow extends Omit<SourcesTable, 'number'> {
  readonly number: number
}

function entranceOf(row: SourceRow, tokens: readonly SourceTokensTable[]): Entrance {
  return { source: sourceOf(row, tokens.map(tokenOf)), digests: tokens.map((token) => token.hash) }
}

function sourceOf(row: SourceRow, tokens: readonly SourceToken[]): Source {
  const base = {
    number: row.number,
    name: row.name,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    tokens,
  }
  const settings: unknown = JSON.parse(row.settings)
  // With what was noted of its folder when it was written.
  if (row.kind === 'files') return { ...base, kind: 'files', settings: settings as FilesSettings }
  // What a row holds was validated when it was written; fields that came later get their defaults.
  const kind = SourceKind.parse(row.kind)
  return { ...base, ...settingsOf(kind, settings) }
}

function tokenOf(row: SourceTokensTable): SourceToken {
  return { id: row.id, label: row.label, createdAt: row.created_at }
}

function tokenRow(source: number, label: string, token: string, now: number): SourceTokensTable {
  return {
    id: randomBytes(8).toString('hex'),
    source,
    label: label.slice(0, 200),
    hash: hashToken(token),
    created_at: now,
    revoked_at: null,
  }
}

/** An admin allowed the folder before, and it stays the same. */
function outsideRoots(source: Source, settings: unknown): boolean {
  if (source.kind !== 'files' || source.settings.outsideRoots !== true) return false
  const parsed = FilesSettings.safeParse(settings)
  return parsed.success && isDeepStrictEqual(parsed.data.location, source.settings.location)
}

/** By name alone: links are looked at when the folder is opened. */
function isWithin(root: string, path: string): boolean {
  const way = relative(root, path)
  return isAbsolute(path) && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** A kind with settings of its own schema. */
type KindSettings = Source extends infer One
  ? One extends Source
    ? Pick<One, 'kind' | 'settings'>
    : never
  : never

/** Validated settings; a task id that is not given is kept from `before`, or made. Throws INPUT_INVALID. */
function settingsOf(kind: SourceKind, settings: unknown, before?: Source): KindSettings {
  if (kind === 'treasure-data') {
    const kept = valid(TreasureDataSettings, settings)
    const taskId = before?.kind === kind ? before.settings.taskId : randomBytes(16).toString('hex')
    return { kind, settings: { ...kept, taskId: kept.taskId ?? taskId } }
  }
  // TypeScript does not follow that the schema belongs to the kind.
  return { kind, settings: valid<unknown>(SOURCE_KINDS[kind].settings, settings) } as KindSettings
}

function valid<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'value'}: ${issue.message}`)
  throw new ThalwegError('INPUT_INVALID', problems.join('; '), { cause: result.error })
}
