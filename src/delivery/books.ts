/**
 * The books: for each current, accepted = delivered + filtered + dead + pending. Accepted and pending are counted from the log's own rows, the
 * rest is the ledger's: two accounts kept by different hands. When they differ, the records that no outcome covers are named.
 */

import { ThalwegError } from '../core/errors.ts'
import { ROW_WORDS } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import type { Store } from '../store/store.ts'
import { OTHER_TYPES, typeLabel } from './cells.ts'
import { type OutcomeTotal, totalsByType } from './ledger.ts'

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
  /** accepted − delivered − filtered − dead − pending, summed over types without cancelling: 0 when the books balance. */
  readonly residue: number
  readonly balanced: boolean
  readonly differences: readonly { readonly type: string; readonly log: number; readonly ledger: number }[]
  /** Records before the checkpoint that no batch, filter or dead letter covers; at most MISSING_MAX. */
  readonly missing: readonly { readonly offset: number; readonly id: string; readonly type: string }[]
}

export const MISSING_MAX = 100
const READ_BYTES = 1_048_576

export interface BookSubject {
  readonly current: number
  readonly startOffset: number
  readonly sources: ReadonlySet<number>
}

export type Explain = (offset: number) => Promise<'covered' | 'missing'>

export class Books {
  readonly #log: Log
  readonly #store: Store
  readonly #counts = new Map<
    number,
    { readonly key: string; readonly settled: LogCount; readonly head: LogCount }
  >()

  constructor(log: Log, store: Store) {
    this.#log = log
    this.#store = store
  }

  /** Counts what is new since the last check of this current, so that repeated checks are cheap. `explain` is asked only when something differs. */
  async check(subject: BookSubject, explain: Explain): Promise<BookCheck> {
    const { settled, head } = await this.#counters(subject)
    const { position, ledger } = await this.#settledAccount(subject.current, settled.sinceMinute)
    const checkpoint = Math.max(position, settled.from)
    await settled.countTo(checkpoint)
    await head.countTo(this.#log.head)

    const differences = compare(settled.byType, ledger)
    const total = (outcome: string): number =>
      ledger.reduce((sum, row) => (row.outcome === outcome ? sum + row.count : sum), 0)
    const residue = differences.reduce((sum, row) => sum + Math.abs(row.log - row.ledger), 0)
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
      missing: residue === 0 ? [] : await this.#missing(subject, settled, checkpoint, differences, explain),
    }
  }

  /** Accepted and not settled, from the log's rows. */
  async pending(subject: BookSubject, checkpoint: number): Promise<number> {
    const { settled, head } = await this.#counters(subject)
    await settled.countTo(Math.max(checkpoint, settled.from))
    await head.countTo(this.#log.head)
    return head.total - settled.total
  }

  /** Checkpoint and ledger of one instant. */
  async #settledAccount(current: number, sinceMinute: number | undefined) {
    return this.#store.transaction(async (tx) => {
      const checkpoint = await tx
        .selectFrom('checkpoints')
        .select('position')
        .where('current', '=', current)
        .executeTakeFirst()
      const ledger = await totalsByType(tx, {
        current,
        ...(sinceMinute === undefined ? {} : { fromMinute: sinceMinute }),
      })
      return { position: checkpoint?.position ?? 0, ledger }
    })
  }

  async #counters(subject: BookSubject) {
    const key = `${subject.startOffset} ${[...subject.sources].sort().join(' ')}`
    const known = this.#counts.get(subject.current)
    if (known !== undefined && known.key === key && known.settled.upTo >= this.#log.tail) return known
    const { from, sinceMinute } = await this.#beginning(subject.startOffset)
    const fresh = {
      key,
      settled: new LogCount(this.#log, subject.sources, from, sinceMinute),
      head: new LogCount(this.#log, subject.sources, from, sinceMinute),
    }
    this.#counts.set(subject.current, fresh)
    return fresh
  }

  /** Where log and ledger can both be counted from. The ledger counts by minute, so a trimmed log is compared from its first whole minute. */
  async #beginning(startOffset: number): Promise<{ from: number; sinceMinute: number | undefined }> {
    const { tail } = this.#log
    if (startOffset >= tail) return { from: startOffset, sinceMinute: undefined }
    const run = await this.#log.read(tail, 1)
    const first = run.frames[0]
    if (first === undefined) return { from: tail, sinceMinute: Math.ceil(Date.now() / 60_000) }
    const sinceMinute = Math.floor(first.receivedAt / 60_000) + 1
    return { from: await this.#log.offsetAt(sinceMinute * 60_000), sinceMinute }
  }

  async #missing(
    subject: BookSubject,
    settled: LogCount,
    checkpoint: number,
    differences: readonly { type: string; log: number; ledger: number }[],
    explain: Explain,
  ): Promise<{ offset: number; id: string; type: string }[]> {
    const suspects = new Set(differences.filter((row) => row.log > row.ledger).map((row) => row.type))
    const missing: { offset: number; id: string; type: string }[] = []
    let at = settled.from
    while (at < checkpoint && missing.length < MISSING_MAX) {
      const run = await this.#log.read(at, READ_BYTES)
      // Frames are only valid for this turn, and `explain` waits: note the suspects first.
      const noted: { offset: number; id: string; type: string }[] = []
      for (const frame of run.frames) {
        if (!subject.sources.has(frame.source)) continue
        for (let i = Math.max(0, at - frame.baseOffset); i < frame.count; i++) {
          const type = frame.types[frame.rowType(i)] ?? ''
          const offset = frame.baseOffset + i
          if (offset < checkpoint && (suspects.has(typeLabel(type)) || suspects.has(OTHER_TYPES))) {
            noted.push({ offset, id: idOf(frame.bytes.subarray(frame.rowStart(i), frame.rowEnd(i))), type })
          }
        }
      }
      for (const record of noted) {
        if (missing.length >= MISSING_MAX) break
        if ((await explain(record.offset)) === 'missing') missing.push(record)
      }
      if (run.next <= at) break
      at = run.next
    }
    return missing
  }
}

/** Counts records of some sources by type, onward from where it stopped. */
class LogCount {
  readonly from: number
  /** Set when the log no longer keeps the beginning: the first minute that is whole. */
  readonly sinceMinute: number | undefined
  readonly byType = new Map<string, number>()
  upTo: number
  total = 0
  readonly #log: Log
  readonly #sources: ReadonlySet<number>

  constructor(log: Log, sources: ReadonlySet<number>, from: number, sinceMinute: number | undefined) {
    this.#log = log
    this.#sources = sources
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
        const first = Math.max(0, this.upTo - frame.baseOffset)
        const end = Math.min(frame.count, to - frame.baseOffset)
        if (!this.#sources.has(frame.source)) continue
        const perType = new Uint32Array(frame.types.length)
        const { rows } = frame
        for (let i = first; i < end; i++) {
          const type = (rows[i * ROW_WORDS + 7] ?? 0) & 0xffff
          perType[type] = (perType[type] ?? 0) + 1
        }
        frame.types.forEach((name, type) => {
          this.#add(typeLabel(name), perType[type] ?? 0)
        })
      }
      if (run.next <= this.upTo) return
      this.upTo = Math.min(run.next, to)
    }
  }

  #add(type: string, count: number): void {
    if (count <= 0) return
    this.byType.set(type, (this.byType.get(type) ?? 0) + count)
    this.total += count
  }
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

function idOf(bytes: Buffer): string {
  try {
    const { id } = JSON.parse(bytes.toString()) as { id?: unknown }
    return typeof id === 'string' ? id : ''
  } catch {
    return '' // quarantined bytes need not be JSON
  }
}
