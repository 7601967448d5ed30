import type { AudienceMovesAnswer } from '../../../api/routes/audiences.ts'

type Move = Pick<AudienceMovesAnswer['moves'][number], 'cause' | 'offset'>

const WORDS: Readonly<Record<Move['cause'], string>> = {
  record: 'a record arrived',
  clock: 'time went by',
  definition: 'the rule changed',
  merge: 'profiles were joined',
  split: 'a join was undone',
  erasure: 'somebody was erased',
}

/** What made somebody enter or leave. */
export function Cause({ cause, offset }: Move) {
  return (
    <>
      {WORDS[cause]}
      {cause === 'record' && offset !== null && ` (offset ${offset} of the log)`}
    </>
  )
}
