/**
 * Offsets from the order of a stream. Fed with its messages in order, it says where each begins. Where sequences are missing it
 * waits for a label that knows an offset behind them, and from that tells how many records are missing. Every hub that
 * reads the stream comes to the same offsets, whenever it begins.
 */

import type { Known, Label } from './message.ts'

export interface NumberingOutcome<T> {
  /** A message got its place: its records are [base, end). */
  placed(item: T, base: number, end: number): void
  /** Records [from, to) are missing from the stream; `before` is the sequence of the message behind them. */
  lost(from: number, to: number, before: number): void
  /** The message `seq` says of the one before it that it ended at an offset before the one we know: the stream is not the one that we read. */
  contradicted(seq: number): void
}

interface Waiting<T> {
  readonly seq: number
  readonly label: Label | undefined
  readonly item: T
}

export class Numbering<T> {
  readonly #outcome: NumberingOutcome<T>
  /** Last sequence looked at, and the offset behind it. */
  #seq: number
  #offset: number
  /** What came since sequences were missing whose records cannot be told yet. */
  #waiting: Waiting<T>[] = []
  /** The last of the missing ones; 0: none is. */
  #missing = 0

  constructor(start: Known, outcome: NumberingOutcome<T>) {
    this.#seq = start.seq
    this.#offset = start.offset
    this.#outcome = outcome
  }

  /** The last sequence that has its place, and the offset behind it. */
  get known(): Known {
    return { seq: this.#seq, offset: this.#offset }
  }

  /** Last sequence that was fed. */
  get seq(): number {
    return this.#waiting.at(-1)?.seq ?? this.#seq
  }

  /** The next message that there is; sequences between it and the one before are missing. Undefined label: a message that is not ours, without records. */
  arrive(seq: number, label: Label | undefined, item: T): void {
    if (seq > this.seq + 1) this.#missing = seq - 1
    if (this.#missing === 0) {
      this.#place({ seq, label, item })
      return
    }
    this.#waiting.push({ seq, label, item })
    if (label !== undefined && label.known.seq >= this.#missing) this.#resolve(label.known)
  }

  /** There is nothing behind `seq` for now: what is missing and untold counts as no records. */
  settle(seq: number): void {
    this.#flush()
    this.#seq = Math.max(this.#seq, seq)
  }

  #resolve({ seq, offset }: Known): void {
    const first = this.#waiting[0]
    if (first === undefined) return
    let before = 0
    for (const waiting of this.#waiting) if (waiting.seq <= seq) before += recordsOf(waiting.label)
    this.#lose(offset - before, first.seq)
    this.#flush()
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#missing = 0
    for (const one of waiting) this.#place(one)
  }

  #place({ seq, label, item }: Waiting<T>): void {
    // Whoever wrote it may know of records that were gone before we came.
    if (label !== undefined && label.known.seq === this.#seq) {
      if (label.known.offset < this.#offset) this.#outcome.contradicted(seq)
      this.#lose(label.known.offset, seq)
    }
    const base = this.#offset
    this.#seq = seq
    this.#offset = base + recordsOf(label)
    this.#outcome.placed(item, base, this.#offset)
  }

  #lose(to: number, before: number): void {
    if (to <= this.#offset) return
    const from = this.#offset
    this.#offset = to
    this.#outcome.lost(from, to, before)
  }
}

function recordsOf(label: Label | undefined): number {
  return label?.records ?? 0
}
