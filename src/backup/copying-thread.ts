/** The thread that a backup copies and checks in, so that doors and delivery go on meanwhile. One job after another. */

import { type FileHandle, open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { parentPort } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { SegmentIdentities } from '../log/identity-index.ts'
import type { Gap } from '../log/log.ts'
import { scan } from '../log/recovery.ts'
import { Segment } from '../log/segment.ts'
import type { CopyingAnswer, CopyingJob, Summed, WalkedSegment } from './copying-protocol.ts'

if (parentPort === null) throw new TypeError('this file runs as a thread')
const port = parentPort
const PIECE_BYTES = 1_048_576
const BUSY_MS_MAX = 10_000
const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
let last: Promise<void> = Promise.resolve()

port.on('message', ({ id, job }: { id: number; job: CopyingJob }) => {
  last = last.then(() => answer(id, job))
})

async function answer(id: number, job: CopyingJob): Promise<void> {
  let told: CopyingAnswer
  try {
    told = { id, result: await done(job) }
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    told = { id, error: { message, code } }
  }
  port.postMessage(told)
}

function done(job: CopyingJob): Promise<unknown> {
  switch (job.do) {
    case 'copy':
      return copied(job)
    case 'snapshot':
      return snapshot(job.from, job.to)
    case 'sum':
      return summed(job.path)
    case 'check-database':
      return checked(job.path)
    case 'check-segment':
      return walked(job)
  }
}

async function copied({ from, to, bytes, length }: Extract<CopyingJob, { do: 'copy' }>): Promise<Summed> {
  const source = await open(from, 'r')
  try {
    const target = await open(to, 'wx', 0o600)
    try {
      await eachPiece(source, bytes ?? Number.POSITIVE_INFINITY, async (read) => {
        await target.appendFile(read)
      })
      if (length !== undefined) await target.truncate(length)
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  return summed(to)
}

/** One reading transaction over the whole file: whatever is written meanwhile is not in it. */
async function snapshot(from: string, to: string): Promise<Summed> {
  const database = new DatabaseSync(from, { readOnly: true, timeout: BUSY_MS_MAX })
  try {
    database.prepare('vacuum into ?').run(to)
  } finally {
    database.close()
  }
  const file = await open(to, 'r+')
  try {
    await file.chmod(0o600)
    await file.sync()
  } finally {
    await file.close()
  }
  return summed(to)
}

async function checked(path: string): Promise<null> {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const rows = database.prepare('pragma quick_check(1)').all() as { quick_check: string }[]
    const [first] = rows
    if (first?.quick_check !== 'ok') throw new Error(`${path} is damaged: ${first?.quick_check}`)
  } finally {
    database.close()
  }
  return null
}

async function walked({
  path,
  epoch,
  base,
  bytes,
}: Extract<CopyingJob, { do: 'check-segment' }>): Promise<WalkedSegment> {
  const segment = new Segment({ epoch, path, bytes, base })
  const gaps: Gap[] = []
  await scan(segment, bytes, gaps, new SegmentIdentities())
  return { end: segment.end, gaps }
}

async function summed(path: string): Promise<Summed> {
  const file = await open(path, 'r')
  try {
    let sum = 0
    const bytes = await eachPiece(file, Number.POSITIVE_INFINITY, async (read) => {
      sum = crc32(read, sum)
    })
    return { bytes, crc32: sum }
  } finally {
    await file.close()
  }
}

/** Gives how many bytes there were, at most `bytesMax`. */
async function eachPiece(
  file: FileHandle,
  bytesMax: number,
  take: (read: Buffer) => Promise<void>,
): Promise<number> {
  let at = 0
  while (at < bytesMax) {
    const { bytesRead } = await file.read(piece, 0, Math.min(PIECE_BYTES, bytesMax - at), at)
    if (bytesRead === 0) break
    await take(piece.subarray(0, bytesRead))
    at += bytesRead
  }
  return at
}
