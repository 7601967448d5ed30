/**
 * What the rows of a source of files said when they were last imported, by their keys: digests only, in a file of SQLite
 * beside the log, so that memory stays small whatever there is. What a file says is kept when all of it is in the log. The
 * digest of a row that is about to be imported is forgotten first: if its file never ends well, the row counts as changed
 * the next time.
 */

import { hash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { ThalwegError } from '../../core/errors.ts'

const DIGEST_BYTES = 16
/** Of 1,024 bytes, which SQLite counts downwards. */
const CACHE_KIB = 32_768
/** Of one transaction: what waits for its end lies in a file beside. */
const WRITTEN_MAX = 200_000

export class RowSnapshot {
  readonly #db: DatabaseSync
  readonly #find: StatementSync
  readonly #forget: StatementSync
  readonly #keep: StatementSync
  readonly #columns: readonly string[]
  /** Rows forgotten, and rows written, that are not committed. */
  #forgotten = 0
  #written = 0
  #isOpen = false
  #keyed = 0

  /** `columns` make the key of a row. */
  constructor(path: string, columns: readonly string[]) {
    mkdirSync(dirname(path), { recursive: true })
    this.#db = new DatabaseSync(path)
    this.#columns = columns
    this.#db.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE_KIB};
       CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS coming (key BLOB PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;`,
    )
    this.#find = this.#db.prepare('SELECT digest FROM kept WHERE key = ?')
    this.#forget = this.#db.prepare('DELETE FROM kept WHERE key = ?')
    this.#keep = this.#db.prepare('INSERT OR REPLACE INTO coming (key, digest) VALUES (?, ?)')
  }

  /** Begins a file: what one that did not end well would have left goes. */
  begin(): void {
    this.#end()
    this.#db.exec('DELETE FROM coming')
    this.#keyed = 0
  }

  /** Throws INPUT_INVALID when no row since `begin` had a key: then the columns are not those of the file. */
  checkKeys(): void {
    if (this.#keyed > 0) return
    const columns = this.#columns.join(', ')
    throw new ThalwegError(
      'INPUT_INVALID',
      `No row has ${columns}, which should tell rows apart: all were taken`,
    )
  }

  /** Whether a row, given as one JSON object, is new or says something else than before. A row without a whole key always is. */
  isChanged(fields: string | Buffer): boolean {
    const key = this.#keyOf(JSON.parse(fields.toString()))
    if (key === undefined) return true
    this.#keyed++
    const digest = digestOf(fields)
    const before = this.#find.get(key)?.digest as Uint8Array | undefined
    if (before !== undefined && Buffer.from(before).equals(digest)) return false
    this.#write()
    if (before !== undefined) {
      this.#forget.run(key)
      this.#forgotten++
    }
    this.#keep.run(key, digest)
    this.#written++
    return true
  }

  /** Before rows leave for the log: what was forgotten is so whatever happens. */
  settle(): void {
    if (this.#forgotten > 0 || this.#written >= WRITTEN_MAX) this.#end()
  }

  /** All rows of the file are in the log. */
  commit(): void {
    this.#write()
    this.#db.exec('INSERT OR REPLACE INTO kept SELECT key, digest FROM coming; DELETE FROM coming')
    this.#end()
  }

  close(): void {
    this.#end()
    this.#db.close()
  }

  #end(): void {
    if (this.#isOpen) this.#db.exec('COMMIT')
    this.#isOpen = false
    this.#forgotten = 0
    this.#written = 0
  }

  #write(): void {
    if (!this.#isOpen) this.#db.exec('BEGIN')
    this.#isOpen = true
  }

  #keyOf(row: Readonly<Record<string, unknown>>): Uint8Array | undefined {
    const values = this.#columns.map((column) => (Object.hasOwn(row, column) ? row[column] : null))
    if (values.some((value) => value === null || value === '')) return undefined
    return digestOf(JSON.stringify([this.#columns, values]))
  }
}

function digestOf(content: string | Buffer): Uint8Array {
  return hash('sha256', content, 'buffer').subarray(0, DIGEST_BYTES)
}
