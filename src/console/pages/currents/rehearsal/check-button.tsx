/** Rehearses a write at the destination, and tells what it said. */

import { Button, Stack, Text } from '@mantine/core'
import { CircleCheck, CircleX } from 'lucide-react'
import type { CheckAnswer } from '../../../../api/checks.ts'
import { useChange } from '../../../api/queries.ts'
import { FailureNote } from '../../../elements/answer.tsx'
import { Notice } from '../../../elements/notice.tsx'

export interface CheckButtonProps {
  /** Address below /api/v1 that is asked. */
  readonly path: string
  readonly body?: unknown
  readonly label?: string
  /** Called with what the API refused, and with undefined when it answered. */
  readonly onRefused?: (error: Error | undefined) => void
}

/** What a fault asks of a person. */
const NEXT: Readonly<Record<string, string>> = {
  unauthorized: 'The credentials are refused: choose another authorization, or give this one a new secret.',
  misconfigured: 'The address or a setting is wrong: look at the settings of the destination.',
  unreachable: 'Nobody answers there: look at the address, and whether the hub may reach it.',
  unavailable:
    'The destination is there and not well. It can be launched all the same: nothing is lost, events wait.',
  throttled: 'The destination asks for patience. It can be launched all the same.',
}

export function CheckButton({ path, body, label = 'Test it', onRefused }: CheckButtonProps) {
  const checking = useChange<void, CheckAnswer>({
    method: 'POST',
    path: () => path,
    ...(body === undefined ? {} : { body: () => body }),
    changes: ['/authorizations'],
    done: () => onRefused?.(undefined),
  })
  return (
    <Stack gap="sm" align="flex-start">
      <Button
        variant="default"
        loading={checking.isPending}
        onClick={() => checking.mutate(undefined, { onError: (error) => onRefused?.(error) })}
      >
        {label}
      </Button>
      {checking.error !== null && <FailureNote error={checking.error} />}
      {checking.data !== undefined && <Verdict check={checking.data} />}
    </Stack>
  )
}

function Verdict({ check: { ok, message, fault, status, answer } }: { check: CheckAnswer }) {
  return (
    <Notice
      role="status"
      mood={ok ? 'good' : 'bad'}
      icon={ok ? <CircleCheck size={18} aria-hidden /> : <CircleX size={18} aria-hidden />}
      title={
        ok
          ? 'It accepts a write'
          : `It does not accept a write${status === null ? '' : `: it answered ${status}`}`
      }
    >
      <Stack gap={4}>
        {!ok && <Text size="sm">{message}</Text>}
        {fault !== null && NEXT[fault] !== undefined && <Text size="sm">{NEXT[fault]}</Text>}
        {answer !== null && answer !== '' && <pre className="tw-code">{answer}</pre>}
      </Stack>
    </Notice>
  )
}
