/**
 * The disk under one life of a hub. A write to the log takes a moment of the world's time, so a crash may find it undone, half done, or done and
 * not told; a full disk takes nothing more; a power failure takes from the store what it had not synced. What a crash leaves is copied into a
 * new folder, where the next life finds it.
 */

import { cpSync, readdirSync, readFileSync, writeFileSync, writevSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { KyselyPlugin, PluginTransformQueryArgs, QueryId } from 'kysely'
import { type DurableWrite, durableWrite } from '../log/appender.ts'
import type { LogDisk } from '../log/open-log.ts'
import { unavailable } from '../store/outages.ts'
import type { Store } from '../store/store.ts'
import type { Draws } from './draws.ts'
import type { LifeClock } from './time.ts'

/** What is wrong with it now. */
export type DiskState = 'well' | 'no room for segments' | 'no room for the store' | 'writes fail'

const WRITE_MS = [0.2, 8] as const

interface Pending {
  readonly fd: number
  readonly bytes: Buffer
  readonly position: number
  readonly done: (error: Error | null) => void
}

/** Not of the folder's contents: a lock of the dead, and shared memory that SQLite makes anew. */
const LEFT_BEHIND = /(^lock$|-shm$|^endpoints\.json$)/

export class LifeDisk implements LogDisk {
  readonly folder: string
  readonly #clock: LifeClock
  readonly #draws: Draws
  readonly #state: () => DiskState
  readonly #pending = new Set<Pending>()
  /** The store's files as they were last synced, while a power failure is coming. */
  #synced: Map<string, Buffer> | undefined
  #ended = false

  constructor(folder: string, clock: LifeClock, draws: Draws, state: () => DiskState) {
    this.folder = folder
    this.#clock = clock
    this.#draws = draws
    this.#state = state
  }

  readonly durableWrite: DurableWrite = (fd, buffers, position, done) => {
    const write: Pending = { fd, bytes: Buffer.concat(buffers), position, done }
    this.#pending.add(write)
    this.#clock.after(this.#draws.between('disk write', ...WRITE_MS), () => {
      if (!this.#pending.delete(write)) return
      if (this.#ended || this.#state() === 'writes fail')
        done(new Error('ENOSPC: no space left on device, write'))
      else durableWrite(fd, [write.bytes], position, done)
    })
  }

  readonly freeBytes = async (): Promise<number> =>
    this.#state() === 'no room for segments' ? 0 : Number.POSITIVE_INFINITY

  /** What stands between the hub and its store. */
  readonly through = (store: Store): Store => {
    const synced = (): void => this.#noteSync()
    const disk = this
    const through: Store = {
      dialect: store.dialect,
      capabilities: store.capabilities,
      db: store.db.withPlugin(new WritePlugin(synced)),
      async transaction(work, options) {
        if (disk.#state() === 'no room for the store') throw unavailable('database or disk is full')
        const result = await store.transaction(work, options)
        if (options?.durable !== 'soon') synced()
        return result
      },
      fencedBy: () => through,
      close: () => store.close(),
    }
    return through
  }

  /** From now on what the store syncs is remembered: the power will fail. */
  expectPowerFailure(): void {
    this.#synced = this.#storeFiles()
  }

  /** The life ends here. Puts what a crash leaves of the folder into `folder`, which must not exist. */
  crash(folder: string, how: 'killed' | 'power'): void {
    this.#ended = true
    for (const { fd, bytes, position } of this.#pending) {
      const part = Math.floor(this.#draws.between('torn write', 0, 3))
      const kept =
        part === 0 ? 0 : part === 1 ? Math.floor(bytes.length * this.#draws.next('torn at')) : bytes.length
      if (kept > 0) writevSync(fd, [bytes.subarray(0, kept)], position)
    }
    cpSync(this.folder, folder, { recursive: true, filter: (path) => !LEFT_BEHIND.test(basename(path)) })
    if (how === 'power')
      for (const [name, bytes] of this.#synced ?? []) writeFileSync(join(folder, name), bytes)
  }

  #noteSync(): void {
    if (this.#synced !== undefined && !this.#ended) this.#synced = this.#storeFiles()
  }

  /** In one turn: no commit comes between them. */
  #storeFiles(): Map<string, Buffer> {
    const names = readdirSync(this.folder).filter(
      (name) => name.startsWith('store.db') && !LEFT_BEHIND.test(name),
    )
    return new Map(names.sort().map((name) => [name, readFileSync(join(this.folder, name))]))
  }
}

/** Tells of every statement outside of a transaction that was not a reading one. */
class WritePlugin implements KyselyPlugin {
  readonly #written: () => void
  readonly #writes = new WeakSet<QueryId>()

  constructor(written: () => void) {
    this.#written = written
  }

  transformQuery({ node, queryId }: PluginTransformQueryArgs) {
    if (node.kind !== 'SelectQueryNode') this.#writes.add(queryId)
    return node
  }

  async transformResult({ queryId, result }: Parameters<KyselyPlugin['transformResult']>[0]) {
    if (this.#writes.has(queryId)) this.#written()
    return result
  }
}
