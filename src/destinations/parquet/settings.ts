/** What an operator says about a folder of Parquet files, here or in a bucket. */

import * as z from 'zod'
import { S3Credentials } from '../../files/credentials.ts'
import { BucketLocation } from '../../files/location.ts'

const { bucket, endpoint, region, pathStyle } = BucketLocation.shape

/** A part of a path that cannot lead anywhere else, nor hide what lies in it from readers. */
const Part = /^(?![._])[A-Za-z0-9=._-]{1,100}$/

export const ParquetSettings = z
  .strictObject({
    store: z
      .enum(['folder', 's3'])
      .default('folder')
      .describe(
        'folder: below the folder of THALWEG_PARQUET_DIR on the machine of the hub. s3: in a bucket of Amazon S3 or a compatible store.',
      ),
    bucket: bucket.optional(),
    endpoint,
    region,
    pathStyle,
    prefix: z
      .string()
      .max(400)
      .refine(
        (path) => path === '' || path.split('/').every((part) => Part.test(part)),
        'Folders of letters, digits, dashes, dots, underscores and equals signs, with slashes between them',
      )
      .default('')
      .describe('Folder in the store, such as lake/braze.'),
    table: z
      .string()
      .regex(Part, 'A name is letters, digits, dashes, dots and underscores')
      .default('events')
      .describe('Folder of the table in that folder.'),
    partition: z
      .enum(['type-and-day', 'type-and-hour', 'type', 'day', 'hour'])
      .default('type-and-day')
      .describe(
        'Folders of the table: event_type=…, date=YYYY-MM-DD and hour=HH, by the time of the event in UTC. Changing it later leaves earlier files where they are.',
      ),
    flushSeconds: z
      .int()
      .min(1)
      .max(900)
      .default(60)
      .describe('How long events are gathered at most before files are written.'),
    flushEvents: z
      .int()
      .min(1)
      .max(100_000)
      .default(50_000)
      .describe('Events after which files are written earlier.'),
    flushBytes: z
      .int()
      .min(1_000)
      .max(64_000_000)
      .default(16_000_000)
      .describe(
        'Bytes of events after which files are written earlier. The hub needs about ten times as much memory.',
      ),
  })
  .superRefine((settings, context) => {
    if ((settings.store === 's3') === (settings.bucket !== undefined)) return
    const message = settings.store === 's3' ? 'A bucket is needed' : 'Only the store s3 has a bucket'
    context.addIssue({ code: 'custom', path: ['bucket'], message })
  })
export type ParquetSettings = z.infer<typeof ParquetSettings>

export const ParquetCredentials = S3Credentials.partial().superRefine((credentials, context) => {
  if ((credentials.accessKeyId === undefined) === (credentials.secretAccessKey === undefined)) return
  context.addIssue({
    code: 'custom',
    path: ['secretAccessKey'],
    message: 'An access key is an id and a secret; a folder needs neither',
  })
})
export type ParquetCredentials = z.infer<typeof ParquetCredentials>
