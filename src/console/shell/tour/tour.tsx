/** The tour's panel, in a corner, beside whatever page one is on. It can be put away and called again. */

import { ActionIcon, Button, CloseButton, Group, Paper, Progress, Stack, Text } from '@mantine/core'
import { Link, useRouterState } from '@tanstack/react-router'
import { Compass } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { ListedRunAnswer } from '../../../api/routes/run-views.ts'
import type { SessionAnswer } from '../../../api/routes/session.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { STEPS, TOUR_ACTIVATION, type TourFacts } from './steps.ts'
import classes from './tour.module.css'

const KEPT_AS = 'thalweg-tour'
const EVERY_MS = 2_000

/** What the browser remembers: the step, or that the tour was put away. */
function remembered(): number | 'away' {
  const text = localStorage.getItem(KEPT_AS)
  if (text === 'away') return 'away'
  const step = Number(text ?? 0)
  return Number.isInteger(step) && step >= 0 && step < STEPS.length ? step : 0
}

/** Only the demo has what the tour tells of. */
export function DemoTour() {
  const { data } = useAnswer<SessionAnswer>('/session')
  return data?.demo === true && data.caller !== null ? <Tour /> : null
}

/** The button in the head, and the panel while the tour is on. */
function Tour() {
  const [step, setStep] = useState(remembered)
  const go = (next: number | 'away'): void => {
    localStorage.setItem(KEPT_AS, String(next))
    setStep(next)
  }
  return (
    <>
      <ActionIcon variant="subtle" aria-label="The tour" onClick={() => go(step === 'away' ? 0 : 'away')}>
        <Compass size={18} aria-hidden />
      </ActionIcon>
      {step !== 'away' && <Panel step={step} go={go} />}
    </>
  )
}

function Panel({ step, go }: { step: number; go: (next: number | 'away') => void }) {
  const facts = useFacts()
  const { title, words, to, place, isDone, waiting } = STEPS[step] ?? (STEPS[0] as (typeof STEPS)[number])
  // Once done it stays done, though one may go elsewhere.
  const [doneStep, setDoneStep] = useState(-1)
  const done = isDone === undefined || doneStep === step || isDone(facts)
  useEffect(() => {
    if (isDone !== undefined && done) setDoneStep(step)
  }, [done, isDone, step])
  const last = step === STEPS.length - 1
  const wait = done ? undefined : waiting?.(facts)
  return (
    <Paper component="aside" withBorder shadow="md" className={classes.panel} aria-label="The tour">
      <Stack gap={8}>
        <Group justify="space-between" wrap="nowrap">
          <Text size="xs" c="dimmed">
            Tour, {step + 1} of {STEPS.length}
          </Text>
          <CloseButton size="sm" aria-label="Put the tour away" onClick={() => go('away')} />
        </Group>
        <Progress
          value={((step + (done ? 1 : 0)) / STEPS.length) * 100}
          size={4}
          aria-label="How far the tour is"
        />
        <Text fw={650}>{title}</Text>
        <Text size="sm">{words}</Text>
        {wait !== undefined && (
          <Text size="sm" c="dimmed" role="status">
            {wait}
          </Text>
        )}
        <Group justify="space-between">
          <Button variant="default" size="compact-sm" disabled={step === 0} onClick={() => go(step - 1)}>
            Back
          </Button>
          <Group gap="xs">
            {to !== undefined && facts.path !== to && !done && (
              <Button component={Link} to={to} size="compact-sm">
                To {place}
              </Button>
            )}
            <Button
              variant={done ? 'filled' : 'default'}
              size="compact-sm"
              onClick={() => go(last ? 'away' : step + 1)}
            >
              {last ? 'Done' : done ? 'Next' : 'Skip'}
            </Button>
          </Group>
        </Group>
      </Stack>
    </Paper>
  )
}

function useFacts(): TourFacts {
  const path = useRouterState({ select: ({ location }) => location.pathname })
  const letters = useAnswer<{ deadLetters: unknown[] }>('/dead-letters', {
    query: { state: 'dead', limit: 10 },
    everyMs: EVERY_MS,
  }).data
  const runs =
    useAnswer<{ runs: ListedRunAnswer[] }>(at`/activations/${TOUR_ACTIVATION}/runs`, {
      query: { limit: 20 },
      everyMs: EVERY_MS,
    }).data?.runs ?? []
  return {
    path,
    openLetters: letters?.deadLetters.length,
    dryRuns: runs.filter(({ dry }) => dry).length,
    endedRuns: runs.filter(({ dry, finishedAt }) => !dry && finishedAt !== null).length,
  }
}
