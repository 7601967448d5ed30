/**
 * One process per directory. The lock is SQLite's exclusive lock on an empty database file, because Node has no file locks of its own:
 * it is a lock of the kernel, so it goes with the process however that ends, needs no guess about process ids (which containers
 * and reboots reuse), and holds between containers that share a volume on one machine. Blocking calls: only on open and close.
 */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ThalwegError } from '../core/errors.ts'

const SQLITE_BUSY = 5

export interface DirectoryLock {
  release(): void
}

/** Throws LOG_LOCKED when another process, or another opening in this one, has the directory. */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, 'lock')
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw error
    throw new ThalwegError(
      'LOG_LOCKED',
      `another process has ${directory} open; stop it or choose another directory`,
      {
        cause: error,
      },
    )
  }
  return { release: () => database.close() }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
