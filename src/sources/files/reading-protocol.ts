/** What an import's thread and the main thread say to each other. */

import type { S3Credentials } from '../../files/credentials.ts'
import type { Location } from '../../files/location.ts'
import type { Chunk } from './chunks.ts'
import type { FileJob } from './file-reader.ts'

export interface ReadingData {
  readonly location: Location
  readonly credentials: S3Credentials | undefined
  /** Keys the identity of ids, as everywhere in this hub. */
  readonly identityKey: Uint8Array
  readonly chunkItemsMax: number
  /** Where only changed rows are wanted: the file that remembers them, and the columns that tell them apart. */
  readonly snapshot?: { readonly path: string; readonly columns: readonly string[] }
}

export type ToThread =
  | { readonly say: 'read'; readonly job: FileJob }
  /** A chunk was taken; its buffer comes back. */
  | { readonly say: 'taken'; readonly buffer: ArrayBuffer }
  /** The rows of the file read last are in the log: remember them. */
  | { readonly say: 'remember' }

export type FromThread =
  | { readonly say: 'chunk'; readonly chunk: Chunk }
  /** The file was read to its end; with `damage`, what kept it from being read in full. */
  | { readonly say: 'end'; readonly damage?: string }
  | { readonly say: 'remembered' }
  /** The place failed, or we did. */
  | { readonly say: 'failed'; readonly code: string; readonly message: string }

/** Chunks that are read ahead of the log: the memory of a thread is bounded by them. */
export const CHUNKS_AHEAD = 4
