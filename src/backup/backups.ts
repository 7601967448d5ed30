/**
 * Backups of a running hub: a folder with all that a new one needs to go on, made while this one works. It holds files of others, and knows
 * of each only how it is copied whole; it never changes them.
 *
 * Parts are not of one moment; their order makes them fit. Whatever is read again after a restore must be in what is copied later:
 *
 *   profiles   before the store: it may know less than the store tells it, as after a kill
 *   store      one transaction. No roster is used between it and the copies of the rosters: a roster and its runs are of one moment
 *   rosters
 *   rows, parquet, dedupe   after the store
 *   warehouse  after the store: what it has beyond the checkpoints it recognises when it is delivered again
 *   log        last: every position that the others name lies in it. Retention and erasures wait for its copy
 *
 * A restored hub therefore goes on as if it had been killed when the store was copied: what was delivered after that is delivered again.
 */

import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Audiences } from '../audiences/audiences.ts'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { syncDirectory } from '../files/durable.ts'
import type { Log } from '../log/log.ts'
import type { Store } from '../store/store.ts'
import { storeVersion } from '../store/version.ts'
import type { EmbeddedWarehouse } from '../warehouse/duckdb/duckdb.ts'
import { Copying } from './copying.ts'
import type { Summed } from './copying-protocol.ts'
import { type BackedFile, bytesOf, MANIFEST, type Manifest, newManifest, readManifest } from './manifest.ts'

export interface BackupsParts {
  readonly log: Log
  readonly store: Store
  readonly audiences: Audiences
  readonly warehouse: EmbeddedWarehouse
  readonly clock: Clock
  readonly version: string
  readonly dataDir: string
  /** File of the store; undefined: it is PostgreSQL. */
  readonly storeFile: string | undefined
  /** Where backups lie; made with the first one. */
  readonly folder: string
  /** The newest so many are kept. */
  readonly keptMax: number
  readonly logger: BackupsLogger
}

export interface BackupsLogger {
  info(about: object, message: string): void
  error(about: object, message: string): void
}

export interface BackupWish {
  /** The sealing key, too: then whoever has the backup has the credentials. */
  readonly withKey: boolean
  readonly note: string
}

export interface Backup {
  readonly id: string
  readonly folder: string
  readonly manifest: Manifest
  readonly bytes: number
}

export interface BackupUnderWay {
  readonly id: string
  readonly startedAt: number
  /** The part that is being copied, or `checking`. */
  readonly step: string
  readonly filesDone: number
  readonly bytesDone: number
}

/** How long runs of activations may keep their rosters from being copied. */
const ROSTERS_MS_MAX = 600_000
/** Dedupe merges its files now and then, and then a list of them is out of date. */
const TRIES_MAX = 5
const READER = 'backup'
const UNFINISHED = '.unfinished'
const KEY_FILE = 'sealing.key'
const NAME = /^backup-[\dTZ]{19}$/

export class Backups {
  readonly #parts: BackupsParts
  #stopping = new AbortController()
  #underWay: { progress: BackupUnderWay; end: Promise<void> } | undefined
  /** Why the last one failed; undefined: it did not. */
  lastFailure: { readonly at: number; readonly message: string } | undefined

  constructor(parts: BackupsParts) {
    this.#parts = parts
  }

  get folder(): string {
    return this.#parts.folder
  }

  get keptMax(): number {
    return this.#parts.keptMax
  }

  get underWay(): BackupUnderWay | undefined {
    return this.#underWay?.progress
  }

  /** Begins one. Throws BACKUP_BUSY while another is being made. */
  start(wish: BackupWish): BackupUnderWay {
    if (this.#underWay !== undefined)
      throw new ThalwegError('BACKUP_BUSY', `The backup ${this.#underWay.progress.id} is being made`)
    if (this.#stopping.signal.aborted) throw new ThalwegError('BACKUP_BUSY', 'The hub is stopping')
    const { clock, logger } = this.#parts
    const startedAt = clock.now()
    const id = `backup-${new Date(startedAt).toISOString().replace(/[-:.]/g, '')}`
    const progress: BackupUnderWay = { id, startedAt, step: 'profiles', filesDone: 0, bytesDone: 0 }
    const end = this.#make(id, startedAt, wish)
      .then(
        (bytes) => {
          this.lastFailure = undefined
          logger.info({ backup: id, bytes, ms: clock.now() - startedAt }, 'a backup was made')
        },
        (error: unknown) => {
          this.lastFailure = {
            at: clock.now(),
            message: error instanceof Error ? error.message : String(error),
          }
          logger.error({ err: error, backup: id }, 'a backup could not be made')
        },
      )
      .finally(() => {
        this.#underWay = undefined
      })
    this.#underWay = { progress, end }
    return progress
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await this.#underWay?.end
  }

  /** Newest first. Folders that hold no whole backup are left out. */
  async list(): Promise<Backup[]> {
    const names = (await namesIn(this.folder))
      .filter((name) => NAME.test(name))
      .sort()
      .reverse()
    const found = await Promise.all(names.map((name) => this.get(name).catch(() => undefined)))
    return found.filter((backup) => backup !== undefined)
  }

  /** Throws BACKUP_UNKNOWN, BACKUP_BROKEN. */
  async get(id: string): Promise<Backup> {
    const folder = join(this.folder, id)
    if (!NAME.test(id) || !existsSync(folder))
      throw new ThalwegError('BACKUP_UNKNOWN', `There is no backup ${JSON.stringify(id)}`)
    const manifest = await readManifest(folder)
    return { id, folder, manifest, bytes: bytesOf(manifest) }
  }

  /** Throws BACKUP_UNKNOWN. */
  async remove(id: string): Promise<void> {
    const folder = join(this.folder, id)
    if (!NAME.test(id) || !existsSync(folder))
      throw new ThalwegError('BACKUP_UNKNOWN', `There is no backup ${JSON.stringify(id)}`)
    await rm(folder, { recursive: true })
  }

  /** From now on one can be started again. */
  open(): void {
    this.#stopping = new AbortController()
  }

  /** Ends one that is under way; nothing of it stays. None can be started until it is opened. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the hub stops'))
    await this.settled()
  }

  async #make(id: string, startedAt: number, wish: BackupWish): Promise<number> {
    const { log, clock, store, version } = this.#parts
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    // Of one that was killed.
    for (const name of await namesIn(this.folder))
      if (name.endsWith(UNFINISHED)) await rm(join(this.folder, name), { recursive: true })
    const folder = join(this.folder, `${id}${UNFINISHED}`)
    await mkdir(folder, { mode: 0o700 })
    const copying = new Copying(this.#stopping.signal)
    // What the copies of the others name stays in the log until it is copied itself.
    log.hold(READER, log.tail)
    try {
      const parts: Manifest['parts'] = await this.#copyOthers(folder, copying, wish)
      const { step } = await storeVersion(store)
      const copied = await this.#copyLog(folder, copying)
      parts.push({ name: 'log', files: copied.files })
      await this.#check(folder, parts, copying)
      const { dialect } = store
      const { note, withKey } = wish
      const manifest = newManifest({
        id,
        version,
        note,
        startedAt,
        finishedAt: clock.now(),
        log: copied.log,
        store: { dialect, step },
        withKey: withKey && parts.some(({ name }) => name === 'key'),
        parts: parts.filter(({ files }) => files.length > 0),
      })
      await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, {
        mode: 0o600,
        flush: true,
      })
      await syncDirectory(folder)
      await rename(folder, join(this.folder, id))
      await syncDirectory(this.folder)
      await this.#dropOldest()
      return bytesOf(manifest)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    } finally {
      log.hold(READER, Number.POSITIVE_INFINITY)
      await copying.close()
    }
  }

  async #copyOthers(folder: string, copying: Copying, wish: BackupWish): Promise<Manifest['parts']> {
    const { dataDir, storeFile, audiences, warehouse } = this.#parts
    const parts: Manifest['parts'] = []
    const add = async (name: string, copies: readonly Copy[]): Promise<void> => {
      this.#note(name)
      parts.push({ name, files: await this.#copyAll(folder, copies, copying) })
    }
    await add('profiles', await databasesIn(dataDir, 'profiles'))
    this.#note('store')
    await audiences.whileResting(
      async (rosters) => {
        await add('store', storeFile === undefined ? [] : [database(storeFile, 'store.db')])
        await add(
          'rosters',
          rosters.flatMap((file) => withLog(file, `audiences/${basename(file)}`)),
        )
      },
      AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ROSTERS_MS_MAX)]),
    )
    await add('rows', await databasesIn(dataDir, 'rows'))
    await add('parquet', await filesIn(dataDir, 'parquet'))
    const file = join(dataDir, 'warehouse', 'warehouse.duckdb')
    if (existsSync(file))
      await warehouse.host.whileClosed(() => add('warehouse', withLog(file, 'warehouse/warehouse.duckdb')))
    await retried(async () => {
      await rm(join(folder, 'dedupe'), { recursive: true, force: true })
      await add('dedupe', await filesIn(dataDir, 'dedupe'))
    })
    const key = join(dataDir, KEY_FILE)
    if (wish.withKey && existsSync(key)) await add('key', [{ from: key, to: KEY_FILE, how: 'copy' }])
    return parts
  }

  #copyLog(folder: string, copying: Copying): Promise<{ files: BackedFile[]; log: Manifest['log'] }> {
    this.#note('log')
    return this.#parts.log.copying(async ({ segments, tail, head }) => {
      await mkdir(join(folder, 'log'), { mode: 0o700 })
      const files: BackedFile[] = []
      let gaps = 0
      for (const { path, dataEnd, bytes, epoch, base, end } of segments) {
        const to = `log/${basename(path)}`
        const copy = join(folder, to)
        const sum = await copying.ask<'copy'>({
          do: 'copy',
          from: path,
          to: copy,
          bytes: dataEnd,
          length: bytes,
        })
        files.push(this.#done(to, sum))
        const walked = await copying.ask<'check-segment'>({
          do: 'check-segment',
          path: copy,
          epoch,
          base,
          bytes,
        })
        if (walked.end !== end)
          throw new ThalwegError(
            'BACKUP_BROKEN',
            `The copy of ${path} ends at record ${walked.end} instead of ${end}: the disk lost bytes`,
          )
        gaps += walked.gaps.length
      }
      return { files, log: { tail, head, segments: segments.length, gaps } }
    })
  }

  /** Every copy is read again from the disk, and every database opened. */
  async #check(folder: string, parts: Manifest['parts'], copying: Copying): Promise<void> {
    this.#note('checking')
    for (const { name, files } of parts) {
      for (const { path, bytes, crc32 } of files) {
        const sum = await copying.ask<'sum'>({ do: 'sum', path: join(folder, path) })
        if (sum.bytes !== bytes || sum.crc32 !== crc32)
          throw new ThalwegError('BACKUP_BROKEN', `The copy ${path} is not what was written: check the disk`)
        if (DATABASES.has(name))
          await copying.ask<'check-database'>({ do: 'check-database', path: join(folder, path) })
      }
    }
  }

  async #copyAll(folder: string, copies: readonly Copy[], copying: Copying): Promise<BackedFile[]> {
    const files: BackedFile[] = []
    for (const { from, to, how } of copies) {
      const target = join(folder, to)
      await mkdir(join(target, '..'), { recursive: true, mode: 0o700 })
      const sum = await copying.ask<'copy' | 'snapshot'>({ do: how, from, to: target })
      files.push(this.#done(to, sum))
    }
    return files
  }

  #done(path: string, sum: Summed): BackedFile {
    if (this.#underWay !== undefined) {
      const { progress } = this.#underWay
      this.#underWay.progress = {
        ...progress,
        filesDone: progress.filesDone + 1,
        bytesDone: progress.bytesDone + sum.bytes,
      }
    }
    return { path, ...sum }
  }

  #note(step: string): void {
    if (this.#underWay !== undefined) this.#underWay.progress = { ...this.#underWay.progress, step }
  }

  async #dropOldest(): Promise<void> {
    for (const { id } of (await this.list()).slice(this.keptMax)) await this.remove(id)
  }
}

interface Copy {
  readonly from: string
  /** Below the folder of the backup. */
  readonly to: string
  readonly how: 'copy' | 'snapshot'
}

/** Parts whose files SQLite can open. */
const DATABASES = new Set(['profiles', 'store', 'rows'])

function database(from: string, to: string): Copy {
  return { from, to, how: 'snapshot' }
}

/** A file of DuckDB, and what was not written into it yet. */
function withLog(file: string, to: string): Copy[] {
  return ['', '.wal']
    .filter((end) => existsSync(`${file}${end}`))
    .map((end) => ({ from: `${file}${end}`, to: `${to}${end}`, how: 'copy' }))
}

async function databasesIn(dataDir: string, folder: string): Promise<Copy[]> {
  const names = (await namesIn(join(dataDir, folder))).filter((name) => name.endsWith('.db')).sort()
  return names.map((name) => database(join(dataDir, folder, name), `${folder}/${name}`))
}

/** But for those that are being written. */
async function filesIn(dataDir: string, folder: string): Promise<Copy[]> {
  let entries: Awaited<ReturnType<typeof entriesBelow>>
  try {
    entries = await entriesBelow(join(dataDir, folder))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
    .map((entry) => {
      const from = join(entry.parentPath, entry.name)
      return { from, to: from.slice(dataDir.length + 1), how: 'copy' as const }
    })
}

function entriesBelow(folder: string) {
  return readdir(folder, { recursive: true, withFileTypes: true })
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

async function retried(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isMissing(error) || attempt === TRIES_MAX) throw error
    }
  }
}
