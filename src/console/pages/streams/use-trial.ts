/** What the API says of a draft: whether it holds together, and what it makes of a sample. Asked while one types, when the hand rests. */

import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { SampleAnswer, SchemaCheckAnswer } from '../../../api/routes/streams.ts'
import { type ApiFailure, call } from '../../api/client.ts'
import type { Definition } from './field-kinds.ts'

const REST_MS = 250

export interface Trial {
  readonly problems: SchemaCheckAnswer['problems']
  /** undefined: the schema does not hold, or there is no sample. */
  readonly sample: SampleAnswer | undefined
}

export interface TrialState {
  readonly trial: Trial | undefined
  readonly error: ApiFailure | null
  /** The answer is of what is written now. */
  readonly isPresent: boolean
}

/** `definition` undefined: it has holes; `record` undefined: no sample, or none that is JSON. */
export function useTrial(definition: Definition | undefined, stream: string, record: unknown): TrialState {
  const now = JSON.stringify({ definition, record })
  const [asked] = useDebouncedValue(now, REST_MS)
  const result = useQuery<Trial, ApiFailure>({
    queryKey: ['/profile-schema/trial', stream, asked],
    queryFn: async ({ signal }) => {
      const body = JSON.parse(asked) as { definition: Definition; record?: unknown }
      const { problems } = await call<SchemaCheckAnswer>('POST', '/profile-schema/check', {
        body: body.definition,
        signal,
      })
      if (problems.length > 0 || body.record === undefined) return { problems, sample: undefined }
      const { results } = await call<{ results: SampleAnswer[] }>('POST', '/profile-schema/try', {
        body: { stream, records: [body.record], definition: body.definition },
        signal,
      })
      return { problems, sample: results[0] }
    },
    enabled: definition !== undefined && asked === now,
    placeholderData: keepPreviousData,
    gcTime: 10_000,
  })
  return {
    trial: result.data,
    error: result.error,
    isPresent: definition !== undefined && asked === now && result.isSuccess && !result.isPlaceholderData,
  }
}
