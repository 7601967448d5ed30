/** A bucket as a place, whose client is read when the bucket is first asked: the vendor's library is large, and most hubs have no bucket. */

import type { Readable } from 'node:stream'
import type { S3Credentials } from './credentials.ts'
import type { Content, FileEntry, ListOptions, Place, ReadOptions } from './files.ts'
import { type BucketLocation, bucketAddress } from './location.ts'
import type { Pieces } from './pieces.ts'

export function openBucket(location: BucketLocation, credentials: S3Credentials | undefined): Place {
  return new Bucket(location, credentials)
}

class Bucket implements Place {
  readonly address: string
  readonly #open: () => Promise<Place>
  #opened: Promise<Place> | undefined

  constructor(location: BucketLocation, credentials: S3Credentials | undefined) {
    this.address = bucketAddress(location)
    this.#open = async () => new (await import('./s3.ts')).S3Bucket(location, credentials)
  }

  async *list(prefix: string, options?: ListOptions): AsyncGenerator<readonly FileEntry[], void, undefined> {
    yield* (await this.#place()).list(prefix, options)
  }

  async find(name: string): Promise<FileEntry | undefined> {
    return (await this.#place()).find(name)
  }

  async read(name: string, options?: ReadOptions): Promise<Readable> {
    return (await this.#place()).read(name, options)
  }

  async pieces(name: string, options?: ReadOptions): Promise<Pieces> {
    return (await this.#place()).pieces(name, options)
  }

  async write(name: string, content: Content): Promise<FileEntry> {
    return (await this.#place()).write(name, content)
  }

  async delete(name: string): Promise<void> {
    return (await this.#place()).delete(name)
  }

  close(): void {
    this.#opened?.then((place) => place.close()).catch(() => undefined)
  }

  #place(): Promise<Place> {
    this.#opened ??= this.#open()
    return this.#opened
  }
}
