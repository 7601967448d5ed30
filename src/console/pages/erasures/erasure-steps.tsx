import { Alert, Text, Title } from '@mantine/core'
import type { ErasureAnswer } from '../../../api/routes/erasures.ts'
import { StateBadge } from '../../elements/state-badge.tsx'
import classes from './erasure-steps.module.css'
import { STEPS } from './steps.ts'

/** Each step with its state; those of a finished erasure are folded away. */
export function ErasureSteps({ erasure: { state, step, problem } }: { erasure: ErasureAnswer }) {
  const names = Object.keys(STEPS) as (keyof typeof STEPS)[]
  const at = state === 'finished' ? names.length : names.indexOf(step)
  if (state === 'finished')
    return (
      <Text size="sm" c="dimmed">
        All {names.length} steps are done.
      </Text>
    )
  return (
    <section className="tw-card" aria-label="Progress">
      <Title order={2} mb="xs">
        Step {at + 1} of {names.length}
      </Title>
      {problem !== '' && (
        <Alert color="red" variant="outline" title="The step is tried again" mb="xs" role="alert">
          {problem}
        </Alert>
      )}
      <ol className={classes.steps}>
        {names.map((name, i) => (
          <li key={name} className={classes.step} {...(i === at ? { 'aria-current': 'step' as const } : {})}>
            <span className={classes.words}>{STEPS[name]}</span>
            <StateBadge
              state={i < at ? 'done' : i > at ? 'to come' : state === 'queued' ? 'queued' : 'under way'}
              mood={i < at ? 'good' : i > at ? 'calm' : problem === '' ? 'wait' : 'bad'}
            />
          </li>
        ))}
      </ol>
    </section>
  )
}
