/** Has what the log still holds of a stream fill its fields anew, after a look at what that is. */

import { Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReadAgainAnswer } from '../../../api/routes/streams.ts'
import { type ApiFailure, call } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'

const PATH = '/profile-schema/read-again'

export function ReadAgain({ stream }: { stream: string }) {
  const begin = useChange({
    method: 'POST',
    path: () => PATH,
    body: () => ({ stream }),
    changes: ['/profiles'],
    done: () => told('The kept log is being read again.'),
  })
  return (
    <ConfirmButton
      label="Read the kept log again"
      deed="Read it again"
      variant="default"
      onConfirm={() => begin.mutateAsync()}
    >
      <Preview stream={stream} />
    </ConfirmButton>
  )
}

function Preview({ stream }: { stream: string }) {
  const preview = useQuery<ReadAgainAnswer, ApiFailure>({
    queryKey: ['preview', PATH, stream],
    queryFn: ({ signal }) => call('POST', PATH, { body: { stream, dryRun: true }, signal }),
    gcTime: 0,
    retry: false,
  })
  return (
    <Answer of={preview}>
      {({ fields, since, from, end }) => (
        <Stack gap="xs">
          <Text size="sm">
            {count(end - from)} records of the log are gone through, received since <When at={since} exact />.
            What this stream gave to these fields is cleared, then filled anew by the present mapping:
          </Text>
          <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
            {fields.join(', ')}
          </Text>
          <Text size="sm" c="dimmed">
            Values of before the kept log stay; fields that add up count anew. New records wait until the
            clearing is done.
          </Text>
        </Stack>
      )}
    </Answer>
  )
}
