/** The thread that makes checkpoints of a SQLite file's WAL: passive ones, for which no reader and no writer waits. */

import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

export type CheckpointJob = 'checkpoint' | 'close'

/** What is committed meanwhile keeps the WAL from beginning anew: the rest is little, and is brought over at once. */
const TRIES_MAX = 4

if (parentPort === null) throw new TypeError('this file runs as a thread')
const port = parentPort
const file = new DatabaseSync(workerData as string, { timeout: 0 })
file.exec('pragma synchronous = full')
const checkpoint = file.prepare('pragma wal_checkpoint(passive)')

port.on('message', (job: CheckpointJob) => {
  if (job === 'checkpoint') {
    for (let tries = 0; tries < TRIES_MAX && !isComplete(checkpoint.get()); tries++);
    return
  }
  file.close()
  port.close()
})

/** `log`: frames in the WAL; `checkpointed`: those of them that are in the file. Both -1 where there is no WAL. */
function isComplete(row: unknown): boolean {
  const { log, checkpointed } = row as { log: number; checkpointed: number }
  return log === checkpointed
}
