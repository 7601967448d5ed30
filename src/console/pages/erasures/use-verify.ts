import type { UseMutationResult } from '@tanstack/react-query'
import type { ReceiptVerdictAnswer } from '../../../api/routes/erasures.ts'
import type { ApiFailure } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'

export interface Signed {
  readonly receipt: object
  readonly signature: string
}

export const VERDICTS: Readonly<
  Record<ReceiptVerdictAnswer['verdict'], { readonly text: string; readonly good: boolean }>
> = {
  ours: { text: 'The receipt is as it was signed, and it was signed here.', good: true },
  'of another installation': {
    text: 'The receipt is as it was signed, by another installation.',
    good: false,
  },
  'not as it was signed': { text: 'The receipt is not as it was signed.', good: false },
}

export function useVerify(): UseMutationResult<ReceiptVerdictAnswer, ApiFailure, Signed> {
  return useChange<Signed, ReceiptVerdictAnswer>({
    method: 'POST',
    path: () => '/erasures/verify',
    body: (signed) => signed,
    changes: [],
  })
}
