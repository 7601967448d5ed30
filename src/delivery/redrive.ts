/**
 * Redrive: dead letters that an operator queued go out again, as edited, through the same courier as live events. Accepted ones move from dead
 * to delivered in the ledger, in the transaction that closes the letter; refused ones become dead again with the new answer.
 */

import type { EventBatch, Limits } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import type { Fault } from '../core/fault.ts'
import { ITEM_ODD } from '../core/kernel/kernel.ts'
import { type Lease, refuseStale } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import type { Courier } from './courier.ts'
import { type DeadLetter, type DeadLetters, movedCounts } from './dead-letters.ts'
import { addToLedger, type LedgerEntry } from './ledger.ts'
import { addToLetterCounts, type LetterCount } from './letter-counts.ts'
import { DELIVERED_OUTCOME, type Parcel, parcelOf, SKIPPED_OUTCOME } from './parcel.ts'

export interface RedriveParts {
  readonly current: number
  readonly connection: string
  readonly letters: DeadLetters
  readonly store: Store
  readonly clock: Clock
  readonly courier: Courier
  readonly lease: Lease
  readonly limits: Limits
  /** The letters wait: `wake` when the connection is well again. */
  readonly onHalted: (fault: Fault) => void
  readonly onTrouble: (error: unknown) => void
}

const RETRY_MS = 1_000

export class Redrive {
  readonly #parts: RedriveParts
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #again = false

  constructor(parts: RedriveParts) {
    this.#parts = parts
  }

  /** Looks for queued letters; call after queueing and at start. */
  wake(): void {
    this.#again = true
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** Never rejects: a store that is away is asked again. */
  async #run(): Promise<void> {
    const { clock, lease, onTrouble } = this.#parts
    const { signal } = this.#stopping
    while (this.#again && !signal.aborted) {
      this.#again = false
      try {
        this.#again = (await this.#redriveSome()) || this.#again
      } catch (error) {
        if (lease.lost.aborted) break
        onTrouble(error)
        this.#again = true
        await clock.sleep(RETRY_MS, signal)
      }
    }
    this.#running = undefined
  }

  /** False: nothing is left to do for now. */
  async #redriveSome(): Promise<boolean> {
    const { letters, current, courier, limits, onHalted } = this.#parts
    const queued = fitting(await letters.queued(current, limits.recordsMax), limits)
    if (queued.length === 0) return false
    const parcel = this.#parcel(queued)
    const ending = await courier.deliver(parcel, this.#stopping.signal)
    await this.#close(queued, parcel)
    if (ending.how === 'halted') onHalted(ending.fault)
    return ending.how === 'done'
  }

  #parcel(letters: readonly DeadLetter[]): Parcel {
    const pieces = letters.map((letter) => Buffer.from(letter.edited ?? letter.event))
    const starts = new Uint32Array(pieces.length)
    const ends = new Uint32Array(pieces.length)
    let at = 0
    pieces.forEach((piece, i) => {
      if (i > 0) at++
      starts[i] = at
      at += piece.length
      ends[i] = at
    })
    const offsets = Float64Array.from(letters, (letter) => letter.offset)
    const batch: EventBatch = {
      // With the time of the last change: an edited letter that goes out again is another batch.
      id: `${this.#parts.connection}-redrive-${letters[0]?.id ?? ''}-${letters.length}-${Math.max(...letters.map((letter) => letter.updatedAt))}`,
      connection: this.#parts.connection,
      count: letters.length,
      joined: Buffer.concat(pieces.flatMap((piece, i) => (i === 0 ? [piece] : [COMMA, piece]))),
      starts,
      ends,
      types: letters.map((letter) => typeOf(letter)),
      // An edited event may hold anything: let every mapping take its careful path.
      flags: new Uint8Array(letters.length).fill(ITEM_ODD),
      offsets,
      requests: offsets,
      sources: new Uint32Array(letters.length),
      receivedAt: Float64Array.from(letters, (letter) => letter.receivedAt),
    }
    return parcelOf(batch)
  }

  /** Writes what became of each letter; one without an outcome stays queued. */
  async #close(letters: readonly DeadLetter[], parcel: Parcel): Promise<void> {
    const { store, clock, current, lease } = this.#parts
    const now = clock.now()
    await store.transaction(async (tx) => {
      await refuseStale(tx, lease)
      const entries: LedgerEntry[] = []
      const counts: LetterCount[] = []
      for (const [i, letter] of letters.entries()) {
        const outcome = parcel.outcomes[i]
        if (outcome === 0) continue
        const accepted = outcome === DELIVERED_OUTCOME || outcome === SKIPPED_OUTCOME
        const note = parcel.notes.get(i)
        const changed = await tx
          .updateTable('dead_letters')
          .set(
            accepted
              ? { state: 'delivered', attempts: letter.attempts + parcel.attempts, updated_at: now }
              : {
                  state: 'dead',
                  fault: note?.fault?.kind ?? letter.fault,
                  attempts: letter.attempts + parcel.attempts,
                  message: note?.fault?.message ?? '',
                  status: note?.fault?.status ?? 0,
                  answer: note?.fault?.answer ?? '',
                  sent: note?.sent ?? '',
                  updated_at: now,
                },
          )
          .where('id', '=', letter.id)
          .where('state', '=', 'queued')
          .executeTakeFirst()
        if (Number(changed.numUpdatedRows) === 0) continue
        const { reason, eventType } = letter
        counts.push(...movedCounts({ current, reason, eventType }, 'queued', accepted ? 'delivered' : 'dead'))
        // Letters of a replay are outside the equation: their records were counted when they were first settled.
        if (!accepted || letter.replay !== null) continue
        const cell = { current, minute: Math.floor(letter.receivedAt / 60_000), eventType }
        entries.push({ ...cell, outcome: 'dead', reason, count: -1 })
        entries.push(
          outcome === DELIVERED_OUTCOME
            ? { ...cell, outcome: 'delivered', reason: '', count: 1 }
            : { ...cell, outcome: 'filtered', reason: note?.reason ?? '', count: 1 },
        )
      }
      if (entries.length > 0) await addToLedger(tx, entries)
      if (counts.length > 0) await addToLetterCounts(tx, counts)
    })
  }
}

const COMMA = Buffer.from(',')

function fitting(letters: readonly DeadLetter[], limits: Limits): DeadLetter[] {
  const taken: DeadLetter[] = []
  let bytes = 0
  for (const letter of letters) {
    bytes += Buffer.byteLength(letter.edited ?? letter.event) + 1
    if (taken.length > 0 && bytes > limits.bytesMax) break
    taken.push(letter)
  }
  return taken
}

/** An edit may have changed the type; what is sent decides the mapping, the ledger keeps counting under the accepted type. */
function typeOf(letter: DeadLetter): string {
  if (letter.edited === null) return letter.eventType
  const { event_type: type } = JSON.parse(letter.edited) as { event_type?: unknown }
  return typeof type === 'string' ? type : ''
}
