/** How the blocks of an Avro file are compressed. */

import { crc32, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { damaged } from './damage.ts'
import { unsnappy } from './snappy.ts'

/** Of a block after decompression. */
export const BLOCK_BYTES_MAX = 128 * 1024 * 1024

/** Gives the records of a block; throws FILES_DAMAGED. */
export type Codec = (block: Buffer) => Buffer

const CHECKSUM_BYTES = 4

export const CODECS: Readonly<Record<string, Codec>> = {
  null: (block) => block,
  deflate: (block) => attempt(() => inflateRawSync(block, { maxOutputLength: BLOCK_BYTES_MAX })),
  zstandard: (block) => attempt(() => zstdDecompressSync(block, { maxOutputLength: BLOCK_BYTES_MAX })),
  snappy: (block) => {
    if (block.length < CHECKSUM_BYTES) throw damaged('a snappy block has no checksum')
    const end = block.length - CHECKSUM_BYTES
    const bytes = unsnappy(block.subarray(0, end), BLOCK_BYTES_MAX)
    if (crc32(bytes) !== block.readUInt32BE(end)) throw damaged('the checksum of a snappy block is wrong')
    return bytes
  },
}

function attempt(decompress: () => Buffer): Buffer {
  try {
    return decompress()
  } catch (cause) {
    throw damaged(`a block cannot be decompressed: ${cause instanceof Error ? cause.message : cause}`, cause)
  }
}
