/**
 * What became of each message at the doors of protocols that answer 200 to nearly everything: counts per
 * source, type, verdict and reason, and the last messages that were not plainly accepted, with their bytes.
 * In memory, since the process started; the bytes of rejected messages are in the log's quarantine besides.
 */

/**
 * - accepted: in the log
 * - warned: in the log, and something about it should be mended
 * - duplicate: this source has sent its id before
 * - rejected: against the protocol; in quarantine, where no current picks it up
 */
export type VerdictKind = 'accepted' | 'warned' | 'duplicate' | 'rejected'

export interface VerdictCount {
  /** Record type; '' where none could be made out. */
  readonly type: string
  readonly verdict: VerdictKind
  /** snake_case; '' for what was plainly accepted, and for duplicates. */
  readonly reason: string
  readonly count: number
}

/** One message that was warned about or rejected. */
export interface Remarked {
  readonly at: number
  readonly type: string
  readonly verdict: 'warned' | 'rejected'
  readonly reason: string
  /** Where it stood, for a person: `message 3`, `line 17 of users.csv`. */
  readonly place: string
  /** As it came, without the sender's key; at most RAW_BYTES_MAX. */
  readonly raw: Buffer
}

export interface SourceVerdicts {
  readonly counts: readonly VerdictCount[]
  /** Newest first. */
  readonly remarked: readonly Remarked[]
}

/** Cells of one source: senders choose names of streams. What comes later is counted under OTHER_TYPE. */
const CELLS_MAX = 1_000
export const OTHER_TYPE = '(other types)'
/** Messages kept of one source, and their bytes. */
const REMARKED_MAX = 200
const REMARKED_BYTES_MAX = 1024 * 1024
export const RAW_BYTES_MAX = 32 * 1024

interface Cell {
  readonly type: string
  readonly verdict: VerdictKind
  readonly reason: string
  count: number
}

class Book {
  readonly cells = new Map<string, Cell>()
  /** Oldest first. */
  readonly remarked: Remarked[] = []
  bytes = 0
}

export class Verdicts {
  /** By source number. */
  readonly #books = new Map<number, Book>()

  count(source: number, type: string, verdict: VerdictKind, reason = '', count = 1): void {
    if (count === 0) return
    const { cells } = this.#book(source)
    const key = `${type}\n${verdict}\n${reason}`
    const known = cells.get(key)
    if (known !== undefined) known.count += count
    else if (cells.size < CELLS_MAX || type === OTHER_TYPE) cells.set(key, { type, verdict, reason, count })
    else this.count(source, OTHER_TYPE, verdict, reason, count)
  }

  /** Keeps a message beside the counts, in place of the oldest when there is no room. Copies what it keeps. */
  remark(source: number, remarked: Remarked): void {
    const book = this.#book(source)
    const raw = Buffer.from(remarked.raw.subarray(0, RAW_BYTES_MAX))
    book.remarked.push({ ...remarked, raw })
    book.bytes += raw.length
    while (book.remarked.length > REMARKED_MAX || book.bytes > REMARKED_BYTES_MAX) {
      book.bytes -= book.remarked.shift()?.raw.length ?? 0
    }
  }

  /** Drops the kept messages that `chosen` names by their bytes, or only counts them; gives how many. */
  drop(chosen: (raw: Buffer) => boolean, isDry: boolean): number {
    let count = 0
    for (const book of this.#books.values()) {
      const kept = book.remarked.filter(({ raw }) => !chosen(raw))
      count += book.remarked.length - kept.length
      if (isDry) continue
      book.remarked.splice(0, book.remarked.length, ...kept)
      book.bytes = kept.reduce((sum, { raw }) => sum + raw.length, 0)
    }
    return count
  }

  of(source: number): SourceVerdicts {
    const book = this.#books.get(source)
    if (book === undefined) return { counts: [], remarked: [] }
    const counts = [...book.cells.values()].map((cell) => ({ ...cell }))
    return { counts, remarked: book.remarked.toReversed() }
  }

  /** Drops what is known of a removed source. */
  forget(source: number): void {
    this.#books.delete(source)
  }

  #book(source: number): Book {
    const known = this.#books.get(source)
    if (known !== undefined) return known
    const fresh = new Book()
    this.#books.set(source, fresh)
    return fresh
  }
}
