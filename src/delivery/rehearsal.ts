/**
 * Rehearsal: what a definition would do with the newest kept events, and what it would do otherwise than another one. Reads the log and consults
 * the destination; nothing is sent and nothing is kept.
 */

import type { CurrentDefinition } from '../currents/current.ts'
import { ROW_ERASED, ROW_QUARANTINED } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { type Blueprint, type Blueprints, firstRequest } from './blueprint.ts'
import { eventIdOf } from './event-id.ts'
import { batchOfOne, type KeptRecord } from './lineage.ts'
import { newestRecords } from './newest.ts'
import { unsentReason } from './slice.ts'

export interface Rehearsed {
  readonly definition: CurrentDefinition
  /** Part of message ids at vendors. */
  readonly key: string
}

export interface RehearsalQuery {
  /** Records of any source that are looked at, newest first. */
  readonly lookedMax: number
  readonly samplesMax: number
  /** Samples are of this type only. */
  readonly type?: string
}

export interface Rehearsal {
  /** Stretch of the log that was looked at: [fromOffset, toOffset). */
  readonly fromOffset: number
  readonly toOffset: number
  /** Records of its sources in there. */
  readonly records: number
  readonly sent: number
  readonly unsent: readonly { readonly reason: string; readonly count: number }[]
  readonly byType: readonly { readonly type: string; readonly count: number; readonly sent: number }[]
  /** Newest first; those that would be sent before the others. */
  readonly samples: readonly Sample[]
  /** For the samples that would be sent: what would leave first, secrets blotted out. */
  readonly request: unknown
  readonly changes: Changes | undefined
}

export interface Sample {
  readonly record: KeptRecord
  readonly id: string
  /** Why it would not be sent; undefined: it would be. */
  readonly reason: string | undefined
  /** After the field rules. */
  readonly edited: Buffer
  readonly mapped: unknown
}

/** What the definition does otherwise than the other one, counted over the same records. */
export interface Changes {
  readonly added: number
  readonly removed: number
  readonly different: number
  readonly same: number
  readonly examples: readonly ChangeExample[]
}

export interface ChangeExample {
  readonly change: 'added' | 'removed' | 'different'
  readonly offset: number
  readonly id: string
  readonly type: string
  readonly before: unknown
  readonly after: unknown
}

const SKIPPED = 'skipped_by_destination'
/** Of each kind of change. */
const EXAMPLES_MAX = 3
/** Samples that would not be sent are shown beside those that would be. */
const UNSENT_SAMPLES_MAX = 2

/** An event as the field rules leave it, and as the destination gets to see it; undefined: it leaves it out. */
export function mappedBy({ writer, rule }: Blueprint, key: string, record: KeptRecord) {
  const edited = rule.editor === undefined ? record.bytes : Buffer.from(rule.editor(record.bytes))
  return { edited, mapped: writer.preview(batchOfOne({ ...record, bytes: edited }, key), 0) }
}

/** Throws CURRENT_INVALID when a definition does not hold together. */
export async function rehearse(
  { log, blueprints }: { readonly log: Log; readonly blueprints: Blueprints },
  subject: Rehearsed,
  { lookedMax, samplesMax, type }: RehearsalQuery,
  against?: Rehearsed,
): Promise<Rehearsal> {
  const blueprint = await blueprints.of(subject)
  const show = showing(blueprint, subject.key)
  const compare =
    against === undefined ? undefined : comparing(showing(await blueprints.of(against), against.key))
  const toOffset = log.head
  const fromOffset = Math.max(log.tail, toOffset - lookedMax)
  const tally = new Tally()
  const samples: Sample[] = []
  const unsentSamples: Sample[] = []
  for await (const { items } of newestRecords(log, { from: fromOffset, before: toOffset })) {
    for (const record of items) {
      const shown = show(record)
      compare?.take(record, shown)
      if (shown === undefined) continue
      tally.add(record.type, shown.reason)
      if (type !== undefined && record.type !== type) continue
      const [list, max] =
        shown.reason === undefined ? [samples, samplesMax] : [unsentSamples, UNSENT_SAMPLES_MAX]
      if (list.length < max) list.push({ record, id: eventIdOf(record.bytes), ...shown })
    }
  }
  return {
    fromOffset,
    toOffset,
    ...tally.told(),
    request: firstRequest(blueprint, samples.map(({ record }) => record).reverse()),
    samples: [...samples, ...unsentSamples],
    changes: compare?.told(),
  }
}

interface Shown {
  readonly reason: string | undefined
  readonly edited: Buffer
  readonly mapped: unknown
}

/** undefined: the record is of another source. */
type Show = (record: KeptRecord) => Shown | undefined

function showing(blueprint: Blueprint, key: string): Show {
  const { rule } = blueprint
  return (record) => {
    if (!rule.sources.has(record.source)) return undefined
    const reason = unsentReason(rule.selection, record.type, record.flags)
    // What is no event, or was taken away, has no fields to show.
    if ((record.flags & (ROW_QUARANTINED | ROW_ERASED)) !== 0)
      return { reason: reason ?? 'not_an_event', edited: record.bytes, mapped: undefined }
    const { edited, mapped } = mappedBy(blueprint, key, record)
    return { reason: reason ?? (mapped === undefined ? SKIPPED : undefined), edited, mapped }
  }
}

class Tally {
  readonly #unsent = new Map<string, number>()
  readonly #types = new Map<string, { count: number; sent: number }>()
  #records = 0
  #sent = 0

  add(type: string, reason: string | undefined): void {
    const row = this.#types.get(type) ?? { count: 0, sent: 0 }
    this.#types.set(type, row)
    this.#records++
    row.count++
    if (reason === undefined) {
      this.#sent++
      row.sent++
    } else this.#unsent.set(reason, (this.#unsent.get(reason) ?? 0) + 1)
  }

  told() {
    return {
      records: this.#records,
      sent: this.#sent,
      unsent: [...this.#unsent].map(([reason, count]) => ({ reason, count })).sort(byCount),
      byType: [...this.#types].map(([name, row]) => ({ type: name, ...row })).sort(byCount),
    }
  }
}

function byCount(a: { readonly count: number }, b: { readonly count: number }): number {
  return b.count - a.count
}

/** Takes every record and how the definition shows it, beside how the other one does. */
function comparing(show: Show): {
  take(record: KeptRecord, after: Shown | undefined): void
  told(): Changes
} {
  const counts = { added: 0, removed: 0, different: 0, same: 0 }
  const examples: ChangeExample[] = []
  return {
    take: (record, after) => {
      const before = show(record)
      const change = changeOf(before, after)
      if (change === undefined) return
      counts[change]++
      if (change === 'same' || counts[change] > EXAMPLES_MAX) return
      const { offset, type, bytes } = record
      examples.push({
        change,
        offset,
        id: eventIdOf(bytes),
        type,
        before: sentOf(before) ?? null,
        after: sentOf(after) ?? null,
      })
    },
    told: () => ({ ...counts, examples }),
  }
}

/** undefined: neither sends it. */
function changeOf(
  before: Shown | undefined,
  after: Shown | undefined,
): keyof Omit<Changes, 'examples'> | undefined {
  const [was, is] = [sentOf(before), sentOf(after)]
  if (was === undefined) return is === undefined ? undefined : 'added'
  if (is === undefined) return 'removed'
  return JSON.stringify(was) === JSON.stringify(is) ? 'same' : 'different'
}

function sentOf(shown: Shown | undefined): unknown {
  return shown?.reason === undefined ? shown?.mapped : undefined
}
