/** What kind of content a file has: by what it begins with, and by the end of its name where that does not tell. */

import { AVRO_MAGIC } from './avro-reader.ts'
import { damaged } from './damage.ts'

export const FORMATS = ['auto', 'avro', 'ndjson', 'json', 'csv'] as const
export type Format = (typeof FORMATS)[number]
export type Compression = 'none' | 'gzip' | 'zstd'

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
/** As much of the beginning as telling needs. */
export const HEAD_BYTES = 64 * 1024

export function compressionOf(head: Buffer): Compression {
  if (head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) return 'gzip'
  return head.subarray(0, ZSTD_MAGIC.length).equals(ZSTD_MAGIC) ? 'zstd' : 'none'
}

/** Of the decompressed content of a file of events. Throws FILES_DAMAGED when nothing tells. */
export function formatOf(name: string, head: Buffer): Exclude<Format, 'auto' | 'csv'> {
  if (head.subarray(0, AVRO_MAGIC.length).equals(AVRO_MAGIC)) return 'avro'
  if (/\.(ndjson|jsonl)(\.(gz|gzip|zst|zstd))?$/i.test(name)) return 'ndjson'
  const text = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart()
  if (text.startsWith('[')) return 'json'
  if (text.startsWith('{'))
    return isJson(text.split('\n', 1)[0] ?? '') && text.includes('\n') ? 'ndjson' : 'json'
  throw damaged('the file is neither Avro nor JSON')
}

/** `…/event_type=<type>/…`, as Braze lays its files out. */
export function typeInPath(name: string): string | undefined {
  return /(?:^|\/)event_type=([^/]{1,200})\//.exec(name)?.[1]
}

/** A first line that is whole: then there are lines. Of a document that is all on one line either reading gives the same. */
function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
