/**
 * The import of one source of files: lists the place, reads what is new file by file, and appends it. It goes on until
 * nothing is left (or for ever, when it polls), waits out a store, a place or a log that is not there for a while, and stops at a
 * chunk's end when told to.
 *
 *   running   reads, or waits for the next look; → finished when all is read and it does not poll;
 *             → failed when the place refuses us, or what the settings name is gone; → paused by hand
 *   paused, finished, failed → running by hand: paused goes on with its run, the others begin another
 */

import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { openPlace, type Place } from '../../files/files.ts'
import type { IdentitySource } from '../../log/dedupe.ts'
import type { Dedupe, Log } from '../../log/log.ts'
import type { Authorizations } from '../../store/authorizations.ts'
import type { Counters } from '../counters.ts'
import type { ShapeTrail } from '../drift/shape-trail.ts'
import { streamType } from '../lytics/record.ts'
import type { Sources } from '../registry.ts'
import type { FilesSource } from '../sources.ts'
import { Appending } from './appending.ts'
import type { Chunk } from './chunks.ts'
import type { FileRow, FileState, ImportRow, Manifest } from './manifest.ts'
import { OLDER_IDS_HOLD_MS, OlderIds } from './older-ids.ts'
import { placeOf } from './place.ts'
import type { Places } from './places.ts'
import { Reading } from './reading.ts'
import type { ReadingData } from './reading-protocol.ts'
import { recover } from './recovery.ts'
import { forgetRows, snapshotPath } from './row-snapshots.ts'

export interface ImportLogger {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface ImporterParts {
  readonly manifest: Manifest
  readonly sources: Sources
  readonly authorizations: Authorizations
  readonly log: Log & IdentitySource
  readonly dedupe: Dedupe
  readonly shapes: ShapeTrail
  readonly clock: Clock
  readonly logger: ImportLogger
  readonly counters: Counters
  /** Keys the identity of ids that are not UUIDs. */
  readonly identityKey: Uint8Array
  /** Folders that sources of files may read from. */
  readonly filesRoots: readonly string[]
  /** A folder for what an import keeps on the disk while it runs. */
  readonly directory: string
  /** A folder for what is remembered of the rows of files, where only changed ones are wanted. */
  readonly snapshots: string
  /** Records that dedupe compares at once. */
  readonly chunkItemsMax: number
  readonly places: Places
}

/** How often the manifest is written while a file is read. */
const CHECKPOINT_MS = 1_000
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000
/** A file of a folder that is polled may still be being written: it is left alone for so long after its last change. */
const SETTLED_MS = 5_000
/** Not data: what writers leave beside it, as in `_SUCCESS` or `.part`. */
const LEFT_OUT = /(^|\/)[._][^/]*$/

/** Trouble that passes: the import waits and tries again. */
const PASSING: ReadonlySet<string> = new Set(['FILES_UNAVAILABLE', 'STORE_UNAVAILABLE', 'LOG_FULL'])
/** Trouble of one file, which the others do not share. */
const OF_THE_FILE: ReadonlySet<string> = new Set([
  'FILES_CHANGED',
  'FILES_MISSING',
  'FILES_NAME',
  'INPUT_INVALID',
])

/** Trouble in which nothing can be noted: the file stays as one that is being read. */
const LEFT_TO_RECOVERY: ReadonlySet<string> = new Set(['LOG_STOPPED', 'STORE_UNAVAILABLE'])

/** What one pass over the files works with. */
interface Pass {
  readonly run: number
  readonly reading: Reading
  readonly older: OlderIds | undefined
  /** Source that the records are of. */
  readonly target: number
}

export class Importer {
  readonly source: FilesSource
  readonly #parts: ImporterParts
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #older: OlderIds | undefined
  #olderUntil = Number.NEGATIVE_INFINITY

  constructor(parts: ImporterParts, source: FilesSource) {
    this.#parts = parts
    this.source = source
  }

  /** Works on a run. What ends it is in the manifest; what should not happen is logged, and the next start of the hub goes on. */
  start(run: ImportRow): void {
    this.#running ??= this.#work(run.run)
      .finally(() => this.#forgetOlderIds())
      .catch((error: unknown) => {
        this.#parts.logger.error({ err: error, source: this.source.name }, 'an import failed unexpectedly')
      })
  }

  /** Resolves when nothing is read any more and all that was is in the manifest. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #work(run: number): Promise<void> {
    const { signal } = this.#stopping
    const { clock, places, manifest } = this.#parts
    const { pollSeconds } = this.source.settings
    let retryMs = RETRY_MS_MIN
    while (!signal.aborted) {
      try {
        await places.take(() => this.#pass(run), signal)
        if (signal.aborted) return
        if (pollSeconds === undefined) return await manifest.setState(this.source.number, 'finished')
        retryMs = RETRY_MS_MIN
        await clock.sleep(pollSeconds * 1000, signal)
      } catch (error) {
        if (signal.aborted || !(await this.#passes(error))) return
        await clock.sleep(retryMs, signal)
        retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)
      }
    }
  }

  /** Whether what went wrong passes; otherwise the import has failed. */
  async #passes(error: unknown): Promise<boolean> {
    const { logger, manifest } = this.#parts
    const { name, number } = this.source
    if (!(error instanceof ThalwegError)) throw error
    logger.warn({ err: error, source: name }, 'an import does not come on')
    const passing = PASSING.has(error.code)
    if (error.code !== 'STORE_UNAVAILABLE')
      await manifest.setState(number, passing ? 'running' : 'failed', error.message)
    return passing
  }

  /** Lists the place, and reads everything that waits. */
  async #pass(run: number): Promise<void> {
    const { manifest, authorizations, filesRoots, identityKey, chunkItemsMax } = this.#parts
    const { number, settings } = this.source
    const order = settings.rows === undefined ? 'listed' : 'changed'
    const opened = await placeOf(settings, authorizations, filesRoots)
    await this.#list(openPlace(opened.location, opened.credentials), run)
    await manifest.setState(number, 'running')
    if ((await manifest.next(number, order)) === undefined) return
    const { signal } = this.#stopping
    const snapshot = await this.#snapshot()
    const reading = new Reading({ ...opened, identityKey, chunkItemsMax, ...snapshot }, signal)
    try {
      const target = this.#target()
      const pass: Pass = { run, reading, older: await this.#olderIds(target), target }
      for (;;) {
        const file = await manifest.next(number, order)
        if (file === undefined || signal.aborted) return
        await this.#readFile(file, pass)
      }
    } finally {
      await reading.close()
    }
  }

  /** What was remembered before only changed rows were wanted says nothing of what came in between. */
  async #snapshot(): Promise<Pick<ReadingData, 'snapshot'>> {
    const { rows } = this.source.settings
    const path = snapshotPath(this.#parts.snapshots, this.source.number)
    if (rows?.onlyChanged !== undefined) return { snapshot: { path, columns: rows.onlyChanged } }
    if (rows !== undefined) await forgetRows(path)
    return {}
  }

  async #list(place: Place, run: number): Promise<void> {
    const { manifest, clock } = this.#parts
    const { number, settings } = this.source
    const polledFolder = settings.pollSeconds !== undefined && settings.location.kind === 'folder'
    const settledBefore = polledFolder ? clock.now() - SETTLED_MS : Number.POSITIVE_INFINITY
    let listed = 0
    try {
      for await (const page of place.list('', { signal: this.#stopping.signal })) {
        const files = page.filter(
          ({ name, modifiedAt }) => !LEFT_OUT.test(name) && modifiedAt <= settledBefore,
        )
        listed += files.length
        await manifest.add(number, run, files, listed)
      }
    } finally {
      place.close()
    }
  }

  /** Gathered anew before ids could have left the window that are not among them. */
  async #olderIds(target: number): Promise<OlderIds | undefined> {
    const { log, clock, dedupe, directory, logger } = this.#parts
    if (clock.now() < this.#olderUntil) return this.#older
    await this.#forgetOlderIds()
    this.#older = await OlderIds.open({
      source: target,
      log,
      clock,
      windowMs: dedupe.windowMs,
      directory,
      onTrouble: (error) => logger.error({ err: error }, 'the older ids of an import are in trouble'),
    })
    this.#olderUntil = clock.now() + OLDER_IDS_HOLD_MS
    return this.#older
  }

  async #forgetOlderIds(): Promise<void> {
    const older = this.#older
    this.#older = undefined
    this.#olderUntil = Number.NEGATIVE_INFINITY
    await older?.close()
  }

  /** Reads a file from where it stopped to its end, or until told to stop. */
  async #readFile(file: FileRow, pass: Pass): Promise<void> {
    const { log, logger } = this.#parts
    const appending = await this.#begin(file, pass)
    const note = (state: FileState, problem = ''): Promise<void> =>
      this.#note(file, pass, appending, state, problem)
    try {
      const damage = await this.#append(file, pass, appending)
      await appending.settled()
      // Before the file counts as read: the next must not be compared with what was there before this one.
      if (damage === undefined && this.source.settings.rows?.onlyChanged !== undefined)
        await pass.reading.remember()
      await note('done', damage)
    } catch (error) {
      // The log, or the manifest, knows less than it might: the next pass asks the log.
      if (error instanceof ThalwegError && LEFT_TO_RECOVERY.has(error.code)) throw error
      await appending.settled()
      if (this.#stopping.signal.aborted || !(error instanceof ThalwegError)) {
        await note('waiting')
        throw error
      }
      const alone = OF_THE_FILE.has(error.code)
      await note(alone ? 'failed' : 'waiting', alone ? error.message : '')
      if (!alone) throw error
      logger.warn({ err: error, source: this.source.name, file: file.name }, 'a file is not read on')
    } finally {
      log.hold(holdOf(file), Number.POSITIVE_INFINITY)
    }
  }

  /** Brings the manifest up to what the log holds of the file. */
  async #begin(file: FileRow, { run, target, reading }: Pass): Promise<Appending> {
    const { log, dedupe, shapes, clock, manifest } = this.#parts
    // Only a crash leaves a file in this state: otherwise nothing of it is behind the head.
    const from = file.state === 'reading' ? file.log_offset : log.head
    const { progress, tally } = await recover(log, { ...file, log_offset: from }, target)
    log.hold(holdOf(file), progress.logOffset)
    await manifest.progress(file, run, progress, tally, 'reading')
    const { rows } = this.source.settings
    const type = rows === undefined ? {} : { type: streamType(rows.stream) }
    const where = { source: target, file: { id: file.number, name: file.name }, ...type }
    return new Appending({ log, dedupe, shapes, clock }, where, reading.types, progress)
  }

  /** Gives what kept the file from being read in full. */
  async #append(file: FileRow, pass: Pass, appending: Appending): Promise<string | undefined> {
    const { clock, log } = this.#parts
    const { reading } = pass
    const { name, version } = file
    const from = appending.progress.position
    const { format, rows } = this.source.settings
    const chunks = reading.read({ name, version, format, from, ...(rows === undefined ? {} : { rows }) })
    let checkpointAt = clock.now() + CHECKPOINT_MS
    for (;;) {
      const next = await chunks.next()
      if (next.done === true) return next.value
      const chunk = next.value
      await appending.take(chunk, await this.#known(chunk, pass), this.#stopping.signal)
      reading.taken(chunk)
      if (clock.now() < checkpointAt) continue
      await this.#note(file, pass, appending, 'reading', '')
      log.hold(holdOf(file), appending.progress.logOffset)
      checkpointAt = clock.now() + CHECKPOINT_MS
    }
  }

  async #known({ items, count }: Chunk, { older, target }: Pass): Promise<Uint8Array | undefined> {
    return older?.known(target, items, count, this.#stopping.signal)
  }

  async #note(
    file: FileRow,
    { run, target }: Pass,
    appending: Appending,
    state: FileState,
    problem: string,
  ): Promise<void> {
    const { manifest, counters, clock } = this.#parts
    // Together: nothing may become durable between the two.
    const { progress } = appending
    const { tally, accepted, duplicates, quarantined, bytes } = appending.takeNews()
    await manifest.progress(file, run, progress, tally, state, problem)
    const counts = counters.of(target)
    counts.accepted += accepted
    counts.duplicates += duplicates
    counts.quarantined += quarantined
    counts.bytes += bytes
    if (accepted > 0) counts.eventAt = clock.now()
  }

  #target(): number {
    const { copiesOf } = this.source.settings
    return copiesOf === undefined ? this.source.number : this.#parts.sources.get(copiesOf).number
  }
}

/** The log keeps what is newer than a file's place in the manifest. */
function holdOf(file: FileRow): string {
  return `import ${file.number}`
}
