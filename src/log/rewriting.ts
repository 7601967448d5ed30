/**
 * Replaces frames of a log where they lie, whole or not at all. What is to be written is first written to a journal of its own and synced; then
 * it is written over the frames, synced, and the journal removed. A crash leaves no journal, or half of one (nothing was touched), or a
 * whole one, which the next start writes over the frames again: before anybody reads them. So nobody ever meets a frame that is half old.
 *
 * Journal, little endian: u32 magic, u32 crc32 of all that follows · per frame u32 epoch, u32 position, u32 frameBytes, u32 0, then the frame.
 */

import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from '../files/durable.ts'
import { unlinkIfThere } from './files.ts'
import { segmentPath } from './segment.ts'

const JOURNAL = 'rewriting.journal'
const MAGIC = 0x4a575448 // "HTWJ"
const HEAD_BYTES = 8
const ENTRY_HEAD_BYTES = 16
const ZEROS = Buffer.alloc(1024 * 1024)

/** A frame as it shall be, as long as it was, stamped. */
export interface Replacement {
  readonly epoch: number
  readonly position: number
  readonly frame: Buffer
}

/** Makes it certain that these frames will be replaced, whatever happens. */
export async function writeJournal(directory: string, replacements: readonly Replacement[]): Promise<void> {
  const path = join(directory, JOURNAL)
  const pieces = replacements.flatMap(({ epoch, position, frame }) => {
    const head = Buffer.alloc(ENTRY_HEAD_BYTES)
    head.writeUInt32LE(epoch, 0)
    head.writeUInt32LE(position, 4)
    head.writeUInt32LE(frame.length, 8)
    return [head, frame]
  })
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(
    pieces.reduce((sum, piece) => crc32(piece, sum), 0),
    4,
  )
  const file = await open(`${path}.tmp`, 'w', 0o600)
  try {
    await file.writeFile(Buffer.concat([head, ...pieces]))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
  await syncDirectory(directory)
}

export async function dropJournal(directory: string): Promise<void> {
  await unlinkIfThere(join(directory, JOURNAL))
  await syncDirectory(directory)
}

/** Ends a replacement that a crash cut short. Before the segments are looked at. */
export async function finishRewriting(directory: string): Promise<void> {
  const bytes = await readIfThere(join(directory, JOURNAL))
  if (bytes === undefined) return
  const replacements = decode(bytes)
  for (const epoch of new Set(replacements.map((one) => one.epoch))) {
    await overwrite(
      segmentPath(directory, epoch, 'segment'),
      replacements.filter((one) => one.epoch === epoch),
    )
  }
  await dropJournal(directory)
}

/** Writes the frames over those of one segment file, and syncs. */
export async function overwrite(path: string, replacements: readonly Replacement[]): Promise<void> {
  const file = await open(path, 'r+')
  try {
    for (const { frame, position } of replacements) await writeFully(file, frame, position)
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** Zeros in [from, to) of a file, where nothing is that anybody reads; whether there was anything else. */
export async function zeroStretch(path: string, from: number, to: number): Promise<boolean> {
  const file = await open(path, 'r+')
  try {
    let any = false
    for (let at = from; at < to; at += ZEROS.length) {
      const zeros = ZEROS.subarray(0, Math.min(ZEROS.length, to - at))
      if (await isZero(file, at, zeros.length)) continue
      await writeFully(file, zeros, at)
      any = true
    }
    if (any) await file.datasync()
    return any
  } finally {
    await file.close()
  }
}

/** Whether [from, to) of a file holds zeros only. */
export async function holdsOnlyZeros(path: string, from: number, to: number): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    for (let at = from; at < to; at += ZEROS.length)
      if (!(await isZero(file, at, Math.min(ZEROS.length, to - at)))) return false
    return true
  } finally {
    await file.close()
  }
}

async function isZero(file: FileHandle, at: number, length: number): Promise<boolean> {
  const chunk = Buffer.alloc(length)
  const { bytesRead } = await file.read(chunk, 0, length, at)
  return chunk.subarray(0, bytesRead).equals(ZEROS.subarray(0, bytesRead))
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    if (bytesWritten === 0) throw new Error('the disk took no bytes')
    done += bytesWritten
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** None of a journal that does not check out: it has its name only after it was synced, so the frames are still as they were. */
function decode(bytes: Buffer): Replacement[] {
  if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(0) !== MAGIC) return []
  if (crc32(bytes.subarray(HEAD_BYTES)) !== bytes.readUInt32LE(4)) return []
  const replacements: Replacement[] = []
  for (let at = HEAD_BYTES; at < bytes.length; ) {
    const start = at + ENTRY_HEAD_BYTES
    const end = start + bytes.readUInt32LE(at + 8)
    replacements.push({
      epoch: bytes.readUInt32LE(at),
      position: bytes.readUInt32LE(at + 4),
      frame: bytes.subarray(start, end),
    })
    at = end
  }
  return replacements
}
