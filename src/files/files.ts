/**
 * Places where files lie: a folder of this machine, or a prefix in a bucket of S3 or a compatible store. This
 * room lists, reads, writes and deletes whole files and says the same of both: names are relative to the
 * place, parts joined by `/`. It never follows a name or a link out of its place, never looks into a file, and
 * keeps no state between calls but its connections.
 */

import type { Readable } from 'node:stream'
import { openBucket } from './bucket.ts'
import type { S3Credentials } from './credentials.ts'
import { openFolder } from './folder.ts'
import type { Location } from './location.ts'
import type { Pieces } from './pieces.ts'

export interface FileEntry {
  readonly name: string
  readonly size: number
  /**
   * Changes when the content does: the ETag of S3; the time of the last change (in nanoseconds) and the size in
   * a folder, where a change of content that keeps both goes unseen.
   */
  readonly version: string
  /** Milliseconds since the epoch, by the place's clock. */
  readonly modifiedAt: number
}

export interface ReadOptions {
  /** First byte to read; default 0. At or past the end: an empty stream. */
  readonly from?: number
  /** What a listing said; another version throws FILES_CHANGED. */
  readonly version?: string
  readonly signal?: AbortSignal
}

export interface ListOptions {
  /** Names after this one only. */
  readonly after?: string
  /** Names in a page at most, from 1 to PAGE_NAMES_MAX, which is the default. */
  readonly pageNames?: number
  readonly signal?: AbortSignal
}

/** Names in a page at most: what S3 gives at once. */
export const PAGE_NAMES_MAX = 1000

/** The whole content of a file, or its parts in order. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>

/**
 * Every method throws FILES_NAME when a name would leave the place, FILES_REFUSED when the place does not let
 * us, and FILES_UNAVAILABLE when it does not answer; trying again later helps only with the last.
 */
export interface Place {
  /** For people: `/data/currents` or `s3://bucket/prefix`. Holds no secret. */
  readonly address: string
  /**
   * The files whose name begins with `prefix`, in the order of the bytes of their names, in pages. Symbolic links and unfinished writes are left out. A place that is not there has no files
   * if it is a bucket's prefix, and throws FILES_MISSING if it is a folder or a bucket.
   */
  list(prefix: string, options?: ListOptions): AsyncGenerator<readonly FileEntry[], void, undefined>
  /** One file; undefined when there is none of this name. */
  find(name: string): Promise<FileEntry | undefined>
  /**
   * The bytes from a position on. Throws FILES_MISSING and FILES_CHANGED before the first byte. A stream that
   * breaks later ends with an error: open it again from where it broke.
   */
  read(name: string, options?: ReadOptions): Promise<Readable>
  /** As `read`, without new memory for each piece where the place has a say in that: each is valid until the next is asked for. */
  pieces(name: string, options?: Omit<ReadOptions, 'signal'>): Promise<Pieces>
  /**
   * Writes a whole file, over an older one if there is one. Readers see the old or the new content, never a
   * part; when the promise resolves, the file lasts. When `content` throws, the file is left as it was.
   */
  write(name: string, content: Content): Promise<FileEntry>
  /** Nothing happens when there is no file of this name. */
  delete(name: string): Promise<void>
  close(): void
}

/** Opens a place; nothing is asked of it yet. A bucket without credentials is read as anybody may. */
export function openPlace(location: Location, credentials?: S3Credentials): Place {
  return location.kind === 'folder' ? openFolder(location.path) : openBucket(location, credentials)
}
