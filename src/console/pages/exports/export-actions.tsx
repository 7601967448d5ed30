/** What can be done with an export, by the state that it is in. */

import { Button, Text } from '@mantine/core'
import type { ExportAnswer, ExportPreviewAnswer, ExportWholeAnswer } from '../../../api/routes/exports.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { ExportPreview } from './export-preview.tsx'

export function ExportActions({ of, path }: { of: ExportWholeAnswer; path: string }) {
  const act = useChange<'start' | 'pause' | 'resume', ExportAnswer>({
    method: 'POST',
    path: (word) => `${path}/${word}`,
    body: (word) => (word === 'pause' ? { reason: '' } : undefined),
    changes: ['/exports'],
    done: ({ name, state }) => told(`${name} is ${state}`),
  })
  const { state } = of
  return (
    <>
      {state === 'draft' && (
        <ConfirmButton label="Start" deed="Start it" onConfirm={() => act.mutateAsync('start')}>
          <StartPreview path={path} />
        </ConfirmButton>
      )}
      {(state === 'running' || state === 'halted') && (
        <Button size="sm" variant="default" loading={act.isPending} onClick={() => act.mutate('pause')}>
          Pause
        </Button>
      )}
      {(state === 'paused' || state === 'halted') && (
        <Button size="sm" loading={act.isPending} onClick={() => act.mutate('resume')}>
          Resume
        </Button>
      )}
      {act.error !== null && <FailureNote error={act.error} />}
    </>
  )
}

function StartPreview({ path }: { path: string }) {
  const preview = useAnswer<ExportPreviewAnswer>(`${path}/preview`)
  return (
    <Answer of={preview}>
      {(known) => (
        <>
          <Text size="sm" mb="xs">
            It begins to send at once:
          </Text>
          <ExportPreview preview={known} />
        </>
      )}
    </Answer>
  )
}
