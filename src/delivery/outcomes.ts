/** From the outcomes of a slice or of a replayed parcel to what the books need: cells, batch rows, dead-letter rows. */

import type { BatchesTable, DeadLettersTable } from '../store/schema.ts'
import { Cells, type TypeNumbers } from './cells.ts'
import { deadLetterRow } from './dead-letters.ts'
import { encodeOffsets } from './offsets.ts'
import { DEAD_OUTCOME, DELIVERED_OUTCOME, type Parcel, SKIPPED_OUTCOME } from './parcel.ts'
import type { Settlement } from './settlement.ts'
import type { Slice } from './slice.ts'

export interface About {
  readonly current: number
  readonly version: number
  readonly replay: string | null
  readonly now: number
}

/** Reason under which records that the log lost are counted as dead. */
export const LOG_CORRUPT = 'log_corrupt'

/** Reason under which records are counted as dead that retention took before they were read. Nobody knows their minute: it is told as 0. */
export const LOG_TRIMMED = 'log_trimmed'

/** Every record of the slice must have an outcome. */
export function settlementOf(slice: Slice, types: TypeNumbers, about: About): Settlement {
  const delivered = new Cells()
  const reasons = new Map<string, { outcome: 'filtered' | 'dead'; reason: string; cells: Cells }>()
  const cellsFor = (outcome: 'filtered' | 'dead', reason: string): Cells => {
    const key = `${outcome} ${reason}`
    let entry = reasons.get(key)
    if (entry === undefined) {
      entry = { outcome, reason, cells: new Cells() }
      reasons.set(key, entry)
    }
    return entry.cells
  }
  for (const [reason, cells] of slice.filtered) {
    for (const { minute, type, count } of cells.entries())
      cellsFor('filtered', reason).add(minute, type, count)
  }
  for (const gap of slice.gaps) {
    const lost = Math.min(gap.to, slice.to) - Math.max(gap.from, slice.from)
    if (lost > 0) cellsFor('dead', LOG_CORRUPT).add(Math.floor(about.now / 60_000), types.numberOf(''), lost)
  }
  if (slice.trimmed > 0) cellsFor('dead', LOG_TRIMMED).add(0, types.numberOf(''), slice.trimmed)
  for (const parcel of slice.parcels) {
    const { batch, outcomes, notes } = parcel
    for (let i = 0, next = 0; i < batch.count; i = next) {
      const outcome = outcomes[i]
      next = outcome === DELIVERED_OUTCOME ? endOfLike(parcel, i) : i + 1
      const cells =
        outcome === DELIVERED_OUTCOME
          ? delivered
          : cellsFor(outcome === SKIPPED_OUTCOME ? 'filtered' : 'dead', notes.get(i)?.reason ?? '')
      const minute = Math.floor((batch.receivedAt[i] ?? 0) / 60_000)
      cells.add(minute, types.numberOf(batch.types[i] ?? ''), next - i)
    }
  }
  return {
    current: about.current,
    from: slice.from,
    to: slice.to,
    delivered,
    others: [...reasons.values()],
    batches: slice.parcels.map((parcel) => batchRow(parcel, slice, slice.parcels.length > 1, about)),
    deadLetters: slice.parcels.flatMap((parcel) => deadLettersOf(parcel, about)),
  }
}

/** The first record behind i that is not like it in outcome, type and time: what came in one request is alike, and counted at once. */
function endOfLike({ batch, outcomes }: Parcel, i: number): number {
  const { count, types, receivedAt } = batch
  let end = i + 1
  while (
    end < count &&
    outcomes[end] === outcomes[i] &&
    types[end] === types[i] &&
    receivedAt[end] === receivedAt[i]
  )
    end++
  return end
}

export function deadLettersOf(parcel: Parcel, about: About): DeadLettersTable[] {
  const rows: DeadLettersTable[] = []
  for (const [i, note] of parcel.notes) {
    if (parcel.outcomes[i] === DEAD_OUTCOME) rows.push(deadLetterRow(parcel, i, note, about))
  }
  return rows
}

/** `partial`: the slice holds other batches too, so the row lists its records. */
export function batchRow(
  parcel: Parcel,
  slice: { from: number; to: number },
  partial: boolean,
  about: About,
): BatchesTable {
  const { batch } = parcel
  const counts = countsOf(parcel)
  return {
    current: about.current,
    id: about.replay === null ? batch.id : `${about.replay}:${batch.id}`,
    slice_from: slice.from,
    slice_to: slice.to,
    first_offset: batch.offsets[0] ?? slice.from,
    last_offset: batch.offsets[batch.count - 1] ?? slice.from,
    records: partial ? encodeOffsets(batch.offsets) : null,
    count: batch.count,
    delivered: counts.delivered,
    failed: counts.dead,
    skipped: counts.skipped,
    version: about.version,
    replay: about.replay,
    attempts: parcel.attempts,
    status: parcel.status,
    first_sent_at: parcel.firstSentAt,
    settled_at: about.now,
  }
}

export function countsOf(parcel: Parcel): { delivered: number; skipped: number; dead: number } {
  const counts = { delivered: 0, skipped: 0, dead: 0 }
  const { outcomes } = parcel
  for (let i = 0; i < outcomes.length; i++) {
    const outcome = outcomes[i]
    if (outcome === DELIVERED_OUTCOME) counts.delivered++
    else if (outcome === SKIPPED_OUTCOME) counts.skipped++
    else if (outcome === DEAD_OUTCOME) counts.dead++
  }
  return counts
}

/** All of it was accepted at the first try: only then can no socket still be sending from its memory. */
export function isTakenAtOnce(parcel: Parcel): boolean {
  return parcel.attempts === 1 && countsOf(parcel).delivered === parcel.batch.count
}
