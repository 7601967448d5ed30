/**
 * Reads an Avro object container (Avro specification 1.12): a header with the schema and the codec, then blocks,
 * each followed by the file's sync marker. A block that does not hold together is noted, and reading goes on behind the next marker.
 */

import { Cursor } from './avro-cursor.ts'
import { type AvroMachine, withMachine } from './avro-machine.ts'
import { type Program, programOf } from './avro-program.ts'
import { parseSchema } from './avro-schema.ts'
import type { ByteStream } from './byte-stream.ts'
import type { Chunks, Position } from './chunks.ts'
import { CODECS, type Codec } from './codecs.ts'
import { damaged, damageOf } from './damage.ts'

export const AVRO_MAGIC = Buffer.from('Obj\u0001')
/** Of a block as it lies in the file. */
export const AVRO_PIECE_BYTES_MAX = 64 * 1024 * 1024
const HEADER_BYTES_MAX = 4 * 1024 * 1024

const SYNC_BYTES = 16
/** Two varints of at most ten bytes. */
const BLOCK_HEAD_BYTES_MAX = 20

export interface AvroHeader {
  readonly codec: Codec
  readonly program: Program
  readonly sync: Buffer
  /** Position of the first block. */
  readonly end: number
}

/** Throws FILES_DAMAGED when this is no Avro file that we can read. */
export async function readAvroHeader(
  stream: ByteStream,
  typeInPath: string | undefined,
): Promise<AvroHeader> {
  for (;;) {
    try {
      const header = parseHeader(stream.ahead, typeInPath)
      stream.drop(header.end)
      return header
    } catch (error) {
      // Perhaps it only has not arrived yet.
      if (stream.ahead.length >= HEADER_BYTES_MAX || !(await stream.more())) throw error
    }
  }
}

function parseHeader(bytes: Buffer, typeInPath: string | undefined): AvroHeader {
  const cursor = new Cursor(bytes)
  if (!cursor.take(AVRO_MAGIC.length).equals(AVRO_MAGIC))
    throw damaged('the file does not begin as Avro does')
  const metadata = new Map<string, string>()
  for (let count = cursor.whole(); count !== 0; count = cursor.whole()) {
    if (count < 0) cursor.whole()
    for (let i = 0; i < Math.abs(count); i++) {
      const key = cursor.text().toString()
      metadata.set(key, cursor.text().toString())
    }
  }
  const sync = Buffer.from(cursor.take(SYNC_BYTES))
  return headerOf(metadata, sync, cursor.at, typeInPath)
}

function headerOf(
  metadata: ReadonlyMap<string, string>,
  sync: Buffer,
  end: number,
  typeInPath: string | undefined,
): AvroHeader {
  const name = metadata.get('avro.codec') ?? 'null'
  const codec = CODECS[name]
  if (codec === undefined)
    throw damaged(`the codec ${name.slice(0, 40)} is not known; known are ${Object.keys(CODECS).join(', ')}`)
  const program = programOf(parseSchema(metadata.get('avro.schema') ?? ''), typeInPath)
  return { codec, program, sync, end }
}

/** Reads the blocks from the stream's position, which is that of a block, on; `from.record` records of the first are left out. */
export function readAvroBlocks(
  stream: ByteStream,
  header: AvroHeader,
  from: Position,
  chunks: Chunks,
): Promise<void> {
  return withMachine((machine) => readBlocks(stream, header, from, chunks, machine))
}

async function readBlocks(
  stream: ByteStream,
  header: AvroHeader,
  from: Position,
  chunks: Chunks,
  machine: AvroMachine,
): Promise<void> {
  let skip = from.record
  while (await stream.reach(1)) {
    const at = stream.position
    const block = await nextBlock(stream, header)
    if (typeof block === 'string') {
      await noteBlock(stream, header.sync, block, skip, chunks)
    } else {
      machine.begin(header.program, block.records)
      await decodeBlock(block, machine, at, skip, chunks)
      stream.drop(block.bytes)
    }
    skip = 0
    if (chunks.full) await chunks.flush({ at: stream.position, record: 0 })
  }
  await chunks.flush({ at: stream.position, record: 0 })
}

interface Block {
  readonly count: number
  readonly records: Buffer
  /** Of all of it in the file, with its sync marker. */
  readonly bytes: number
}

/** The block ahead, or what is wrong with it. */
async function nextBlock(stream: ByteStream, { codec, sync }: AvroHeader): Promise<Block | string> {
  await stream.reach(BLOCK_HEAD_BYTES_MAX)
  try {
    const head = new Cursor(stream.ahead)
    const count = head.whole()
    const size = head.whole()
    if (count < 0 || size < 0) throw damaged('a block has a negative count or size')
    const end = head.at + size
    if (!(await stream.reach(end + SYNC_BYTES))) throw damaged('the file ends within a block')
    const { ahead } = stream
    if (!ahead.subarray(end, end + SYNC_BYTES).equals(sync))
      throw damaged('a block is not followed by the sync marker of the file')
    return { count, records: codec(ahead.subarray(head.at, end)), bytes: end + SYNC_BYTES }
  } catch (error) {
    return damageOf(error)
  }
}

/** Records after one that cannot be read are lost with it: nothing in a block says where they begin. */
async function decodeBlock(
  { count, records }: Block,
  machine: AvroMachine,
  at: number,
  skip: number,
  chunks: Chunks,
): Promise<void> {
  let record = skip
  let problem = machine.pass(skip)
  while (problem === undefined && record < count) {
    if (chunks.full) await chunks.flush({ at, record })
    const decoded = machine.decode(Math.min(count - record, chunks.room.items), chunks.room.bytes)
    chunks.events(at, record, decoded)
    record += decoded.count
    problem = decoded.problem
  }
  const { position } = machine
  if (problem === undefined && position !== records.length)
    problem = 'a block holds more bytes than its records take'
  if (problem === undefined) return
  if (chunks.full) await chunks.flush({ at, record })
  chunks.note({
    at,
    record,
    fault: 'unreadable_block',
    message: `${problem}; ${count - record} of the ${count} records of this block are not read`,
    bytes: records.subarray(position),
  })
}

/** Notes the bytes up to behind the next sync marker, or the end of the file, and drops them. */
async function noteBlock(
  stream: ByteStream,
  sync: Buffer,
  message: string,
  record: number,
  chunks: Chunks,
): Promise<void> {
  const at = stream.position
  if (chunks.full) await chunks.flush({ at, record })
  const first = Buffer.from(stream.ahead.subarray(0, 64 * 1024))
  const bytes = await dropToSync(stream, sync)
  chunks.note({
    at,
    record,
    fault: 'unreadable_block',
    message: `${message}; ${bytes} bytes are not read`,
    bytes: first.subarray(0, bytes),
  })
}

async function dropToSync(stream: ByteStream, sync: Buffer): Promise<number> {
  const from = stream.position
  for (;;) {
    const found = stream.ahead.indexOf(sync)
    if (found >= 0) {
      stream.drop(found + SYNC_BYTES)
      return stream.position - from
    }
    // The marker may have begun in the last bytes.
    stream.drop(Math.max(0, stream.ahead.length - SYNC_BYTES + 1))
    if (await stream.more()) continue
    stream.drop(stream.ahead.length)
    return stream.position - from
  }
}
