/** What can be done with a current in the state it is in: launch, pause, resume. */

import { Button, Group, Radio, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { CurrentAnswer } from '../../../../api/routes/currents.ts'
import { at, call } from '../../../api/client.ts'
import { askAnew, useChange } from '../../../api/queries.ts'
import { FailureNote } from '../../../elements/answer.tsx'
import { ConfirmButton } from '../../../elements/confirm-button.tsx'
import { usePlaceKept } from '../../../elements/focus.ts'
import { told } from '../../../elements/notices.ts'

export function StateActions({ current, state }: { current: CurrentAnswer; state: string }) {
  switch (state) {
    case 'draft':
      return <LaunchButton current={current} />
    case 'running':
      return <PauseButton current={current} />
    case 'paused':
      return <ResumeButton current={current} />
    // A halted one is resumed beside what is wrong with it.
    case 'halted':
      return <PauseButton current={current} />
    default:
      return null
  }
}

async function act(
  current: CurrentAnswer,
  action: string,
  body: object | undefined,
  done: string,
): Promise<void> {
  await call('POST', at`/currents/${current.number}/${action}`, body === undefined ? {} : { body })
  await askAnew(['/currents'])
  told(`${current.name} ${done}`)
}

export function ResumeButton({ current, label = 'Resume' }: { current: CurrentAnswer; label?: string }) {
  const keepPlace = usePlaceKept()
  const resuming = useChange({
    method: 'POST',
    path: () => at`/currents/${current.number}/resume`,
    changes: ['/currents'],
    done: () =>
      told(`${current.name} ${current.state === 'halted' ? 'tries again' : 'goes on'} where it stopped`),
  })
  return (
    <Stack gap="xs" align="flex-start">
      <Button
        size="sm"
        loading={resuming.isPending}
        onClick={({ currentTarget }) => {
          keepPlace(currentTarget)
          resuming.mutate()
        }}
      >
        {label}
      </Button>
      {resuming.error !== null && <FailureNote error={resuming.error} />}
    </Stack>
  )
}

function PauseButton({ current }: { current: CurrentAnswer }) {
  const [reason, setReason] = useState('')
  return (
    <ConfirmButton
      label="Pause"
      variant="default"
      onConfirm={() => act(current, 'pause', { reason }, 'is paused')}
    >
      <Stack gap="sm">
        <Text size="sm">
          It stops sending. Events wait in the log and leave in their order once it is resumed; nothing is
          lost while the log keeps them.
        </Text>
        <TextInput
          label="Why, for those who come later"
          value={reason}
          onChange={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </Stack>
    </ConfirmButton>
  )
}

function LaunchButton({ current }: { current: CurrentAnswer }) {
  const [from, setFrom] = useState('now')
  return (
    <ConfirmButton label="Launch" onConfirm={() => act(current, 'launch', { from }, 'is launched')}>
      <Radio.Group label="Begin with" value={from} onChange={setFrom}>
        <Group mt="xs">
          <Radio value="now" label="Events from now on" />
          <Radio value="earliest" label="The earliest event that is kept" />
        </Group>
      </Radio.Group>
    </ConfirmButton>
  )
}
