/**
 * Rewrites a DuckDB file so that it holds what is in its tables and nothing else: the engine does not wipe blocks that it no longer uses. In a
 * process of its own, while nobody else has the file. The new file takes the old one's name when it is whole and synced, and only when neither
 * has a write-ahead log, so that a crash leaves one or the other.
 */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ThalwegError } from '../../core/errors.ts'

export interface CompactionJob {
  /** Of a database file that exists. */
  readonly file: string
  readonly memoryBytesMax: number
  readonly threads: number
  /** In what form the new file is made. */
  readonly like: 'warehouse' | 'plain'
}

const PROGRAM = fileURLToPath(new URL('./compaction-process.ts', import.meta.url))
const WORDS_CHARS_MAX = 4_000

/** Throws ENGINE_UNREACHABLE with the engine's words when it could not be done; the file is as it was then. */
export function compactFile(job: CompactionJob): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(PROGRAM, [JSON.stringify(job)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { UV_THREADPOOL_SIZE: '4' },
    })
    let words = ''
    child.stderr?.on('data', (piece: Buffer) => {
      words = (words + piece.toString()).slice(-WORDS_CHARS_MAX)
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else
        reject(
          new ThalwegError(
            'ENGINE_UNREACHABLE',
            `${job.file} could not be rewritten: ${words.trim() || (signal ?? code)}`,
          ),
        )
    })
  })
}
