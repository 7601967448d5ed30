import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query'
import type { AudiencePreviewAnswer } from '../../../api/routes/audiences.ts'
import { type ApiFailure, call } from '../../api/client.ts'

export interface Asked {
  readonly filter: string | undefined
  readonly against?: string | undefined
  /** At most so many people are looked at. */
  readonly look: number
}

/** How many a rule means before it is kept; the last answer stays until the next one is there. */
export function usePreview({
  filter,
  against,
  look,
}: Asked): UseQueryResult<AudiencePreviewAnswer, ApiFailure> {
  return useQuery<AudiencePreviewAnswer, ApiFailure>({
    queryKey: ['/audiences/preview', filter, against, look],
    queryFn: ({ signal }) =>
      call<AudiencePreviewAnswer>('POST', '/audiences/preview', {
        body: { filter, look, ...(against === undefined ? {} : { against }) },
        signal,
      }),
    enabled: filter !== undefined,
    placeholderData: keepPreviousData,
    refetchOnWindowFocus: false,
  })
}
