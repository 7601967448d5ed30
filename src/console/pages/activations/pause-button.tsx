import { Button } from '@mantine/core'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { told } from '../../elements/notices.ts'

/** Stops a schedule, or takes it up again. Without a schedule there is nothing to stop. */
export function PauseButton({ activation: { name, state, definition } }: { activation: ActivationAnswer }) {
  const word = state === 'paused' ? 'resume' : 'pause'
  const change = useChange({
    method: 'POST',
    path: () => at`/activations/${name}/${word}`,
    changes: ['/activations'],
    done: () => told(word === 'pause' ? 'It runs by hand only now' : 'Its schedule goes on, from now'),
  })
  if (definition.schedule.when === 'manual' && state === 'active') return null
  return (
    <>
      <Button size="sm" variant="default" loading={change.isPending} onClick={() => change.mutate()}>
        {word === 'pause' ? 'Pause schedule' : 'Resume schedule'}
      </Button>
      {change.error !== null && <FailureNote error={change.error} />}
    </>
  )
}
