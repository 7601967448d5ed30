/** Where a place is, as settings say it. */

import { resolve } from 'node:path'
import * as z from 'zod'
import { ThalwegError } from '../core/errors.ts'

export const FolderLocation = z.strictObject({
  kind: z.literal('folder'),
  path: z
    .string()
    .min(1)
    .max(4096)
    .refine((path) => !path.includes('\0'), 'A path holds no NUL')
    .describe('Absolute path of the folder on the machine of the hub.'),
})
export type FolderLocation = z.infer<typeof FolderLocation>

export const BucketLocation = z.strictObject({
  kind: z.literal('s3'),
  bucket: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}$/, 'This is not the name of a bucket')
    .describe('Name of the bucket.'),
  prefix: z
    .string()
    .max(900)
    .regex(/^(?!\/)[^\0]*$/, 'A prefix does not begin with a slash')
    .default('')
    .describe('What the names of all files begin with, as in currents/; a slash is added at its end.'),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional()
    .describe('Address of a compatible store; leave out for Amazon S3.'),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/i, 'This is not a region')
    .default('us-east-1')
    .describe('Region of the bucket.'),
  pathStyle: z
    .boolean()
    .default(false)
    .describe('Name the bucket in the path, not in the host: most compatible stores need this.'),
})
export type BucketLocation = z.infer<typeof BucketLocation>

export const Location = z.discriminatedUnion('kind', [FolderLocation, BucketLocation])
export type Location = z.infer<typeof Location>

/**
 * Reads `s3://bucket/prefix`, `file:///path` or a path, which is taken relative to the folder of this process.
 * Throws INPUT_INVALID.
 */
export function parseLocation(text: string): Location {
  const [, bucket, prefix] = /^s3:\/\/([^/]*)\/?(.*)$/s.exec(text) ?? []
  const written =
    bucket === undefined
      ? { kind: 'folder', path: resolve(text.replace(/^file:\/\//, '')) }
      : { kind: 's3', bucket, prefix }
  const parsed = Location.safeParse(written)
  if (text !== '' && parsed.success) return parsed.data
  throw new ThalwegError(
    'INPUT_INVALID',
    `${JSON.stringify(text.slice(0, 200))} is no place of files: give a path or s3://bucket/prefix`,
    { cause: parsed.error },
  )
}

/** As people write it. */
export function showLocation(location: Location): string {
  return location.kind === 'folder' ? location.path : `s3://${location.bucket}/${location.prefix}`
}

/** For people, without the slash at its end. */
export function bucketAddress({ bucket, prefix }: BucketLocation): string {
  return `s3://${bucket}/${prefix}`.replace(/\/$/, '')
}
