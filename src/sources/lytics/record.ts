/**
 * A row as the log keeps it. The fields are the sender's own, untouched, in an object of their own: what stands
 * beside them cannot collide with a column, and rules for personal data reach them.
 *
 *   {"id":"…","stream":"users","timestamp_field":"created","file":"users.csv","line":17,"fields":{…}}
 *
 * What was not said is left out. `timestamp_field` names the field that holds the row's time; it is read by
 * whoever maps the stream.
 */

import { hash, randomUUID } from 'node:crypto'
import { type Identity, identityOf, identityOfUuid } from '../../core/kernel/identity.ts'
import type { LyticsSettings } from '../settings.ts'

export interface Upload {
  readonly stream: string
  readonly timestampField: string | undefined
  /** For the record only, and part of what makes two rows of two uploads one. */
  readonly file: string | undefined
  /** Where files are overwritten: rows of two versions of one are never one. */
  readonly version?: string
}

/** The record type of a stream. */
export function streamType(stream: string): string {
  return `lytics.${stream}`
}

/** The record of a row: its bytes, in pieces, and the identity of its id. */
export interface Made {
  readonly identity: Identity
  readonly pieces: readonly (string | Buffer)[]
}

/** Ids here are UUIDs, which are their own identity: no key takes part. */
const NO_KEY = new Uint8Array(16)

/** Makes the records of one upload. */
export class RecordMaker {
  readonly #upload: Upload
  readonly #identity: LyticsSettings['rowIdentity']
  readonly #open: string
  /** Stands for all rows so far. */
  #chain: Buffer

  /** `isFile`: the rows are of one upload, in the order of its lines. */
  constructor(upload: Upload, settings: Pick<LyticsSettings, 'rowIdentity'>, isFile: boolean) {
    this.#upload = upload
    // What is no file has no rows before it.
    this.#identity = settings.rowIdentity === 'file' && !isFile ? 'none' : settings.rowIdentity
    const { stream, timestampField, file, version } = upload
    const about = [
      `"stream":${JSON.stringify(stream)}`,
      ...(timestampField === undefined ? [] : [`"timestamp_field":${JSON.stringify(timestampField)}`]),
      ...(file === undefined ? [] : [`"file":${JSON.stringify(file)}`]),
    ]
    this.#open = about.join()
    this.#chain = digest(
      Buffer.from(JSON.stringify([stream, file ?? '', ...(version === undefined ? [] : [version])])),
    )
  }

  make(fields: string | Buffer, line: number | undefined): Made {
    const { id, identity } = this.#idOf(fields)
    const place = line === undefined ? '' : `,"line":${line}`
    const opening = `{"id":"${id}",${this.#open}${place},"fields":`
    return {
      identity,
      pieces: typeof fields === 'string' ? [`${opening}${fields}}`] : [opening, fields, '}'],
    }
  }

  /** A row that was set aside is part of the file, too. */
  pass(raw: Buffer): void {
    if (this.#identity === 'file') this.#chain = digest(this.#chain, raw)
  }

  #idOf(fields: string | Buffer): { readonly id: string; readonly identity: Identity } {
    if (this.#identity === 'none') {
      const id = randomUUID()
      return { id, identity: identityOf(id, NO_KEY) }
    }
    const bytes = typeof fields === 'string' ? Buffer.from(fields) : fields
    if (this.#identity === 'row') return idOf(digest(Buffer.from(`${this.#upload.stream}\n`), bytes))
    this.#chain = digest(this.#chain, bytes)
    return idOf(this.#chain)
  }
}

function digest(...parts: readonly Buffer[]): Buffer {
  return hash('sha256', parts.length === 1 ? (parts[0] ?? '') : Buffer.concat(parts), 'buffer')
}

/** The first half of a digest in the form of a UUID, whose identity is exact. */
function idOf(whole: Buffer): { readonly id: string; readonly identity: Identity } {
  const hex = whole.toString('hex', 0, 16)
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  return { id, identity: identityOfUuid(whole) }
}
