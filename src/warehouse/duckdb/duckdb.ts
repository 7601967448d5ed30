/**
 * The embedded warehouse: events as tables in a DuckDB file of this installation. It runs in a child process of the hub, so that nothing in it can
 * take the doors down; loads come from delivery like requests to any vendor, queries through the engine. Only this folder knows DuckDB, and only the
 * child opens the file.
 *
 *   hub:   delivery ──load order──► loading ─┐                    ┌─ engine ◄── query
 *                                            └─► host ◄─ socket ─┐│
 *   child:                                    loader, queries, exports, upkeep ──► file
 */

import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { WireReply, WireRequest } from '../../core/exchange.ts'
import type { SubjectIdentifier } from '../../core/traces.ts'
import { compactFile } from './compaction.ts'
import { DuckDbEngine } from './engine.ts'
import type { ForgottenRows } from './forgetting.ts'
import { Host, type HostLogger } from './host.ts'
import { loadReply } from './loading.ts'
import { CATALOG } from './names.ts'

export interface EmbeddedWarehouse {
  readonly engine: DuckDbEngine
  readonly host: Host
  /** Answers a request of the destination `warehouse`. Never rejects. */
  send(request: WireRequest): Promise<WireReply>
  /**
   * Takes somebody's rows out of the tables, and words about them out of others' rows; then rewrites the file, so that nothing is left of
   * them in it. Dry: counts only. Throws ENGINE_UNREACHABLE.
   */
  forget(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<ForgottenRows>
  /** Lets loads under way end, within a bound. Idempotent. */
  close(): Promise<void>
}

export interface EmbeddedWarehouseParts {
  readonly dataDir: string
  /** Cores that one query or load may use. */
  readonly threads: number
  readonly memoryBytesMax: number
  /** Rows accepted longer ago are removed; 0: never. */
  readonly retentionAgeMs: number
  readonly clock: Clock
  readonly logger: HostLogger
}

const RETAIN_MS = 3_600_000

/** Starts nothing: the child comes with the first load or query. */
export function openEmbeddedWarehouse(parts: EmbeddedWarehouseParts): EmbeddedWarehouse {
  const { dataDir, threads, memoryBytesMax, logger } = parts
  const folder = join(dataDir, 'warehouse')
  const host = new Host({ folder, threads, memoryBytesMax }, logger)
  const cancel = retainOnSchedule(parts, host, join(folder, `${CATALOG}.duckdb`))
  return {
    engine: new DuckDbEngine(host),
    host,
    send: (request) => loadReply(host, request),
    forget: async (identifiers, isDry) => {
      const file = join(folder, `${CATALOG}.duckdb`)
      if (!existsSync(file)) return { theirs: 0, mentions: 0 }
      const forgotten = (await host.ask({ op: 'forget', identifiers, isDry })) as ForgottenRows
      if (!isDry)
        await host.whileClosed(async () => {
          await rm(join(folder, 'temp'), { recursive: true, force: true })
          await compactFile({ file, threads, memoryBytesMax, like: 'warehouse' })
        })
      return forgotten
    },
    close: () => {
      cancel()
      return host.close()
    },
  }
}

/** Removes old rows at the start and every hour, if there is a file at all. */
function retainOnSchedule(
  { clock, logger, retentionAgeMs }: EmbeddedWarehouseParts,
  host: Host,
  file: string,
): () => void {
  if (retentionAgeMs === 0) return () => undefined
  let cancel = (): void => undefined
  const again = (waitMs: number): void => {
    cancel = clock.after(waitMs, () => {
      again(RETAIN_MS)
      if (!existsSync(file)) return
      host.ask({ op: 'retain', beforeMs: clock.now() - retentionAgeMs }).then(
        (rows) => logger.info({ rows }, 'old rows of the warehouse were removed'),
        (error: unknown) => logger.error({ err: error }, 'old rows of the warehouse could not be removed'),
      )
    })
  }
  again(0)
  return () => cancel()
}
