/**
 * Segments: named rules over tables of people, which Treasure Data's Audience Studio calls the same. This folder keeps them
 * with every version and says them in SQL; it asks nobody. Owns the tables segments and segment_versions.
 */

import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { type Store, violatesUnique } from '../../store/store.ts'
import type { EngineKind } from '../../warehouse/warehouse.ts'
import { SegmentCompiler } from './compile.ts'
import { type ParentSegment, SegmentDefinition } from './rule.ts'

export interface Segment {
  readonly name: string
  readonly version: number
  readonly definition: SegmentDefinition
  readonly note: string
  /** Who saved this version, and when it was saved. */
  readonly author: string
  readonly savedAt: number
  readonly createdAt: number
}

export type SegmentVersion = Omit<Segment, 'name' | 'createdAt'>

/** Versions of one segment: the oldest are forgotten. */
export const VERSIONS_MAX = 100
const LISTED_MAX = 1_000

export interface SegmentsParts {
  readonly store: Store
  readonly clock: Clock
  /** Of a query engine. Throws ENGINE_UNKNOWN. */
  readonly kindOf: (engine: string) => Promise<EngineKind>
}

export class Segments {
  readonly #parts: SegmentsParts

  constructor(parts: SegmentsParts) {
    this.#parts = parts
  }

  /** The first LISTED_MAX, by name. */
  async list(): Promise<Segment[]> {
    const rows = await this.#select().orderBy('segments.name').limit(LISTED_MAX).execute()
    return rows.map(segmentFrom)
  }

  /** Throws SEGMENT_UNKNOWN. */
  async get(name: string): Promise<Segment> {
    const row = await this.#select().where('segments.name', '=', name).executeTakeFirst()
    if (row === undefined) throw unknown(name)
    return segmentFrom(row)
  }

  /** All kept ones, latest first. Throws SEGMENT_UNKNOWN. */
  async versions(name: string): Promise<SegmentVersion[]> {
    await this.get(name)
    const rows = await this.#parts.store.db
      .selectFrom('segment_versions')
      .select(['version', 'definition', 'note', 'author', 'created_at as savedAt'])
      .where('name', '=', name)
      .orderBy('version', 'desc')
      .execute()
    return rows.map(({ definition, ...row }) => ({ ...row, definition: read(definition) }))
  }

  /** Throws SEGMENT_NAME_TAKEN, SEGMENT_INVALID, ENGINE_UNKNOWN. Whether tables and columns exist, its first preview tells. */
  async create(definition: SegmentDefinition, author: string, note = ''): Promise<Segment> {
    const { name } = definition
    await this.compiler(definition.parent).then((compiler) => compiler.size(definition.rule))
    const now = this.#parts.clock.now()
    try {
      await this.#parts.store.transaction(async (tx) => {
        await tx
          .insertInto('segments')
          .values({ name, version: 1, created_at: now, updated_at: now })
          .execute()
        const version = { name, version: 1, definition: JSON.stringify(definition), note, author }
        await tx
          .insertInto('segment_versions')
          .values({ ...version, created_at: now })
          .execute()
      })
    } catch (error) {
      if (!violatesUnique(error)) throw error
      throw new ThalwegError('SEGMENT_NAME_TAKEN', `There is a segment ${JSON.stringify(name)} already`)
    }
    return this.get(name)
  }

  /** Adds a version. Throws SEGMENT_UNKNOWN, SEGMENT_INVALID (also for another name), ENGINE_UNKNOWN. */
  async revise(name: string, definition: SegmentDefinition, author: string, note: string): Promise<Segment> {
    if (definition.name !== name)
      throw new ThalwegError('SEGMENT_INVALID', 'A segment keeps its name: make another one')
    await this.compiler(definition.parent).then((compiler) => compiler.size(definition.rule))
    const now = this.#parts.clock.now()
    await this.#parts.store.transaction(async (tx) => {
      const { version } = await tx
        .updateTable('segments')
        .set((e) => ({ version: e('version', '+', 1), updated_at: now }))
        .where('name', '=', name)
        .returning('version')
        .executeTakeFirstOrThrow(() => unknown(name))
      await tx
        .insertInto('segment_versions')
        .values({ name, version, definition: JSON.stringify(definition), note, author, created_at: now })
        .execute()
      await tx
        .deleteFrom('segment_versions')
        .where('name', '=', name)
        .where('version', '<=', version - VERSIONS_MAX)
        .execute()
    })
    return this.get(name)
  }

  /** With all its versions. Whether somebody needs it, the caller knows. Throws SEGMENT_UNKNOWN. */
  async remove(name: string): Promise<void> {
    await this.#parts.store.transaction(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('segments')
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      if (numDeletedRows === 0n) throw unknown(name)
      await tx.deleteFrom('segment_versions').where('name', '=', name).execute()
    })
  }

  /** Says rules over these tables in the words of their engine; days count back from now. Throws ENGINE_UNKNOWN. */
  async compiler(parent: ParentSegment): Promise<SegmentCompiler> {
    return new SegmentCompiler(await this.#parts.kindOf(parent.engine), parent, this.#parts.clock.now())
  }

  #select() {
    return this.#parts.store.db
      .selectFrom('segments')
      .innerJoin('segment_versions as text', (join) =>
        join.onRef('text.name', '=', 'segments.name').onRef('text.version', '=', 'segments.version'),
      )
      .select([
        'segments.name',
        'segments.version',
        'text.definition',
        'text.note',
        'text.author',
        'text.created_at as savedAt',
        'segments.created_at as createdAt',
      ])
  }
}

function segmentFrom(row: Omit<Segment, 'definition'> & { definition: string }): Segment {
  return { ...row, definition: read(row.definition) }
}

function read(definition: string): SegmentDefinition {
  return SegmentDefinition.parse(JSON.parse(definition))
}

function unknown(name: string): ThalwegError {
  return new ThalwegError('SEGMENT_UNKNOWN', `There is no segment ${JSON.stringify(name)}`)
}
