/**
 * What we ask of a store of Parquet files, as requests with the scheme `parquet:`. They describe; the writer (warehouse/parquet) knows files.
 *
 *   GET  parquet://folder/<table>/               may we write here?
 *   PUT  parquet://s3/<table>/<partition>/       these rows belong in this folder: write those that no file in it has
 *                                                (body: rows as JSON, a line each, in the order of their offsets)
 *
 * Answers: 200, or the status of HTTP that says what is wrong, with the reason as the body.
 */

import type { WireRequest } from '../../core/exchange.ts'
import type { S3Credentials } from '../../files/credentials.ts'
import type { BucketLocation } from '../../files/location.ts'
import { spellings } from '../credential.ts'
import type { Target } from '../destination.ts'
import { tableFolder } from './layout.ts'
import type { ParquetCredentials, ParquetSettings } from './settings.ts'

export const PARQUET_SCHEME = 'parquet:'

export type ParquetTarget = Target<ParquetSettings, ParquetCredentials>

/** undefined: below the folder that the hub was given. */
export type Store =
  | { readonly bucket: BucketLocation; readonly credentials: S3Credentials | undefined }
  | undefined

export interface RowsHead {
  readonly current: string
  readonly count: number
  /** Lowest and highest offset among the rows. */
  readonly from: number
  readonly to: number
}

export function checkRequest(target: ParquetTarget): WireRequest {
  return { ...draftOf(target, ''), method: 'GET' }
}

export function rowsRequest(
  target: ParquetTarget,
  partition: string,
  { current, count, from, to }: RowsHead,
  lines: Uint8Array,
): WireRequest {
  const draft = draftOf(target, partition)
  return {
    ...draft,
    method: 'PUT',
    headers: { ...draft.headers, current, rows: String(count), offsets: `${from}-${to}` },
    body: lines,
  }
}

function draftOf(target: ParquetTarget, partition: string) {
  const { settings, credentials } = target
  const secrets = [credentials.secretAccessKey ?? [], credentials.sessionToken ?? []].flat()
  return {
    url: `${PARQUET_SCHEME}//${settings.store}/${tableFolder(settings)}/${partition}`,
    headers: settings.store === 's3' ? { bucket: bucketText(settings), ...keysOf(credentials) } : {},
    secrets: spellings(...secrets),
  }
}

function bucketText({ bucket, endpoint, region, pathStyle }: ParquetSettings): string {
  return JSON.stringify({ kind: 's3', bucket, prefix: '', endpoint, region, pathStyle })
}

function keysOf({ accessKeyId, secretAccessKey, sessionToken }: ParquetCredentials): Record<string, string> {
  return {
    ...(accessKeyId === undefined ? {} : { 'access-key-id': accessKeyId }),
    ...(secretAccessKey === undefined ? {} : { 'secret-access-key': secretAccessKey }),
    ...(sessionToken === undefined ? {} : { 'session-token': sessionToken }),
  }
}

export interface ParquetRequest {
  readonly store: Store
  /** Folder in the store; ends with a slash. */
  readonly folder: string
  /** undefined: only the check. */
  readonly rows: (RowsHead & { readonly lines: readonly Uint8Array[] }) | undefined
}

/** The other end of the above. */
export function readRequest({ method, url, headers, body = [] }: WireRequest): ParquetRequest {
  const [, kind, folder = ''] = /^parquet:\/\/(folder|s3)\/(.*)$/.exec(url) ?? []
  const [from = 0, to = 0] = (headers.offsets ?? '').split('-').map(Number)
  const lines = body instanceof Uint8Array ? [body] : body
  return {
    store: kind === 's3' ? storeIn(headers) : undefined,
    folder,
    rows:
      method === 'PUT'
        ? { current: headers.current ?? '', count: Number(headers.rows), from, to, lines }
        : undefined,
  }
}

function storeIn(headers: Readonly<Record<string, string>>): Store {
  const accessKeyId = headers['access-key-id']
  const secretAccessKey = headers['secret-access-key']
  const sessionToken = headers['session-token']
  const bucket = JSON.parse(headers.bucket ?? '') as BucketLocation
  if (accessKeyId === undefined || secretAccessKey === undefined) return { bucket, credentials: undefined }
  return {
    bucket,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  }
}
