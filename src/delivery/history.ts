/**
 * History: what became of a record in every current, and since when which sources count for a current. Reads only: log, versions, batch rows and
 * dead letters; see lineage.ts for the rules.
 */

import { ThalwegError } from '../core/errors.ts'
import type { Current } from '../currents/current.ts'
import type { Currents } from '../currents/registry.ts'
import { ROW_ERASED, ROW_QUARANTINED } from '../log/frame.ts'
import type { Identity, Log } from '../log/log.ts'
import type { Store } from '../store/store.ts'
import type { Blueprints } from './blueprint.ts'
import type { BookSubject } from './books.ts'
import { eventIdOf } from './event-id.ts'
import {
  batchesIn,
  batchOfOne,
  type Fate,
  fateOf,
  type KeptRecord,
  type Pace,
  paceIn,
  recordAt,
  replaysHolding,
  type SentBatch,
  type VersionScope,
} from './lineage.ts'

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
      let fate = await this.fate(current, record)
      const view = await this.#mapped(current, record, fate)
      if (fate.outcome === 'delivered' && view?.skipped === true) {
        fate = { outcome: 'filtered', reason: 'skipped_by_destination', version: fate.version }
      }
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

  /** The record as the destination gets it, by the current's present version; undefined when it gets none or nobody can tell. */
  async #mapped(
    current: Current,
    record: KeptRecord,
    fate: Fate,
  ): Promise<{ mapped: unknown; ruled: string | undefined; skipped: boolean } | undefined> {
    const { outcome } = fate
    const isEvent = (record.flags & (ROW_QUARANTINED | ROW_ERASED)) === 0
    if (outcome === 'out-of-scope' || outcome === 'filtered' || !isEvent) return undefined
    try {
      const { writer, rule } = await this.#parts.blueprints.of(current)
      if (rule.selection.reasonAgainst(record.type, record.flags) !== undefined) return undefined
      const bytes = rule.editor === undefined ? record.bytes : Buffer.from(rule.editor(record.bytes))
      const mapped = writer.preview(batchOfOne({ ...record, bytes }, current.key), 0)
      return {
        mapped,
        ruled: rule.editor === undefined ? undefined : bytes.toString(),
        skipped: mapped === undefined,
      }
    } catch (error) {
      // One current whose definition no longer holds must not hide what became of the record in the others.
      if (error instanceof ThalwegError) return undefined
      throw error
    }
  }
}

function sameNumbers(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && [...a].every((number) => b.has(number))
}
