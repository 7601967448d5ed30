/** Reads one file of a place to chunks, whatever it holds. Runs in the import's own thread. */

import { pipeline, type Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { ThalwegError } from '../../core/errors.ts'
import type { Place } from '../../files/files.ts'
import { AVRO_PIECE_BYTES_MAX, readAvroBlocks, readAvroHeader } from './avro-reader.ts'
import { ByteStream } from './byte-stream.ts'
import type { Chunks, Position } from './chunks.ts'
import { damaged } from './damage.ts'
import { type Compression, compressionOf, type Format, formatOf, HEAD_BYTES, typeInPath } from './formats.ts'
import { RowFileReader } from './row-reader.ts'
import type { RowsSettings } from './row-settings.ts'
import type { RowSnapshot } from './row-snapshot.ts'
import { readDocument, readLines, TEXT_PIECE_BYTES_MAX } from './text-reader.ts'
import { EMPTY_ZIP_MAGIC, ZIP_MAGIC, type ZipEntry, zipContent, zipEntries } from './zip.ts'

export interface FileJob {
  readonly name: string
  readonly version: string
  readonly format: Format
  readonly from: Position
  /** The file holds rows of people. */
  readonly rows?: RowsSettings
}

/** The largest piece that a reader asks for, with what surrounds it. */
const AHEAD_BYTES_MAX = Math.max(AVRO_PIECE_BYTES_MAX, TEXT_PIECE_BYTES_MAX) + HEAD_BYTES

/**
 * Reads a file from a position on. Throws FILES_DAMAGED when nothing of it can be read, and what the place
 * throws; then everything flushed so far stands.
 */
export async function readFile(
  place: Place,
  job: FileJob,
  chunks: Chunks,
  snapshot?: RowSnapshot,
): Promise<void> {
  if (job.rows !== undefined) return readRows(place, job, job.rows, chunks, snapshot)
  const source = new Content(place, job)
  try {
    const start = await source.open()
    await start.reach(HEAD_BYTES)
    const head = start.ahead.subarray(0, HEAD_BYTES)
    if (head.length === 0) return
    const format = job.format === 'auto' ? formatOf(job.name, head) : job.format
    if (format === 'csv') throw damaged('a CSV holds rows of people, not events: say of which stream')
    if (format === 'avro') {
      const header = await readAvroHeader(start, typeInPath(job.name))
      await readAvroBlocks(await source.at(Math.max(header.end, job.from.at)), header, job.from, chunks)
    } else if (format === 'ndjson') await readLines(await source.at(job.from.at), job.from, chunks)
    else await readDocument(start, job.from, chunks)
  } finally {
    source.close()
  }
}

async function readRows(
  place: Place,
  job: FileJob,
  rows: RowsSettings,
  chunks: Chunks,
  snapshot: RowSnapshot | undefined,
): Promise<void> {
  const { name, version, format, from } = job
  if (format === 'avro') throw damaged('rows are read from CSV and JSON, not from Avro')
  const reader = new RowFileReader({ rows, format, version, from, chunks, snapshot })
  const source = new Content(place, job)
  try {
    const start = await source.open()
    if (!isZip(start.ahead)) await reader.read(name, piecesOf(start), () => start.position)
    else
      for (const entry of await entriesOf(place, job))
        await reader.read(
          `${name}/${entry.name}`,
          zipContent({ place, name, version }, entry),
          () => entry.at,
        )
  } finally {
    source.close()
  }
  await reader.end()
}

function isZip(head: Buffer): boolean {
  return [ZIP_MAGIC, EMPTY_ZIP_MAGIC].some((magic) => head.subarray(0, magic.length).equals(magic))
}

async function entriesOf(place: Place, { name, version }: FileJob): Promise<ZipEntry[]> {
  const found = await place.find(name)
  if (found === undefined) throw new ThalwegError('FILES_MISSING', `There is no file ${name} any more`)
  return zipEntries({ place, name, version }, found.size)
}

async function* piecesOf(stream: ByteStream): AsyncGenerator<Buffer> {
  while (stream.ahead.length > 0 || (await stream.more())) {
    const piece = Buffer.from(stream.ahead)
    stream.drop(piece.length)
    yield piece
  }
}

/** The decompressed bytes of a file. */
class Content {
  readonly #place: Place
  readonly #job: FileJob
  #compression: Compression = 'none'
  #stream: ByteStream | undefined

  constructor(place: Place, job: FileJob) {
    this.#place = place
    this.#job = job
  }

  /** From the beginning. */
  async open(): Promise<ByteStream> {
    const { name, version } = this.#job
    const raw = new ByteStream(await this.#place.pieces(name, { version }), 0, AHEAD_BYTES_MAX)
    this.#stream = raw
    await raw.reach(4)
    this.#compression = compressionOf(raw.ahead)
    if (this.#compression === 'none') return raw
    raw.destroy()
    this.#stream = await this.#decompressed()
    return this.#stream
  }

  /** From a position at or behind where the stream is; compressed bytes before it are passed over. */
  async at(position: number): Promise<ByteStream> {
    const stream = this.#stream
    if (stream === undefined) throw new TypeError('the file was not opened')
    if (this.#compression !== 'none' || position - stream.position <= stream.ahead.length) {
      while (stream.position < position) {
        if (!(await stream.reach(1))) throw damaged('the file is shorter than it was')
        stream.drop(Math.min(stream.ahead.length, position - stream.position))
      }
      return stream
    }
    stream.destroy()
    const { name, version } = this.#job
    this.#stream = new ByteStream(
      await this.#place.pieces(name, { version, from: position }),
      position,
      AHEAD_BYTES_MAX,
    )
    return this.#stream
  }

  close(): void {
    this.#stream?.destroy()
  }

  async #decompressed(): Promise<ByteStream> {
    const { name, version } = this.#job
    const decompressor: Readable & NodeJS.WritableStream =
      this.#compression === 'gzip' ? createGunzip() : createZstdDecompress()
    // Failures of either end come out of the decompressor.
    pipeline(await this.#place.read(name, { version }), decompressor, () => undefined)
    return new ByteStream(decompressor, 0, AHEAD_BYTES_MAX)
  }
}

/** A stream that breaks within compressed data tells of the data; anything else is the place's trouble. */
export function streamFailure(error: unknown): unknown {
  if (error instanceof ThalwegError || !(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : ''
  if (/^(Z_|ERR_ZSTD|ZSTD_)/.test(code))
    return damaged(`the file cannot be decompressed: ${error.message}`, error)
  return new ThalwegError('FILES_UNAVAILABLE', `reading broke off: ${error.message}`, { cause: error })
}
