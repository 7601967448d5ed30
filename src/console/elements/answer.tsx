/** What stands in the place of an answer until it is there, and when it does not come. */

import { Alert, Button, Group, Skeleton, Stack, Text } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { TriangleAlert } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { ApiFailure } from '../api/client.ts'

/** An answer that comes sooner is not announced: a flash of grey is worse than a moment of nothing. */
const PATIENCE_MS = 200

export interface AnswerProps<Data> {
  readonly of: Pick<UseQueryResult<Data, ApiFailure>, 'data' | 'error' | 'refetch' | 'isFetching'>
  /** Lines of the skeleton. */
  readonly lines?: number
  readonly children: (data: Data) => ReactNode
}

export function Answer<Data>({
  of: { data, error, refetch, isFetching },
  lines = 4,
  children,
}: AnswerProps<Data>) {
  if (data !== undefined) {
    return (
      <>
        {error !== null && <FailureNote error={error} again={() => void refetch()} busy={isFetching} />}
        {children(data)}
      </>
    )
  }
  if (error !== null) return <FailureNote error={error} again={() => void refetch()} busy={isFetching} />
  return <Waiting lines={lines} />
}

export function Waiting({ lines = 4 }: { lines?: number }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [])
  if (!late) return null
  return (
    <Stack gap="xs" aria-busy="true" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are all alike
        <Skeleton key={i} height={18} width={`${92 - ((i * 17) % 40)}%`} />
      ))}
    </Stack>
  )
}

export interface FailureNoteProps {
  readonly error: Error
  readonly again?: () => void
  readonly busy?: boolean
}

/** What went wrong, in the API's words, and what can be done. */
export function FailureNote({ error, again, busy = false }: FailureNoteProps) {
  const failure = error instanceof ApiFailure ? error : undefined
  return (
    <Alert
      color="red"
      variant="outline"
      role="alert"
      icon={<TriangleAlert size={18} aria-hidden />}
      title={failure?.status === 0 ? 'No answer' : 'That did not work'}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{error.message}</Text>
        <Group gap="sm">
          {again !== undefined && (
            <Button size="compact-sm" variant="default" loading={busy} onClick={again}>
              Try again
            </Button>
          )}
          {failure !== undefined && (
            <Text size="xs" c="dimmed">
              {failure.code}
            </Text>
          )}
        </Group>
      </Stack>
    </Alert>
  )
}
