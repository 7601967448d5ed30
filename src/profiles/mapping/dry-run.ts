/** What a stream would make of some records, without keeping anything: for whoever writes a mapping. */

import { ThalwegError } from '../../core/errors.ts'
import type { ProfileSchema } from '../schema.ts'
import type { Value } from '../values.ts'
import { checkSchema } from './check.ts'
import { type Lost, StreamMapper, type UnmappedReason } from './mapping.ts'

export const SAMPLES_MAX = 1_000

export interface SampleResult {
  /** Undefined: why there is no record stands in `reason`. */
  readonly record: SampleRecord | undefined
  readonly reason: UnmappedReason | undefined
  /** Values that could not be made, and why. */
  readonly lost: readonly Lost[]
}

export interface SampleRecord {
  readonly at: number
  readonly identifiers: readonly { readonly field: string; readonly value: string }[]
  readonly values: Readonly<Record<string, Value>>
}

/**
 * A sample is what a record of the stream holds: the fields of a row, an event, a call; or a whole record of the log. `now`
 * stands for its arrival. Throws PROFILE_SCHEMA_INVALID, and INPUT_INVALID when the schema has no such stream.
 */
export function dryRun(
  schema: ProfileSchema,
  name: string,
  samples: readonly unknown[],
  now: number,
): SampleResult[] {
  checkSchema(schema)
  const stream = schema.streams.find((one) => one.name === name)
  if (stream === undefined) throw new ThalwegError('INPUT_INVALID', `The schema has no stream ${name}`)
  if (samples.length > SAMPLES_MAX)
    throw new ThalwegError('INPUT_INVALID', `At most ${SAMPLES_MAX} samples are run at a time`)
  const mapper = new StreamMapper(schema, stream)
  return samples.map((sample) => {
    const outcome = mapper.mapParsed(sample, 0, now)
    if ('reason' in outcome) return { record: undefined, reason: outcome.reason, lost: outcome.lost }
    const { at, identifiers, values } = outcome.record
    const record = { at, identifiers, values: Object.fromEntries(values) }
    return { record, reason: undefined, lost: outcome.lost }
  })
}
