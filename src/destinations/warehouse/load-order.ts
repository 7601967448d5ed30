/**
 * The order to load one batch: what the destination sends to the embedded warehouse and the warehouse reads. The records' bytes travel as they
 * are; what is known of each travels beside them in columns.
 *
 *   u32 bytes of the head | head as JSON, padded to 8 bytes | offsets f64 | requests f64 | receivedAt f64
 *   | starts u32 | ends u32 | sources u32 | types u32 | joined
 *
 * Little-endian, as all machines that Node runs on.
 */

import type { EventBatch } from '../../core/batch.ts'
import { ThalwegError } from '../../core/errors.ts'

/** Where a source's rows belong, as the order names them. */
export interface OrderSource {
  readonly name: string
  readonly database: string
  readonly table: string
}

/** What the order says besides the records. */
export interface OrderHead {
  /** Key of the connection: with an offset, what names a row for ever. */
  readonly connection: string
  readonly database: string
  readonly table: string
  readonly events: boolean
  readonly raw: boolean
  readonly tablePerType: boolean
  /** By number of the source; the rows of others go to `table`. */
  readonly sources: Readonly<Record<string, OrderSource>>
}

export interface LoadOrder {
  readonly head: OrderHead
  readonly records: Pick<
    EventBatch,
    'count' | 'joined' | 'starts' | 'ends' | 'offsets' | 'requests' | 'receivedAt' | 'sources' | 'types'
  >
}

const DOUBLES = 3
const WORDS = 4
const BYTES_PER_RECORD = DOUBLES * 8 + WORDS * 4
const decoder = new TextDecoder()

/** The pieces of the request's body. */
export function encodeOrder(head: OrderHead, batch: EventBatch): readonly Uint8Array[] {
  const { count } = batch
  const names = new Map<string, number>()
  const types = Uint32Array.from(batch.types, (type) => indexOf(names, type))
  const text = Buffer.from(JSON.stringify({ ...head, count, types: [...names.keys()] }))
  const headBytes = padded(4 + text.length)
  const front = Buffer.alloc(headBytes + count * BYTES_PER_RECORD, ' ')
  front.writeUInt32LE(text.length, 0)
  text.copy(front, 4)
  let at = headBytes
  for (const column of [
    batch.offsets,
    batch.requests,
    batch.receivedAt,
    batch.starts,
    batch.ends,
    batch.sources,
    types,
  ]) {
    front.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at)
    at += column.byteLength
  }
  return [front, batch.joined]
}

/** Throws INPUT_INVALID when the bytes are no order. The records' bytes are not copied. */
export function decodeOrder(body: Uint8Array): LoadOrder {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const textBytes = body.length < 4 ? 0 : view.getUint32(0, true)
  const headBytes = padded(4 + textBytes)
  if (textBytes === 0 || headBytes > body.length)
    throw new ThalwegError('INPUT_INVALID', 'The load order is cut')
  const { count, types, ...head } = JSON.parse(
    decoder.decode(body.subarray(4, 4 + textBytes)),
  ) as OrderHead & { count: number; types: readonly string[] }
  const end = headBytes + count * BYTES_PER_RECORD
  if (end > body.length) throw new ThalwegError('INPUT_INVALID', 'The load order is cut')
  // A copy: the columns must lie on multiples of their size.
  const columns = new Uint8Array(body.subarray(headBytes, end)).buffer
  const doubles = (column: number): Float64Array<ArrayBuffer> =>
    new Float64Array(columns, column * count * 8, count)
  const words = (column: number): Uint32Array<ArrayBuffer> =>
    new Uint32Array(columns, DOUBLES * count * 8 + column * count * 4, count)
  return {
    head,
    records: {
      count,
      joined: body.subarray(end),
      offsets: doubles(0),
      requests: doubles(1),
      receivedAt: doubles(2),
      starts: words(0),
      ends: words(1),
      sources: words(2),
      types: Array.from(words(3), (type) => types[type] ?? ''),
    },
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8
}

function indexOf(names: Map<string, number>, name: string): number {
  let index = names.get(name)
  if (index === undefined) {
    index = names.size
    names.set(name, index)
  }
  return index
}
