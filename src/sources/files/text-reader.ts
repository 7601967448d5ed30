/**
 * Reads text that holds Currents events: lines of JSON, or one document (an event, an array of events, or
 * `{"events":[…]}`). Each piece is judged by the kernel, as a request body would be, so all the shapes that the doors take are taken here.
 */

import { ITEM_FAULT, ITEM_FAULTS, ITEM_WORDS, type Scan } from '../../core/kernel/kernel.ts'
import type { ByteStream } from './byte-stream.ts'
import type { Chunks, Position } from './chunks.ts'
import { Elements } from './elements.ts'
import { EventHours } from './event-hours.ts'

/** Of one line, one element, or a document that is read whole. */
export const TEXT_PIECE_BYTES_MAX = 16 * 1024 * 1024

const NEWLINE = 0x0a

/** Reads lines from the stream's position on. Positions are those of lines. */
export async function readLines(stream: ByteStream, from: Position, chunks: Chunks): Promise<void> {
  const judge = new Judge(chunks)
  let skip = from.record
  let known = 0
  for (;;) {
    const end = stream.ahead.indexOf(NEWLINE, known)
    if (end < 0 && stream.ahead.length <= TEXT_PIECE_BYTES_MAX) {
      known = stream.ahead.length
      if (await stream.more()) continue
      if (stream.ahead.length > 0) await judge.take(stream.ahead, stream.position, skip)
      stream.drop(stream.ahead.length)
      break
    }
    known = 0
    if (end < 0 || end > TEXT_PIECE_BYTES_MAX) await noteLongLine(stream, chunks)
    else {
      await judge.take(stream.ahead.subarray(0, end), stream.position, skip)
      stream.drop(end + 1)
    }
    skip = 0
  }
  await chunks.flush({ at: stream.position, record: 0 })
}

async function noteLongLine(stream: ByteStream, chunks: Chunks): Promise<void> {
  const at = stream.position
  if (chunks.full) await chunks.flush({ at, record: 0 })
  const first = Buffer.from(stream.ahead.subarray(0, 64 * 1024))
  for (;;) {
    const end = stream.ahead.indexOf(NEWLINE)
    stream.drop(end < 0 ? stream.ahead.length : end + 1)
    if (end >= 0 || !(await stream.more())) break
  }
  const message = `a line of ${stream.position - at} bytes is longer than the ${TEXT_PIECE_BYTES_MAX} allowed`
  chunks.note({ at, record: 0, fault: 'unreadable_record', message, bytes: first })
}

/** Reads one document. Positions count its items from the start of the file. */
export async function readDocument(stream: ByteStream, from: Position, chunks: Chunks): Promise<void> {
  const judge = new Judge(chunks)
  while (stream.ahead.length <= TEXT_PIECE_BYTES_MAX && (await stream.more())) {}
  if (stream.ahead.length <= TEXT_PIECE_BYTES_MAX) {
    // Read whole, it has positions at its beginning and behind its end only.
    if (from.at === 0) await judge.take(stream.ahead, 0, from.record)
    stream.drop(stream.ahead.length)
  } else {
    const elements = new Elements(stream, TEXT_PIECE_BYTES_MAX)
    // The outermost brackets are passed again; the elements before the position are passed over.
    for (let element = await elements.next(); element !== undefined; element = await elements.next()) {
      if (element.at >= from.at)
        await judge.take(element.bytes, element.at, element.at === from.at ? from.record : 0)
      elements.drop(element)
    }
  }
  await chunks.flush({ at: stream.position, record: 0 })
}

/** Lets the kernel find the items of a piece, and adds them. */
class Judge {
  readonly #chunks: Chunks
  readonly #hours: EventHours

  constructor(chunks: Chunks) {
    this.#chunks = chunks
    this.#hours = new EventHours(chunks.kernel)
  }

  /** `piece` lies at `at`; its first `skip` items are left out. The piece must not change meanwhile. */
  async take(piece: Buffer, at: number, skip: number): Promise<void> {
    const scan = this.#chunks.kernel.scan(piece)
    if (scan.shape === 'broken') {
      const fault = scan.fault === 'none' ? 'invalid_json' : scan.fault
      await this.#note(piece, at, 0, fault)
      return
    }
    // The rows are the kernel's until its next call.
    const rows = rowsOf(scan)
    for (let i = skip; i < scan.count; i++) {
      const row = rows.subarray(i * ITEM_WORDS, (i + 1) * ITEM_WORDS)
      const [start = 0, end = 0] = row
      const fault = ITEM_FAULTS[row[ITEM_FAULT] ?? 0] ?? 'none'
      if (fault !== 'none') await this.#note(piece.subarray(start, end), at, i, fault)
      else await this.#event(piece, start, end, at, i)
    }
  }

  async #event(piece: Buffer, start: number, end: number, at: number, record: number): Promise<void> {
    const chunks = this.#chunks
    if (chunks.full) await chunks.flush({ at, record })
    chunks.event(at, record, (json) => {
      json.copy(piece, start, end)
      return this.#hours.of(piece.subarray(start, end))
    })
  }

  async #note(bytes: Buffer, at: number, record: number, fault: Parameters<Chunks['note']>[0]['fault']) {
    const chunks = this.#chunks
    if (chunks.full) await chunks.flush({ at, record })
    chunks.note({ at, record, fault, message: 'the text is no event', bytes })
  }
}

function rowsOf({ items, count }: Scan): Uint32Array {
  return new Uint32Array(items.subarray(0, count * ITEM_WORDS))
}
