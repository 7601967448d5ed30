/**
 * The books: for each current, accepted = delivered + filtered + dead + pending. Accepted and pending are counted from the log's own rows, the
 * rest is the ledger's: two accounts kept by different hands. When they differ, the records that no outcome covers are named.
 */

import type { Transaction } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { TurnsByKey } from '../core/turns.ts'
import { type FrameView, ROW_WORDS } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { labelOf, OTHER_TYPES } from '../store/labels.ts'
import type { Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { eventIdOf } from './event-id.ts'
import { type OutcomeTotal, totalsByType } from './ledger.ts'
import { LOG_CORRUPT, LOG_TRIMMED } from './outcomes.ts'
import type { UnsentReason } from './slice.ts'

export interface BookCheck {
  readonly current: number
  /** Records from this offset on are compared: where the current began, or later when the log no longer keeps that. */
  readonly from: number
  readonly checkpoint: number
  readonly head: number
  readonly accepted: number
  readonly delivered: number
  readonly filtered: number
  readonly dead: number
  readonly pending: number
  readonly reasons: readonly OutcomeTotal[]
  /**
   * accepted − delivered − filtered − dead − pending, summed over types without cancelling, and the records that are counted as sent but
   * that no batch lists: 0 when the books balance.
   */
  readonly residue: number
  readonly balanced: boolean
  readonly differences: readonly { readonly type: string; readonly log: number; readonly ledger: number }[]
  /** Records counted as sent that no batch lists; negative: listed and not counted. 0 where the log no longer keeps the beginning. */
  readonly unlisted: number
  /** Records before the checkpoint that no batch, filter or dead letter covers; at most MISSING_MAX. */
  readonly missing: readonly { readonly offset: number; readonly id: string; readonly type: string }[]
}

export const MISSING_MAX = 100
/** Records that one check asks about one by one. */
const EXPLAINED_MAX = 100_000
const READ_BYTES = 1_048_576
/** Dead without having been in a batch: see outcomes.ts. */
const LOST_REASONS: ReadonlySet<string> = new Set([LOG_CORRUPT, LOG_TRIMMED])
/** Filtered before being in a batch: see slice.ts. */
const UNSENT_REASONS: ReadonlySet<string> = new Set<UnsentReason>([
  'type_not_selected',
  'no_external_user_id',
  'not_an_event',
  'erased',
  'suppressed',
])

/** The sources that count from an offset on. */
export interface Scope {
  readonly fromOffset: number
  readonly sources: ReadonlySet<number>
}

export interface BookSubject {
  readonly current: number
  readonly startOffset: number
  /** By offset, ascending; the first begins at or before startOffset. */
  readonly scopes: readonly Scope[]
}

export type Explain = (offset: number) => Promise<'covered' | 'missing'>

interface Counters {
  readonly key: string
  readonly settled: LogCount
  readonly head: LogCount
}

export class Books {
  readonly #log: Log
  readonly #store: Store
  readonly #clock: Clock
  readonly #counts = new Map<number, Counters>()
  /** Counting is continued where it stopped, so one current's counts are asked one after another. */
  readonly #turns = new TurnsByKey<number>()

  constructor(log: Log, store: Store, clock: Clock) {
    this.#log = log
    this.#store = store
    this.#clock = clock
  }

  /** Counts what is new since the last check of this current, so that repeated checks are cheap. `explain` is asked only when something differs. */
  check(subject: BookSubject, explain: Explain): Promise<BookCheck> {
    return this.#turns.take(subject.current, () => this.#check(subject, explain))
  }

  /** Accepted and not settled. Asked often, by everything that shows how a current fares: it must not cost a reading of the log. */
  async pending({ scopes }: BookSubject, checkpoint: number): Promise<number> {
    const { head, tail } = this.#log
    let pending = 0
    for (const [k, { sources }] of scopes.entries()) {
      const from = Math.max(checkpoint, tail, beginOf(scopes, k))
      const to = Math.min(head, endOf(scopes, k))
      if (from < to) pending += await this.#log.count(sources, from, to)
    }
    return pending
  }

  async #check(subject: BookSubject, explain: Explain): Promise<BookCheck> {
    const { settled, head } = await this.#counters(subject)
    const { position, ledger, listed } = await this.#settledAccount(subject.current, settled.sinceMinute)
    const checkpoint = Math.max(position, settled.from)
    await settled.countTo(checkpoint)
    await head.countTo(this.#log.head)

    const differences = compare(settled.byType, ledger)
    const unlisted = settled.sinceMinute === undefined ? sentIn(ledger) - listed : 0
    const total = (outcome: string): number =>
      ledger.reduce((sum, row) => (row.outcome === outcome ? sum + row.count : sum), 0)
    const residue =
      differences.reduce((sum, row) => sum + Math.abs(row.log - row.ledger), 0) + Math.abs(unlisted)
    return {
      current: subject.current,
      from: settled.from,
      checkpoint,
      head: head.upTo,
      accepted: head.total,
      delivered: total('delivered'),
      filtered: total('filtered'),
      dead: total('dead'),
      pending: head.total - settled.total,
      reasons: byReason(ledger),
      residue,
      balanced: residue === 0,
      differences,
      unlisted,
      missing:
        residue === 0
          ? []
          : await this.#missing(subject, settled, checkpoint, suspectsOf(differences, unlisted), explain),
    }
  }

  /** Checkpoint, ledger and batches of one instant. */
  async #settledAccount(current: number, sinceMinute: number | undefined) {
    const work = async (tx: Transaction<Schema>) => {
      const checkpoint = await tx
        .selectFrom('checkpoints')
        .select('position')
        .where('current', '=', current)
        .executeTakeFirst()
      const ledger = await totalsByType(tx, {
        current,
        ...(sinceMinute === undefined ? {} : { fromMinute: sinceMinute }),
      })
      const batches = await tx
        .selectFrom('batches')
        .select(({ fn }) => fn.sum<number | null>('count').as('count'))
        .where('current', '=', current)
        .where('replay', 'is', null)
        .executeTakeFirst()
      return { position: checkpoint?.position ?? 0, ledger, listed: Number(batches?.count ?? 0) }
    }
    return this.#store.transaction(work, { ofOneInstant: true })
  }

  async #counters(subject: BookSubject): Promise<Counters> {
    const key = keyOf(subject)
    const known = this.#counts.get(subject.current)
    if (known !== undefined && known.key === key && known.settled.upTo >= this.#log.tail) return known
    const { from, sinceMinute } = await this.#beginning(subject.startOffset)
    const fresh = {
      key,
      settled: new LogCount(this.#log, subject.scopes, from, sinceMinute),
      head: new LogCount(this.#log, subject.scopes, from, sinceMinute),
    }
    this.#counts.set(subject.current, fresh)
    return fresh
  }

  /** Where log and ledger can both be counted from. The ledger counts by minute, so a trimmed log is compared from its first whole minute. */
  async #beginning(startOffset: number): Promise<{ from: number; sinceMinute: number | undefined }> {
    if (startOffset >= this.#log.tail) return { from: startOffset, sinceMinute: undefined }
    const oldestAt = await this.#oldestAt()
    const sinceMinute = Math.floor(oldestAt / 60_000) + 1
    return { from: await this.#log.offsetAt(sinceMinute * 60_000), sinceMinute }
  }

  /** When the oldest kept record came; now when none is readable. */
  async #oldestAt(): Promise<number> {
    for (let at = this.#log.tail; at < this.#log.head; ) {
      const run = await this.#log.read(at, 1)
      const first = run.frames[0]
      if (first !== undefined) return first.receivedAt
      if (run.next <= at) break
      at = run.next
    }
    return this.#clock.now()
  }

  /** Walks the records that may be the ones and asks about each; looks at no more than EXPLAINED_MAX. */
  async #missing(
    subject: BookSubject,
    settled: LogCount,
    checkpoint: number,
    isSuspect: (type: string) => boolean,
    explain: Explain,
  ): Promise<{ offset: number; id: string; type: string }[]> {
    const missing: { offset: number; id: string; type: string }[] = []
    let explained = 0
    let at = settled.from
    while (at < checkpoint) {
      const run = await this.#log.read(at, READ_BYTES)
      // Frames are only valid for this turn, and `explain` waits: note the suspects first.
      const noted: { offset: number; id: string; type: string }[] = []
      for (const frame of run.frames) {
        for (const { first, end } of rowsInScope(frame, subject.scopes, at, checkpoint)) {
          for (let i = first; i < end; i++) {
            const type = frame.types[frame.rowType(i)] ?? ''
            if (!isSuspect(labelOf(type))) continue
            const id = eventIdOf(frame.bytes.subarray(frame.rowStart(i), frame.rowEnd(i)))
            noted.push({ offset: frame.baseOffset + i, id, type })
          }
        }
      }
      for (const record of noted) {
        if (missing.length >= MISSING_MAX || explained++ >= EXPLAINED_MAX) return missing
        if ((await explain(record.offset)) === 'missing') missing.push(record)
      }
      if (run.next <= at) break
      at = run.next
    }
    return missing
  }
}

function keyOf({ startOffset, scopes }: BookSubject): string {
  const parts = scopes.map(({ fromOffset, sources }) => `${fromOffset}:${[...sources].sort().join(',')}`)
  return `${startOffset} ${parts.join(' ')}`
}

/** Rows of a frame within [from, to) whose source counts where they lie. */
function* rowsInScope(
  frame: FrameView,
  scopes: readonly Scope[],
  from: number,
  to: number,
): Generator<{ first: number; end: number }> {
  const { baseOffset: base, count, source } = frame
  for (const [k, scope] of scopes.entries()) {
    if (!scope.sources.has(source)) continue
    const first = Math.max(from, beginOf(scopes, k), base) - base
    const end = Math.min(to, endOf(scopes, k), base + count) - base
    if (first < end) yield { first, end }
  }
}

function beginOf(scopes: readonly Scope[], k: number): number {
  return k === 0 ? 0 : (scopes[k]?.fromOffset ?? 0)
}

function endOf(scopes: readonly Scope[], k: number): number {
  return scopes[k + 1]?.fromOffset ?? Number.POSITIVE_INFINITY
}

/** Counts records by type, onward from where it stopped. */
class LogCount {
  readonly from: number
  /** Set when the log no longer keeps the beginning: the first minute that is whole. */
  readonly sinceMinute: number | undefined
  readonly byType = new Map<string, number>()
  upTo: number
  total = 0
  readonly #log: Log
  readonly #scopes: readonly Scope[]

  constructor(log: Log, scopes: readonly Scope[], from: number, sinceMinute: number | undefined) {
    this.#log = log
    this.#scopes = scopes
    this.from = from
    this.sinceMinute = sinceMinute
    this.upTo = from
  }

  async countTo(to: number): Promise<void> {
    while (this.upTo < to) {
      if (this.upTo < this.#log.tail)
        throw new ThalwegError('LOG_TRIMMED', 'The log was trimmed during the count; ask again')
      const run = await this.#log.read(this.upTo, READ_BYTES)
      for (const gap of run.gaps) this.#add('', Math.min(gap.to, to) - Math.max(gap.from, this.upTo))
      for (const frame of run.frames) {
        // Frames can lie out of order by moments: a late one of the minute before is not in this count.
        if (Math.floor(frame.receivedAt / 60_000) >= (this.sinceMinute ?? 0)) this.#take(frame, to)
      }
      if (run.next <= this.upTo) return
      this.upTo = Math.min(run.next, to)
    }
  }

  #take(frame: FrameView, to: number): void {
    const perType = new Uint32Array(frame.types.length)
    const { rows } = frame
    for (const { first, end } of rowsInScope(frame, this.#scopes, this.upTo, to)) {
      for (let i = first; i < end; i++) {
        const type = (rows[i * ROW_WORDS + 7] ?? 0) & 0xffff
        perType[type] = (perType[type] ?? 0) + 1
      }
    }
    frame.types.forEach((name, type) => {
      this.#add(labelOf(name), perType[type] ?? 0)
    })
  }

  #add(type: string, count: number): void {
    if (count <= 0) return
    this.byType.set(type, (this.byType.get(type) ?? 0) + count)
    this.total += count
  }
}

/** Records that must have been in a batch, by their outcome. */
function sentIn(ledger: readonly OutcomeTotal[]): number {
  let sent = 0
  for (const { outcome, reason, count } of ledger) {
    const unsent = outcome === 'dead' ? LOST_REASONS : outcome === 'filtered' ? UNSENT_REASONS : NO_REASONS
    if (!unsent.has(reason)) sent += count
  }
  return sent
}

const NO_REASONS: ReadonlySet<string> = new Set()

function suspectsOf(
  differences: readonly { type: string; log: number; ledger: number }[],
  unlisted: number,
): (type: string) => boolean {
  const short = new Set(differences.filter((row) => row.log > row.ledger).map((row) => row.type))
  // A batch that is not listed may hold any type, and the sum of all types tells of none.
  return unlisted !== 0 || short.has(OTHER_TYPES) ? () => true : (type) => short.has(type)
}

function compare(
  log: ReadonlyMap<string, number>,
  ledger: readonly (OutcomeTotal & { eventType: string })[],
) {
  const counted = new Map<string, number>()
  for (const row of ledger) counted.set(row.eventType, (counted.get(row.eventType) ?? 0) + row.count)
  if (counted.has(OTHER_TYPES)) return compareTotals(log, counted)
  const differences: { type: string; log: number; ledger: number }[] = []
  for (const type of new Set([...log.keys(), ...counted.keys()])) {
    const inLog = log.get(type) ?? 0
    const inLedger = counted.get(type) ?? 0
    if (inLog !== inLedger) differences.push({ type, log: inLog, ledger: inLedger })
  }
  return differences
}

/** After a flood of invented types the ledger no longer tells all of them apart: then only the sums can be compared. */
function compareTotals(log: ReadonlyMap<string, number>, ledger: ReadonlyMap<string, number>) {
  const sum = (counts: ReadonlyMap<string, number>): number =>
    [...counts.values()].reduce((total, count) => total + count, 0)
  const [inLog, inLedger] = [sum(log), sum(ledger)]
  return inLog === inLedger ? [] : [{ type: OTHER_TYPES, log: inLog, ledger: inLedger }]
}

function byReason(ledger: readonly OutcomeTotal[]): OutcomeTotal[] {
  const reasons = new Map<string, OutcomeTotal>()
  for (const row of ledger) {
    const key = `${row.outcome} ${row.reason}`
    reasons.set(key, {
      outcome: row.outcome,
      reason: row.reason,
      count: (reasons.get(key)?.count ?? 0) + row.count,
    })
  }
  return [...reasons.values()].filter((row) => row.count !== 0)
}
