/** The provider `s3`: credentials of buckets, tried by listing one. */

import type * as z from 'zod'
import { ThalwegError } from '../core/errors.ts'
import type { Provider } from '../core/provider.ts'
import { DELIVERED, failed, type Receipt } from '../core/receipt.ts'
import { S3Credentials } from './credentials.ts'
import { openPlace } from './files.ts'
import { BucketLocation } from './location.ts'

const Settings = BucketLocation.omit({ kind: true })

export const s3Provider: Provider = {
  name: 's3',
  title: 'S3 or a compatible store',
  description:
    'Keys of a bucket on Amazon S3 or a store that speaks its protocol; tried by listing the bucket.',
  settings: Settings,
  credentials: S3Credentials,
  async verify(settings, credentials) {
    const location = { kind: 's3', ...valid(Settings, settings) } as const
    const place = openPlace(location, valid(S3Credentials, credentials))
    try {
      await place.list('', { pageNames: 1 }).next()
      return DELIVERED
    } catch (error) {
      return receiptOf(error)
    } finally {
      place.close()
    }
  },
}

const FAULTS = {
  FILES_REFUSED: 'unauthorized',
  FILES_MISSING: 'misconfigured',
  FILES_NAME: 'misconfigured',
  FILES_UNAVAILABLE: 'unreachable',
} as const

function receiptOf(error: unknown): Receipt {
  if (!(error instanceof ThalwegError) || !(error.code in FAULTS)) throw error
  return failed({ kind: FAULTS[error.code as keyof typeof FAULTS], message: error.message })
}

function valid<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'value'}: ${issue.message}`)
  throw new ThalwegError('INPUT_INVALID', problems.join('; '), { cause: result.error })
}
