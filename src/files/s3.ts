/**
 * A prefix in a bucket of S3 or a compatible store as a place, by the vendor's client. Checksums beyond those
 * that an operation requires are off: compatible stores do not know them all.
 */

import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { ThalwegError } from '../core/errors.ts'
import type { S3Credentials } from './credentials.ts'
import { changed, missing } from './errors.ts'
import {
  type Content,
  type FileEntry,
  type ListOptions,
  PAGE_NAMES_MAX,
  type Place,
  type ReadOptions,
} from './files.ts'
import { type BucketLocation, bucketAddress } from './location.ts'
import { checkName, checkPrefix } from './names.ts'
import type { Pieces } from './pieces.ts'

/** At most 10,000 parts make an object, so 80 GB is the largest that can be written. */
const PART_BYTES = 8 * 1024 * 1024
const PARTS_AT_ONCE = 2
const ATTEMPTS_MAX = 3
const CONNECT_TIMEOUT_MS = 5_000
/** Without a byte from the other side. */
const IDLE_TIMEOUT_MS = 30_000
const CONNECTIONS_MAX = 16

export class S3Bucket implements Place {
  readonly address: string
  readonly #client: S3Client
  readonly #bucket: string
  /** Empty, or ends in a slash. */
  readonly #root: string

  constructor(location: BucketLocation, given: S3Credentials | undefined) {
    const { bucket, prefix, endpoint, region, pathStyle } = location
    this.#bucket = bucket
    this.#root = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
    this.address = bucketAddress(location)
    this.#client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...identityOf(given),
      maxAttempts: ATTEMPTS_MAX,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: IDLE_TIMEOUT_MS,
        httpAgent: { maxSockets: CONNECTIONS_MAX },
        httpsAgent: { maxSockets: CONNECTIONS_MAX },
      },
    })
  }

  /**
   * Pages follow each other by name, not by the store's token: so a listing can go on at any time, by the same
   * means. (Directory buckets of S3 Express do not keep that order, and are refused here.)
   */
  async *list(
    prefix: string,
    { after = '', pageNames = PAGE_NAMES_MAX, signal }: ListOptions = {},
  ): AsyncGenerator<readonly FileEntry[], void, undefined> {
    checkPrefix(prefix)
    let last = after === '' ? undefined : this.#root + after
    for (;;) {
      const { Contents: found = [], IsTruncated: more } = await this.#page(prefix, last, pageNames, signal)
      if (last !== undefined && found.some(({ Key = '' }) => Key === last)) throw this.#unordered()
      // A key that ends in a slash stands for a folder in the vendor's console.
      const page = found.filter(({ Key = '' }) => !Key.endsWith('/'))
      if (page.length > 0)
        yield page.map((it) => this.#entry(it.Key ?? '', it.Size, it.ETag, it.LastModified))
      last = found.at(-1)?.Key
      if (more !== true || last === undefined) return
    }
  }

  #page(prefix: string, after: string | undefined, names: number, signal: AbortSignal | undefined) {
    const request = new ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: this.#root + prefix,
      MaxKeys: names,
      ...optional('StartAfter', after),
    })
    return this.#asked('', () => this.#client.send(request, optional('abortSignal', signal)))
  }

  #unordered(): ThalwegError {
    return new ThalwegError(
      'FILES_REFUSED',
      `${this.address} does not list its files in the order of their names, so it cannot be used`,
    )
  }

  async find(name: string): Promise<FileEntry | undefined> {
    checkName(name)
    const request = new HeadObjectCommand({ Bucket: this.#bucket, Key: this.#root + name })
    try {
      const { ContentLength, ETag, LastModified } = await this.#asked(name, () => this.#client.send(request))
      return this.#entry(this.#root + name, ContentLength, ETag, LastModified)
    } catch (error) {
      if (error instanceof ThalwegError && error.code === 'FILES_MISSING') return undefined
      throw error
    }
  }

  pieces(name: string, options?: ReadOptions): Promise<Pieces> {
    return this.read(name, options)
  }

  async read(name: string, { from = 0, version, signal }: ReadOptions = {}): Promise<Readable> {
    checkName(name)
    const request = new GetObjectCommand({
      Bucket: this.#bucket,
      Key: this.#root + name,
      ...(from === 0 ? {} : { Range: `bytes=${from}-` }),
      ...(version === undefined ? {} : { IfMatch: `"${version}"` }),
    })
    const answer = await this.#askedBody(name, () =>
      this.#client.send(request, optional('abortSignal', signal)),
    )
    if (answer === undefined) return Readable.from([])
    const { Body, ETag } = answer
    if (!(Body instanceof Readable)) throw this.#failure(name, new Error('The answer has no body'))
    if (version !== undefined && bare(ETag) !== version) {
      // A store that does not know If-Match.
      Body.destroy()
      throw changed(this.address, name)
    }
    return Body
  }

  async write(name: string, content: Content): Promise<FileEntry> {
    checkName(name)
    const source = new Source(content)
    const upload = new Upload({
      client: this.#client,
      params: { Bucket: this.#bucket, Key: this.#root + name, Body: source.body },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
    })
    try {
      await this.#asked(name, () => upload.done())
    } catch (error) {
      throw source.failure ?? error
    }
    const entry = await this.find(name)
    if (entry === undefined) throw missing(this.address, name)
    return entry
  }

  async delete(name: string): Promise<void> {
    checkName(name)
    const request = new DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#root + name })
    await this.#asked(name, () => this.#client.send(request))
  }

  close(): void {
    this.#client.destroy()
  }

  #entry(key: string, size: number | undefined, etag: string | undefined, at: Date | undefined): FileEntry {
    return {
      name: key.slice(this.#root.length),
      size: size ?? 0,
      version: bare(etag),
      modifiedAt: at?.getTime() ?? 0,
    }
  }

  /** As #asked; undefined when the range begins behind the end. */
  async #askedBody(
    name: string,
    ask: () => Promise<GetObjectCommandOutput>,
  ): Promise<GetObjectCommandOutput | undefined> {
    return this.#asked(name, async () => {
      try {
        return await ask()
      } catch (error) {
        if (statusOf(error) === 416) return undefined
        throw error
      }
    })
  }

  async #asked<Answer>(name: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask()
    } catch (error) {
      throw this.#failure(name, error)
    }
  }

  #failure(name: string, error: unknown): unknown {
    if (!(error instanceof Error) || error instanceof ThalwegError || error.name === 'AbortError')
      return error
    const where = name === '' ? this.address : `${this.address}/${name}`
    switch (statusOf(error)) {
      case 404:
        return new ThalwegError('FILES_MISSING', `There is nothing at ${where}`, { cause: error })
      case 412:
        return changed(this.address, name)
      case 400:
      case 401:
      case 403:
        return new ThalwegError('FILES_REFUSED', `${this.address} refuses: ${error.name}`, { cause: error })
      default:
        return new ThalwegError('FILES_UNAVAILABLE', `${where} cannot be reached: ${error.name}`, {
          cause: error,
        })
    }
  }
}

/** Content on its way, and the error of its own that ended it, which the client would hand on as one of the store's. */
class Source {
  readonly body: Uint8Array | Readable
  failure: unknown

  constructor(content: Content) {
    this.body =
      content instanceof Uint8Array ? content : Readable.from(this.#watched(content), { objectMode: false })
  }

  async *#watched(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* content
    } catch (error) {
      this.failure = error
      throw error
    }
  }
}

/** Without credentials nothing is looked for in the environment or on the machine: requests go unsigned. */
function identityOf(given: S3Credentials | undefined) {
  if (given === undefined)
    return { signer: { sign: <Request>(request: Request) => Promise.resolve(request) } }
  const { accessKeyId, secretAccessKey, sessionToken } = given
  return { credentials: { accessKeyId, secretAccessKey, ...optional('sessionToken', sessionToken) } }
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): { [N in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [N in Name]: Value })
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
}

function bare(etag: string | undefined): string {
  return (etag ?? '').replace(/^(W\/)?"|"$/g, '')
}
