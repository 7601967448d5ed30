/**
 * History: what became of a record in every current, and since when which sources count for a current. Reads only: log, versions, batch rows and
 * dead letters; see lineage.ts for the rules.
 */

import { compilePattern } from '../catalog/catalog.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Current } from '../currents/current.ts'
import type { Currents } from '../currents/registry.ts'
import { Selection } from '../currents/selection.ts'
import { ROW_ERASED } from '../log/frame.ts'
import type { Identity, Log } from '../log/log.ts'
import type { Store } from '../store/store.ts'
import type { Blueprints } from './blueprint.ts'
import type { BookSubject } from './books.ts'
import { eventIdOf } from './event-id.ts'
import {
  batchesIn,
  type Fate,
  fateOf,
  type KeptRecord,
  type Pace,
  paceIn,
  recordAt,
  replaysHolding,
  type SentBatch,
  type VersionScope,
  versionAt,
} from './lineage.ts'
import { newestRecords } from './newest.ts'
import { mappedBy } from './rehearsal.ts'
import { unsentReason } from './slice.ts'

export interface HistoryParts {
  readonly log: Log
  readonly store: Store
  readonly currents: Currents
  readonly blueprints: Blueprints
  readonly sourceNumbers: (names: readonly string[]) => Promise<ReadonlySet<number>>
}

/** A record and its fate in one current. */
export interface Lineage {
  readonly current: Current
  readonly fate: Fate
  /** The record as the destination gets it, by the current's present version; undefined when it gets none or nobody can tell. */
  readonly mapped: unknown
  /** The record after the current's field rules, before mapping; undefined when they leave it as it is, or it gets none. */
  readonly ruled: string | undefined
  /** Replays that carried it. */
  readonly replays: readonly unknown[]
}

export interface NewestQuery {
  /** Exclusive; unset: from the head. */
  readonly before?: number
  readonly limit: number
  /** Only records that the version of their time selects. */
  readonly flowing: boolean
  /** Pattern of event types; unset: all. */
  readonly type?: string
}

export interface NewestRow {
  readonly record: KeptRecord
  /** The event's own id; '' when it names none. */
  readonly id: string
  readonly fate: Fate
}

const LOOKED_MAX = 20_000

export class History {
  readonly #parts: HistoryParts

  constructor(parts: HistoryParts) {
    this.#parts = parts
  }

  /** What became of the record at an offset in every current, with what each destination gets to see. */
  async lineage(offset: number): Promise<{ record: KeptRecord; currents: Lineage[] } | undefined> {
    const { log, currents, store } = this.#parts
    const record = await recordAt(log, offset)
    if (record === undefined) return undefined
    const rows: Lineage[] = []
    for (const current of await currents.list()) {
      const settled = await this.fate(current, record)
      const isSeen = settled.outcome !== 'out-of-scope' && settled.outcome !== 'filtered'
      const view = isSeen ? (await this.#mapping(current))(record) : undefined
      const fate = knownSkipped(settled, view?.skipped)
      const replays = await replaysHolding(store, current.number, offset)
      rows.push({ current, fate, mapped: view?.mapped, ruled: view?.ruled, replays })
    }
    return { record, currents: rows }
  }

  /** Offsets of kept records whose id this is: the identity index finds candidates, the bytes confirm them. */
  async offsetsOf(eventId: string, identity: Identity): Promise<number[]> {
    const offsets: number[] = []
    for (const offset of await this.#parts.log.find(identity)) {
      const record = await recordAt(this.#parts.log, offset)
      if (record === undefined) continue
      // What was erased is known by its identity alone.
      const isErased = (record.flags & ROW_ERASED) !== 0
      if (isErased || eventIdOf(record.bytes) === eventId) offsets.push(offset)
    }
    return offsets
  }

  /**
   * The newest records in the scope of a current, newest first, with their fates; those of `before` and later are left out. `next`: where the
   * next page begins; undefined when there is nothing before. A page may hold fewer than `limit`: no more than LOOKED_MAX records are looked at.
   */
  async newest(
    current: Current,
    { before, limit, flowing, type }: NewestQuery,
  ): Promise<{ rows: NewestRow[]; next: number | undefined }> {
    const { log, store } = this.#parts
    const { number, startOffset } = current
    const rows: NewestRow[] = []
    if (startOffset === null) return { rows, next: undefined }
    const subject = { number, startOffset, versions: await this.#versions(number) }
    const mapping = await this.#mapping(current)
    const wants = wantsOf(subject.versions, flowing, type)
    const until = Math.min(before ?? log.head, log.head)
    for await (const { from, items } of newestRecords(log, { from: startOffset, before: until })) {
      for (const record of items) {
        if (!wants(record)) continue
        const settled = await fateOf(store, subject, record)
        rows.push({
          record,
          id: eventIdOf(record.bytes),
          fate: knownSkipped(settled, mapping(record)?.skipped),
        })
        if (rows.length >= limit) return { rows, next: record.offset }
      }
      if (until - from >= LOOKED_MAX) return { rows, next: from }
    }
    return { rows, next: undefined }
  }

  /** What was sent for records of a stretch of the log, as far as it is settled, in the order of the log. */
  requests(
    current: number,
    window: { readonly from: number; readonly to: number },
    limit: number,
  ): Promise<SentBatch[]> {
    return batchesIn(this.#parts.store, current, window, limit)
  }

  /** How fast that went; undefined while nothing is settled. */
  pace(current: number, window: { readonly from: number; readonly to: number }): Promise<Pace | undefined> {
    return paceIn(this.#parts.store, current, window)
  }

  /** What the books of a current compare; undefined for a draft. */
  async subject(current: Current): Promise<BookSubject | undefined> {
    if (current.startOffset === null) return undefined
    const versions = await this.#versions(current.number)
    // Versions with the same sources count as one, so that a change of something else does not begin the count anew.
    const scopes = versions.filter(
      ({ sources }, i) => i === 0 || !sameNumbers(sources, versions[i - 1]?.sources ?? sources),
    )
    return { current: current.number, startOffset: current.startOffset, scopes }
  }

  async #versions(number: number): Promise<VersionScope[]> {
    const versions: VersionScope[] = []
    for (const version of await this.#parts.currents.versions(number)) {
      const sources = new Set<number>()
      for (const name of version.definition.sources)
        for (const one of await this.#knownSource(name)) sources.add(one)
      versions.push({ ...version, sources })
    }
    return versions
  }

  /** An old version may name a source that was removed since: its events can no longer be told apart and are not counted. */
  async #knownSource(name: string): Promise<ReadonlySet<number>> {
    try {
      return await this.#parts.sourceNumbers([name])
    } catch (error) {
      if (error instanceof ThalwegError && error.code === 'SOURCE_UNKNOWN') return new Set()
      throw error
    }
  }

  async fate(current: Current, record: KeptRecord): Promise<Fate> {
    const { number, startOffset } = current
    return fateOf(this.#parts.store, { number, startOffset, versions: await this.#versions(number) }, record)
  }

  /** How a current's present version shows a record to its destination. */
  async #mapping(current: Current): Promise<Mapping> {
    try {
      const blueprint = await this.#parts.blueprints.of(current)
      return (record) => {
        if (unsentReason(blueprint.rule.selection, record.type, record.flags) !== undefined) return undefined
        const { edited, mapped } = mappedBy(blueprint, current.key, record)
        const ruled = blueprint.rule.editor === undefined ? undefined : edited.toString()
        return { mapped, ruled, skipped: mapped === undefined }
      }
    } catch (error) {
      // One current whose definition no longer holds must not hide what became of the record in the others.
      if (error instanceof ThalwegError) return () => undefined
      throw error
    }
  }
}

/** undefined: it gets none of it, or nobody can tell. */
type Mapping = (
  record: KeptRecord,
) => { readonly mapped: unknown; readonly ruled: string | undefined; readonly skipped: boolean } | undefined

/** A destination may take a batch and leave out some of it: its present mapping tells which. */
function knownSkipped(fate: Fate, skipped: boolean | undefined): Fate {
  return fate.outcome === 'delivered' && skipped === true
    ? { outcome: 'filtered', reason: 'skipped_by_destination', version: fate.version }
    : fate
}

function wantsOf(
  versions: readonly VersionScope[],
  flowing: boolean,
  type: string | undefined,
): (record: KeptRecord) => boolean {
  const isOfType = type === undefined ? () => true : compilePattern(type)
  const selections = new Map<VersionScope, Selection>()
  return (record) => {
    const version = versionAt({ versions }, undefined, record.offset)
    if (version?.sources.has(record.source) !== true || !isOfType(record.type)) return false
    if (!flowing) return true
    const selection = selections.get(version) ?? new Selection(version.definition)
    selections.set(version, selection)
    return unsentReason(selection, record.type, record.flags) === undefined
  }
}

function sameNumbers(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && [...a].every((number) => b.has(number))
}
