/**
 * Files as a source: the imports of all sources of files. This part of the room lists places, decodes what lies in
 * them in threads of their own, and appends it as a door would; it never answers for a record before the log has
 * synced, never reads a file twice for what the log already holds of it, and never takes more of the machine than its share.
 */

import { rm } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type * as z from 'zod'
import { ThalwegError } from '../../core/errors.ts'
import { Turns } from '../../core/turns.ts'
import type { Location } from '../../files/location.ts'
import type { Store } from '../../store/store.ts'
import type { FilesSettings } from '../settings.ts'
import type { FilesSource } from '../sources.ts'
import { IMPORT_BYTES_MAX } from './appending.ts'
import { Importer, type ImporterParts } from './importer.ts'
import { type FileRow, type FileState, type ImportRow, Manifest, type Totals } from './manifest.ts'
import { Places } from './places.ts'
import { forgetRowsExcept } from './row-snapshots.ts'
import type { TallyRow } from './tally.ts'

/** Each has a thread and buffers of its own; more wait for their turn. */
const IMPORTS_AT_ONCE = 2
/** Of the log's buffers, for all of them. */
export const IMPORTS_BYTES_MAX = IMPORTS_AT_ONCE * IMPORT_BYTES_MAX

export type ImportsParts = Omit<ImporterParts, 'manifest' | 'places'> & { readonly store: Store }

/** Settings of a source of files; those left out keep their default, or what the source has. */
export type FilesRequest = z.input<typeof FilesSettings> & { readonly location: Location }

export interface ImportView extends ImportRow {
  readonly name: string
  readonly settings: FilesSource['settings']
  /** Of the run. */
  readonly totals: Totals
}

export class Imports {
  readonly #parts: ImporterParts
  readonly #manifest: Manifest
  readonly #importers = new Map<number, Importer>()
  readonly #changes = new Turns()
  /** Otherwise another node imports. */
  #isStarted = false

  constructor({ store, ...parts }: ImportsParts) {
    this.#manifest = new Manifest(store, parts.clock)
    this.#parts = { ...parts, manifest: this.#manifest, places: new Places(IMPORTS_AT_ONCE) }
  }

  /** Goes on with what was running, and begins with sources that are new. Also after a stop. */
  async start(): Promise<void> {
    this.#isStarted = true
    // What a killed import left behind; it is made again.
    await rm(this.#parts.directory, { recursive: true, force: true })
    await forgetRowsExcept(this.#parts.snapshots, new Set(this.#sources().map(({ number }) => number)))
    await this.apply()
  }

  /** Lets imports end what they are at, within a chunk; the next start goes on. */
  stop(): Promise<void> {
    this.#isStarted = false
    return this.#changes.take(() => this.#stopAll([...this.#importers.values()]))
  }

  /** After sources were made, changed or removed: their imports follow. Where imports are not started, nothing happens. */
  apply(): Promise<void> {
    return this.#changes.take(async () => {
      if (!this.#isStarted) return
      const sources = this.#sources()
      const gone = [...this.#importers.values()].filter(
        ({ source }) => !sources.some((one) => same(one, source)),
      )
      await this.#stopAll(gone)
      for (const source of sources) {
        if (this.#importers.has(source.number)) continue
        const row = (await this.#manifest.find(source.number)) ?? (await this.#manifest.begin(source.number))
        if (row.state === 'running') this.#start(source, row)
      }
    })
  }

  async list(): Promise<ImportView[]> {
    const views: ImportView[] = []
    for (const { name } of this.#sources()) views.push(await this.get(name))
    return views
  }

  /** By the name of the source. Throws IMPORT_UNKNOWN. */
  async get(name: string): Promise<ImportView> {
    const source = this.#source(name)
    const row = await this.#manifest.find(source.number)
    if (row === undefined) throw unknown(name)
    const totals = await this.#manifest.totals(source.number, row.run)
    return { ...row, name: source.name, settings: source.settings, totals }
  }

  /** The newest first. Throws IMPORT_UNKNOWN. */
  files(name: string, state: FileState | undefined, limit: number): Promise<FileRow[]> {
    return this.#manifest.files(this.#source(name).number, state, limit)
  }

  /** New events of the last run, by hour and type. Throws IMPORT_UNKNOWN, INPUT_INVALID past `limit`. */
  async filled(name: string, limit: number): Promise<TallyRow[]> {
    const { number } = this.#source(name)
    const row = await this.#manifest.find(number)
    return row === undefined ? [] : this.#manifest.hours(number, row.run, limit)
  }

  /**
   * Reads what is new in a place: by the source of that name, which is made if there is none, in any folder. Gives the
   * name of the source. Throws SOURCE_NAME_TAKEN when the name belongs to a source of another place, INPUT_INVALID.
   */
  async request(wanted: string | undefined, settings: FilesRequest): Promise<string> {
    const { sources } = this.#parts
    const name = wanted ?? nameOf(settings.location)
    const known = sources.find(name)
    if (known === undefined) {
      await sources.create({ name, kind: 'files', settings, anyFolder: true })
      await this.apply()
      return name
    }
    if (known.kind !== 'files' || !isDeepStrictEqual(known.settings.location, settings.location))
      throw new ThalwegError(
        'SOURCE_NAME_TAKEN',
        `The source ${name} is of another place: give the import a source of its own`,
      )
    await this.#change(known, settings)
    if ((await this.get(name)).state !== 'running') await this.resume(name)
    return name
  }

  /** Stops reading; what was read stands. Throws IMPORT_UNKNOWN, IMPORT_STATE. */
  pause(name: string): Promise<void> {
    return this.#changes.take(async () => {
      const source = this.#source(name)
      await this.#expect(source, (state) => state === 'running', 'paused')
      await this.#stopAll([...this.#importers.values()].filter((one) => one.source.number === source.number))
      await this.#expect(source, (state) => state === 'running', 'paused')
      await this.#manifest.setState(source.number, 'paused')
    })
  }

  /** Goes on with a paused run, or begins another after one that ended. Throws IMPORT_UNKNOWN, IMPORT_STATE. */
  resume(name: string): Promise<void> {
    return this.#changes.take(async () => {
      const source = this.#source(name)
      const row = await this.#expect(source, (state) => state !== 'running', 'resumed')
      await this.#stopAll([...this.#importers.values()].filter((one) => one.source.number === source.number))
      if (row.state === 'paused') await this.#manifest.setState(source.number, 'running')
      const run = row.state === 'paused' ? row : await this.#manifest.begin(source.number)
      this.#start(source, run)
    })
  }

  async #change(known: FilesSource, settings: FilesRequest): Promise<void> {
    const { outsideRoots: _, ...before } = known.settings
    const wanted = { ...before, ...settings }
    if (isDeepStrictEqual(before, wanted)) return
    await this.#parts.sources.update(known.name, wanted)
    await this.apply()
  }

  #start(source: FilesSource, run: ImportRow): void {
    const importer = new Importer(this.#parts, source)
    this.#importers.set(source.number, importer)
    importer.start(run)
  }

  async #stopAll(importers: readonly Importer[]): Promise<void> {
    await Promise.all(importers.map((importer) => importer.stop()))
    for (const { source } of importers) this.#importers.delete(source.number)
  }

  async #expect(source: FilesSource, fits: (state: string) => boolean, what: string): Promise<ImportRow> {
    const row = await this.#manifest.find(source.number)
    if (row === undefined) throw unknown(source.name)
    if (fits(row.state)) return row
    throw new ThalwegError('IMPORT_STATE', `The import ${source.name} is ${row.state} and cannot be ${what}`)
  }

  #sources(): FilesSource[] {
    return this.#parts.sources.list().filter((source) => source.kind === 'files')
  }

  #source(name: string): FilesSource {
    const source = this.#sources().find((one) => one.name === name)
    if (source === undefined) throw unknown(name)
    return source
  }
}

const NAME_CHARS_MAX = 64

/** A name for the source of a place: its last words. */
function nameOf(location: Location): string {
  const text = location.kind === 'folder' ? location.path : `${location.bucket}-${location.prefix}`
  const words = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return `files-${words}`.slice(0, NAME_CHARS_MAX).replace(/-$/, '')
}

/** Settings are replaced as a whole, and every change has its time. */
function same(a: FilesSource, b: FilesSource): boolean {
  return a.number === b.number && a.updatedAt === b.updatedAt
}

function unknown(name: string): ThalwegError {
  return new ThalwegError('IMPORT_UNKNOWN', `There is no source of files ${JSON.stringify(name)}`)
}
