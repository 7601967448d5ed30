/**
 * Zip archives read in place: the list of entries stands at the end of the file, so an entry is read from its own position
 * and nothing is guessed from the bytes between. Every entry is compared with its checksum. Entries are plain or
 * deflated; zip64 is known, encryption is not.
 */

import { pipeline, Readable } from 'node:stream'
import { crc32, createInflateRaw } from 'node:zlib'
import type { Place } from '../../files/files.ts'
import { damaged } from './damage.ts'

export interface ZipEntry {
  readonly name: string
  /** As it lies in the archive, and whole. */
  readonly packedBytes: number
  readonly bytes: number
  readonly crc: number
  readonly isDeflated: boolean
  /** Where its own header begins. */
  readonly at: number
}

/** One version of one file. */
export interface ArchiveFile {
  readonly place: Place
  readonly name: string
  readonly version: string
}

const END_MARK = 0x06054b50
const END64_MARK = 0x06064b50
const LOCATOR64_MARK = 0x07064b50
const DIRECTORY_MARK = 0x02014b50
const HEADER_MARK = 0x04034b50
const END_BYTES = 22
const END64_BYTES = 56
const LOCATOR64_BYTES = 20
const DIRECTORY_ENTRY_BYTES = 46
const HEADER_BYTES = 30
const COMMENT_BYTES_MAX = 0xffff
const DIRECTORY_BYTES_MAX = 64 * 1024 * 1024
const ENCRYPTED = 1
const UTF8_NAME = 0x800
const IN_ZIP64 = 0xffffffff
/** What macOS leaves beside the files, and folders. */
const LEFT_OUT = /(^__MACOSX\/|(^|\/)[._][^/]*$|\/$)/

export const ZIP_MAGIC = Buffer.from([0x50, 0x4b, 0x03, 0x04])
/** An archive without entries. */
export const EMPTY_ZIP_MAGIC = Buffer.from([0x50, 0x4b, 0x05, 0x06])

/** The entries that hold something, in the order of their places. Throws FILES_DAMAGED, and what the place throws. */
export async function zipEntries(file: ArchiveFile, size: number): Promise<ZipEntry[]> {
  const { start, bytes } = await directoryOf(file, size)
  if (bytes > DIRECTORY_BYTES_MAX) throw damaged(`the zip has a list of ${bytes} bytes`)
  const directory = await part(file, start, bytes)
  const entries: ZipEntry[] = []
  for (let at = 0; at + DIRECTORY_ENTRY_BYTES <= directory.length; ) {
    if (directory.readUInt32LE(at) !== DIRECTORY_MARK) throw damaged('the list of the zip is broken')
    const nameEnd = at + DIRECTORY_ENTRY_BYTES + directory.readUInt16LE(at + 28)
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30)
    const entry = entryOf(directory.subarray(at, nameEnd), directory.subarray(nameEnd, extraEnd))
    if (entry !== undefined && !LEFT_OUT.test(entry.name)) entries.push(entry)
    at = extraEnd + directory.readUInt16LE(at + 32)
  }
  return entries.sort((a, b) => a.at - b.at)
}

/** The content of an entry. Throws FILES_DAMAGED where it is not what the list says, and what the place throws. */
export async function* zipContent(file: ArchiveFile, entry: ZipEntry): AsyncGenerator<Buffer> {
  const { name, bytes, crc } = entry
  const header = await part(file, entry.at, HEADER_BYTES)
  if (header.readUInt32LE(0) !== HEADER_MARK) throw damaged(`${name} does not begin where the zip says`)
  const start = entry.at + HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28)
  const packed = Readable.from(stretch(file, start, entry.packedBytes), { objectMode: false })
  // Failures of either end come out of the inflater.
  const content: Readable = entry.isDeflated ? pipeline(packed, createInflateRaw(), () => undefined) : packed
  let read = 0
  let sum = 0
  try {
    for await (const piece of content as AsyncIterable<Buffer>) {
      read += piece.length
      sum = crc32(piece, sum)
      if (read > bytes) break
      yield piece
    }
  } finally {
    content.destroy()
    packed.destroy()
  }
  if (read !== bytes || sum !== crc) throw damaged(`${name} is not what the zip says of it`)
}

async function directoryOf(file: ArchiveFile, size: number): Promise<{ start: number; bytes: number }> {
  const tailStart = Math.max(0, size - END_BYTES - COMMENT_BYTES_MAX)
  const tail = await part(file, tailStart, size - tailStart)
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END_MARK || at + END_BYTES + tail.readUInt16LE(at + 20) !== tail.length)
      continue
    const found = { start: tail.readUInt32LE(at + 16), bytes: tail.readUInt32LE(at + 12) }
    const isLarge =
      found.start === IN_ZIP64 || found.bytes === IN_ZIP64 || tail.readUInt16LE(at + 10) === 0xffff
    return isLarge ? directory64(file, tail, at, found) : found
  }
  throw damaged('the zip has no end')
}

async function directory64(
  file: ArchiveFile,
  tail: Buffer,
  end: number,
  found: { start: number; bytes: number },
): Promise<{ start: number; bytes: number }> {
  const locator = end - LOCATOR64_BYTES
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR64_MARK) return found
  const record = await part(file, long(tail, locator + 8), END64_BYTES)
  if (record.readUInt32LE(0) !== END64_MARK) throw damaged('the zip64 end of the zip is broken')
  return { start: long(record, 48), bytes: long(record, 40) }
}

/** Undefined when it is empty. */
function entryOf(row: Buffer, extra: Buffer): ZipEntry | undefined {
  const flags = row.readUInt16LE(8)
  const method = row.readUInt16LE(10)
  const name = row.toString((flags & UTF8_NAME) === 0 ? 'latin1' : 'utf8', DIRECTORY_ENTRY_BYTES)
  const [bytes, packedBytes, at] = largeSizes(
    [row.readUInt32LE(24), row.readUInt32LE(20), row.readUInt32LE(42)],
    extra,
  )
  if (bytes === 0) return undefined
  if ((flags & ENCRYPTED) !== 0) throw damaged(`${name} is encrypted`)
  if (method !== 0 && method !== 8)
    throw damaged(`${name} is compressed in a way that is not read (${method})`)
  return { name, bytes, packedBytes, at, crc: row.readUInt32LE(16), isDeflated: method === 8 }
}

/** Sizes and place that do not fit their 32 bits stand in the zip64 part of the extra field, in this order. */
function largeSizes(sizes: [number, number, number], extra: Buffer): [number, number, number] {
  if (!sizes.includes(IN_ZIP64)) return sizes
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    let next = at + 4
    return sizes.map((size) => {
      if (size !== IN_ZIP64) return size
      next += 8
      return long(extra, next - 8)
    }) as [number, number, number]
  }
  return sizes
}

function long(bytes: Buffer, at: number): number {
  if (at + 8 > bytes.length) throw damaged('the list of the zip is broken')
  return Number(bytes.readBigUInt64LE(at))
}

async function part(file: ArchiveFile, from: number, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stretch(file, from, bytes)) pieces.push(piece)
  const whole = Buffer.concat(pieces)
  if (whole.length < bytes) throw damaged('the zip is shorter than it says')
  return whole
}

/** Copies: what a place gives is valid until the next is asked for. */
async function* stretch(
  { place, name, version }: ArchiveFile,
  from: number,
  bytes: number,
): AsyncGenerator<Buffer> {
  const pieces = await place.pieces(name, { version, from })
  let left = bytes
  try {
    for await (const piece of pieces) {
      const kept = Buffer.from(piece.subarray(0, left))
      left -= kept.length
      if (kept.length > 0) yield kept
      if (left === 0) return
    }
  } finally {
    pieces.destroy()
  }
}
