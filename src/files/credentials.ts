/** The secret half of a bucket: what an authorization of the provider `s3` keeps. */

import * as z from 'zod'

const Key = z.string().regex(/^[\x21-\x7e]{1,4096}$/, 'A key is printable ASCII characters without spaces')

export const S3Credentials = z.strictObject({
  accessKeyId: Key.max(128).describe('Access key id, as in AKIA…'),
  secretAccessKey: Key.max(256).describe('Secret access key.'),
  sessionToken: Key.optional().describe(
    'Session token of temporary credentials; leave out for lasting ones.',
  ),
})
export type S3Credentials = z.infer<typeof S3Credentials>
