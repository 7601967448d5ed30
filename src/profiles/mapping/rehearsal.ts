/** What a changed mapping makes otherwise of the same records. Nothing is kept. */

import { isDeepStrictEqual } from 'node:util'
import type { ProfileSchema } from '../schema.ts'
import { dryRun, type SampleResult } from './dry-run.ts'

export interface StreamRehearsal {
  /** Records that were looked at: the last of the stream. */
  readonly records: number
  /** Of these, those that become something. */
  readonly mapped: number
  /** The others, the most frequent reason first. */
  readonly unmapped: readonly { readonly reason: string; readonly count: number }[]
  /** Mapped now, and not by the schema that is in force; the other way round; by both, to something else; by both, to the same. */
  readonly added: number
  readonly removed: number
  readonly different: number
  readonly same: number
  /** Values that cannot be made of these records, by field. */
  readonly lost: readonly { readonly field: string; readonly count: number }[]
}

type Outcome = Pick<SampleResult, 'record' | 'lost'> & { readonly reason: string | undefined }

/** `samples` as they lie in the log. Throws as `dryRun` does for the new schema; the present one may lack the stream. */
export function compared(
  present: ProfileSchema,
  schema: ProfileSchema,
  stream: string,
  samples: readonly { readonly text: string }[],
  now: number,
): StreamRehearsal {
  const records = samples.map(({ text }): unknown => JSON.parse(text))
  const after: readonly Outcome[] = isOn(schema, stream)
    ? dryRun(schema, stream, records, now)
    : records.map(() => OFF)
  const before = isOn(present, stream) ? dryRun(present, stream, records, now) : []
  const counts = { added: 0, removed: 0, different: 0, same: 0 }
  const reasons = new Map<string, number>()
  const lost = new Map<string, number>()
  for (const [i, result] of after.entries()) {
    if (result.reason !== undefined) reasons.set(result.reason, (reasons.get(result.reason) ?? 0) + 1)
    for (const { field } of result.lost) lost.set(field, (lost.get(field) ?? 0) + 1)
    const change = changeOf(before[i], result)
    if (change !== undefined) counts[change]++
  }
  return {
    records: records.length,
    mapped: after.filter(({ record }) => record !== undefined).length,
    unmapped: [...reasons].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count),
    ...counts,
    lost: [...lost].map(([field, count]) => ({ field, count })).sort((a, b) => b.count - a.count),
  }
}

const OFF: Outcome = { record: undefined, reason: 'stream_off', lost: [] }

function isOn({ streams }: ProfileSchema, stream: string): boolean {
  return streams.some(({ name, active }) => name === stream && active)
}

/** undefined: nothing becomes of it, as before. */
function changeOf(
  before: Outcome | undefined,
  after: Outcome,
): 'added' | 'removed' | 'different' | 'same' | undefined {
  const was = before?.record
  const is = after.record
  if (was === undefined) return is === undefined ? undefined : 'added'
  if (is === undefined) return 'removed'
  return isDeepStrictEqual(was, is) ? 'same' : 'different'
}
