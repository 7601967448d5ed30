/**
 * Writes Parquet files into a folder or a bucket: the other end of the requests of destinations/parquet. Each row is written once, whatever
 * went wrong before: files of the same current whose names say that they may hold some of the rows are read, and only the rows that are in
 * none of them are written. A file appears as a whole (files/files.ts), under a name that no other file has: its first offset was in no file.
 *
 * It knows nothing of events, retries or faults; what went wrong is told by a status.
 */

import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ColumnType } from '../../catalog/columns.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { WireReply, WireRequest } from '../../core/exchange.ts'
import type { SubjectIdentifier } from '../../core/traces.ts'
import { TurnsByKey } from '../../core/turns.ts'
import { CATALOG_COLUMNS } from '../../destinations/event-rows.ts'
import { fileName, fileStem, isOurFile, rangeIn } from '../../destinations/parquet/layout.ts'
import {
  type ParquetRequest,
  type RowsHead,
  readRequest,
  type Store,
} from '../../destinations/parquet/wire.ts'
import { openPlace, type Place } from '../../files/files.ts'
import { Encoder } from './encoder.ts'

export interface ParquetFolders {
  /** Holds the files of destinations without a bucket; made when missing. */
  readonly root: string
  /** For files on the way; emptied at the start. */
  readonly scratch: string
}

/** Buckets come from settings only, so this bounds mistakes, not attacks. */
const PLACES_MAX = 64

type Rows = RowsHead & { readonly lines: readonly Uint8Array[] }

export class ParquetWriter {
  readonly #folders: ParquetFolders
  readonly #encoder = new Encoder()
  readonly #buckets = new Map<string, Place>()
  /** Flushes of one current into one folder go one after another: each must see the files of the one before. */
  readonly #turns = new TurnsByKey<string>()
  #ready: Promise<void> | undefined

  constructor(folders: ParquetFolders) {
    this.#folders = folders
  }

  /** Never rejects, but for a request that is not one of ours. */
  async send(request: WireRequest): Promise<WireReply> {
    const asked = readRequest(request)
    try {
      await this.#prepared()
      const place = this.#placeOf(asked.store)
      const written =
        asked.rows === undefined
          ? await tryPlace(place, asked.folder)
          : await this.#inTurn(place, asked, asked.rows)
      return { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ written })) }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return { status: statusOf(error), headers: {}, body: Buffer.from(message) }
    }
  }

  /**
   * Takes somebody out of the files below the hub's own folder, each whole or not at all. Files keep their names: they say which offsets may be
   * in them. One with no row left is deleted. Dry: counts only.
   */
  async forget(
    identifiers: readonly SubjectIdentifier[],
    isDry: boolean,
  ): Promise<{ readonly theirs: number; readonly mentions: number }> {
    await this.#prepared()
    const { root } = this.#folders
    const place = openPlace({ kind: 'folder', path: root })
    const total = { theirs: 0, mentions: 0 }
    for await (const page of place.list('')) {
      for (const { name } of page) {
        if (!isOurFile(name)) continue
        const scratch = await mkdtemp(join(this.#folders.scratch, 'forget-'))
        try {
          const rewritten = join(scratch, 'rows.parquet')
          const file = join(root, name)
          const job = { file, identifiers, rewritten: isDry ? undefined : rewritten }
          const { theirs, mentions, rows } = await this.#encoder.forget(job)
          total.theirs += theirs
          total.mentions += mentions
          if (isDry || theirs + mentions === 0) continue
          if (rows === 0) await place.delete(name)
          else await place.write(name, createReadStream(rewritten))
        } finally {
          await rm(scratch, { recursive: true, force: true })
        }
      }
    }
    return total
  }

  async close(): Promise<void> {
    await this.#turns.ended()
    await this.#encoder.close()
    for (const place of this.#buckets.values()) place.close()
    await rm(this.#folders.scratch, { recursive: true, force: true })
  }

  #prepared(): Promise<void> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  async #prepare(): Promise<void> {
    await rm(this.#folders.scratch, { recursive: true, force: true })
    await mkdir(this.#folders.scratch, { recursive: true, mode: 0o700 })
    await mkdir(this.#folders.root, { recursive: true })
  }

  #placeOf(store: Store): Place {
    if (store === undefined) return openPlace({ kind: 'folder', path: this.#folders.root })
    const key = JSON.stringify(store)
    const known = this.#buckets.get(key)
    if (known !== undefined) return known
    const [oldest] = this.#buckets
    if (this.#buckets.size >= PLACES_MAX && oldest !== undefined) {
      this.#buckets.delete(oldest[0])
      oldest[1].close()
    }
    const place = openPlace(store.bucket, store.credentials)
    this.#buckets.set(key, place)
    return place
  }

  #inTurn(place: Place, { folder }: ParquetRequest, rows: Rows): Promise<number> {
    const key = `${place.address} ${folder} ${rows.current}`
    return this.#turns.take(key, () => this.#write(place, folder, rows))
  }

  async #write(place: Place, folder: string, rows: Rows): Promise<number> {
    const scratch = await mkdtemp(join(this.#folders.scratch, 'flush-'))
    try {
      const source = join(scratch, 'rows.ndjson')
      const target = join(scratch, 'rows.parquet')
      await writeFile(source, rows.lines)
      const present = await fetchOverlapping(place, folder, rows, scratch)
      const encoded = await this.#encoder.encode({
        rows: source,
        target,
        columns: COLUMNS,
        rowBytesMax: Math.max(ROW_BYTES_MIN, longestLine(rows.lines)),
        whole: { rows: rows.count, first: rows.from, last: rows.to },
        present,
      })
      if (encoded.rows > 0) {
        await place.write(
          folder + fileName(rows.current, encoded.first, encoded.last),
          createReadStream(target),
        )
      }
      return encoded.rows
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  }
}

const DUCKDB_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'VARCHAR',
  bigint: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMPTZ',
  // As text: not every reader of Parquet knows its JSON.
  json: 'VARCHAR',
}

const COLUMNS = CATALOG_COLUMNS.all.map(({ name, type }) => [name, DUCKDB_TYPES[type]] as const)

const ROW_BYTES_MIN = 1_048_576

function longestLine(lines: readonly Uint8Array[]): number {
  let longest = 0
  for (const piece of lines) {
    for (let at = 0, end = 0; at < piece.length; at = end + 1) {
      end = piece.indexOf(0x0a, at)
      if (end < 0) end = piece.length
      longest = Math.max(longest, end - at + 1)
    }
  }
  return longest
}

/** Copies of the files that may hold some of the rows, in `scratch`. After a restart these are a few, otherwise none. */
async function fetchOverlapping(
  place: Place,
  folder: string,
  { current, from, to }: RowsHead,
  scratch: string,
): Promise<readonly string[]> {
  const copies: string[] = []
  for await (const page of place.list(folder + fileStem(current))) {
    for (const { name } of page) {
      const range = rangeIn(name, current)
      if (range === undefined || range[1] < from || range[0] > to) continue
      const copy = join(scratch, `${copies.length}.parquet`)
      await pipeline(await place.read(name), createWriteStream(copy))
      copies.push(copy)
    }
  }
  return copies
}

/** Writes a small file that readers of tables pass over, and takes it away. */
async function tryPlace(place: Place, folder: string): Promise<number> {
  const name = `${folder}_thalweg-check`
  await place.write(name, new Uint8Array())
  await place.delete(name)
  return 0
}

const STATUSES: Readonly<Record<string, number>> = {
  FILES_MISSING: 404,
  FILES_NAME: 404,
  FILES_REFUSED: 403,
  FILES_UNAVAILABLE: 503,
}

/** What is no word of the store (the disk is full, the encoder ended) may be better the next time. */
function statusOf(error: unknown): number {
  return error instanceof ThalwegError ? (STATUSES[error.code] ?? 503) : 503
}
