/**
 * The thread that an import reads and decodes in, so that doors keep answering meanwhile. It reads one file at a
 * time and is a few chunks ahead of the log at most.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { ThalwegError } from '../../core/errors.ts'
import { createKernel } from '../../core/kernel/create.ts'
import { openPlace } from '../../files/files.ts'
import { CHUNK_ITEMS_MAX, type Chunk, Chunks } from './chunks.ts'
import { type FileJob, readFile, streamFailure } from './file-reader.ts'
import { CHUNKS_AHEAD, type FromThread, type ReadingData, type ToThread } from './reading-protocol.ts'
import { RowSnapshot } from './row-snapshot.ts'
import { TEXT_PIECE_BYTES_MAX } from './text-reader.ts'

if (parentPort === null) throw new TypeError('this file runs as a thread')
const port = parentPort
const { location, credentials, identityKey, chunkItemsMax, snapshot: remembers } = workerData as ReadingData
const place = openPlace(location, credentials)
const kernel = createKernel({
  bodyBytesMax: 4 * TEXT_PIECE_BYTES_MAX,
  itemsMax: Math.max(CHUNK_ITEMS_MAX, TEXT_PIECE_BYTES_MAX / 8),
  key: identityKey,
})
const snapshot = remembers === undefined ? undefined : new RowSnapshot(remembers.path, remembers.columns)
const free: ArrayBuffer[] = []
let ahead = 0
let typesSent = 0
let onTaken: () => void = () => undefined

port.on('message', (message: ToThread) => {
  if (message.say === 'read') void read(message.job)
  else if (message.say === 'remember') {
    snapshot?.commit()
    say({ say: 'remembered' })
  } else {
    ahead--
    free.push(message.buffer)
    onTaken()
  }
})

async function send(chunk: Chunk): Promise<ArrayBuffer | undefined> {
  ahead++
  say({ say: 'chunk', chunk }, [chunk.bytes, chunk.items.buffer, chunk.hours.buffer])
  while (ahead >= CHUNKS_AHEAD) {
    await new Promise<void>((resolve) => {
      onTaken = resolve
    })
  }
  return free.pop()
}

async function read(job: FileJob): Promise<void> {
  const chunks = new Chunks({
    kernel,
    file: job.name,
    from: job.from,
    typesSent,
    itemsMax: chunkItemsMax,
    send,
  })
  try {
    const damage = await readOrDamage(job, chunks)
    say(damage === undefined ? { say: 'end' } : { say: 'end', damage })
  } catch (error) {
    const { message } = error as Error
    const code = error instanceof ThalwegError ? error.code : 'DEFECT'
    say({ say: 'failed', code, message })
  } finally {
    typesSent = chunks.typesSent
  }
}

/** A file that cannot be read on is noted where that showed. */
async function readOrDamage(job: FileJob, chunks: Chunks): Promise<string | undefined> {
  try {
    await readFile(place, job, chunks, snapshot)
    return undefined
  } catch (thrown) {
    const error = streamFailure(thrown)
    if (!(error instanceof ThalwegError && error.code === 'FILES_DAMAGED')) throw error
    const { message } = error
    const { last } = chunks
    if (chunks.full) await chunks.flush(last)
    chunks.note({ ...last, fault: 'unreadable_block', message, bytes: Buffer.alloc(0) })
    await chunks.flush(last)
    return message
  }
}

function say(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}
