/** A new current, step by step: what flows, what becomes of it, where it goes; tested before it is launched. */

import { Button, Group, Stack, Stepper } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { CurrentAnswer } from '../../../api/routes/currents.ts'
import { at, call } from '../../api/client.ts'
import { askAnew, useLeading } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { useFilters } from '../../elements/filters.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { type Definition, problemsBelow, problemsIn, type SectionProps } from './definition/definition.ts'
import { DestinationSection } from './definition/destination-section.tsx'
import { FieldsSection } from './definition/fields-section.tsx'
import { SelectionSection } from './definition/selection-section.tsx'
import { SourceSection } from './definition/source-section.tsx'
import classes from './new-current-page.module.css'
import { currentPlace } from './places.ts'
import { type Draft, type DraftState, useDraft } from './wizard/draft.ts'
import { LaunchStep } from './wizard/launch-step.tsx'
import { TestStep } from './wizard/test-step.tsx'

interface Step {
  readonly label: string
  readonly about: string
  /** Fields of the definition that are filled in here. */
  readonly fields: readonly string[]
  /** What is still missing, in words; undefined: one can go on. */
  readonly missing: (definition: Definition) => string | undefined
}

const STEPS: readonly Step[] = [
  {
    label: 'Source',
    about: 'Whose events',
    fields: ['sources'],
    missing: ({ sources }) => (sources.length === 0 ? 'Choose a source' : undefined),
  },
  {
    label: 'Events',
    about: 'Which of them flow',
    fields: ['selection'],
    missing: ({ selection }) =>
      selection.include.length === 0 ? 'Choose at least one event type' : undefined,
  },
  {
    label: 'People',
    about: 'External id, personal data',
    fields: ['externalId', 'fields'],
    missing: () => undefined,
  },
  {
    label: 'Destination',
    about: 'Where they go',
    fields: ['destination'],
    missing: ({ destination }) => (destination.kind === '' ? 'Choose a kind of destination' : undefined),
  },
  { label: 'Test', about: 'Before anything flows', fields: [], missing: () => undefined },
  {
    label: 'Launch',
    about: 'Name, contact, beginning',
    fields: ['name', 'contactEmail', 'delivery'],
    missing: ({ name, contactEmail }) =>
      name === '' || contactEmail === '' ? 'Give it a name and a contact' : undefined,
  },
]
const LAST = STEPS.length - 1

export function NewCurrentPage() {
  const state = useDraft()
  const { definition } = state.draft
  const [{ step: said }, say] = useFilters<{ step?: number }>()
  const step = Math.min(Math.max(Math.trunc(Number(said ?? 1)) || 1, 1), STEPS.length) - 1
  const [refused, setRefused] = useState<Error>()
  const problems = problemsIn(refused)
  const go = (to: number): void => say({ step: to + 1 })
  const { missing } = STEPS[step] ?? {}
  const lack = missing?.(definition)
  return (
    <Page
      title="New current"
      up={{ to: '/currents', label: 'Currents' }}
      intro="Nothing flows before you launch it. What you fill in is kept while you go back and forth."
      calls={[
        'POST /api/v1/currents/check',
        'POST /api/v1/currents',
        'POST /api/v1/currents/{current}/launch',
      ]}
      commands={['thalweg currents create --file current.json --launch']}
    >
      <Stepper
        active={step}
        onStepClick={go}
        size="sm"
        iconSize={26}
        wrap={false}
        classNames={{
          step: classes.step,
          stepBody: classes.stepBody,
          stepDescription: classes.about,
          separator: classes.separator,
        }}
      >
        {STEPS.map(({ label, about, fields }) => {
          const wrong = problemsBelow(problems, fields).length > 0
          return (
            <Stepper.Step
              key={label}
              label={label}
              description={wrong ? 'Something is wrong here' : about}
              color={wrong ? 'red' : undefined}
            />
          )
        })}
      </Stepper>
      <section aria-label={STEPS[step]?.label}>
        <StepBody
          step={step}
          value={definition}
          onChange={state.define}
          problems={problems}
          state={state}
          onRefused={setRefused}
        />
      </section>
      <Group justify="space-between" wrap={step < LAST ? 'nowrap' : 'wrap'}>
        <Button variant="default" disabled={step === 0} onClick={() => go(step - 1)}>
          Back
        </Button>
        {step < LAST ? (
          <Group gap="sm" wrap="nowrap">
            {lack !== undefined && <span className={classes.lack}>{lack}</span>}
            <Button disabled={lack !== undefined} onClick={() => go(step + 1)}>
              Next
            </Button>
          </Group>
        ) : (
          <Ending state={state} disabled={lack !== undefined} refused={refused} onRefused={setRefused} />
        )}
      </Group>
    </Page>
  )
}

interface StepBodyProps extends SectionProps {
  readonly step: number
  readonly state: DraftState
  readonly onRefused: (error: Error | undefined) => void
}

function StepBody({ step, state, onRefused, ...section }: StepBodyProps) {
  switch (step) {
    case 0:
      return <SourceSection {...section} />
    case 1:
      return <SelectionSection {...section} />
    case 2:
      return <FieldsSection {...section} />
    case 3:
      return <DestinationSection {...section} />
    case 4:
      return <TestStep definition={section.value} onRefused={onRefused} />
    default:
      return <LaunchStep {...section} draft={state.draft} change={state.change} />
  }
}

interface EndingProps {
  readonly state: DraftState
  readonly disabled: boolean
  readonly refused: Error | undefined
  readonly onRefused: (error: Error | undefined) => void
}

type Made = Pick<CurrentAnswer, 'name' | 'number' | 'state'>

/** Keeps it as a draft, or launches it at once. */
function Ending({ state: { draft, forget }, disabled, refused, onRefused }: EndingProps) {
  const lead = useLeading()
  const ending = useMutation<Made, Error, boolean, string>({
    onMutate: () => window.location.pathname,
    mutationFn: async (launch) => {
      const made = await call<Made>('POST', '/currents', { body: draft.definition })
      if (!launch) return made
      try {
        return await call<Made>('POST', at`/currents/${made.number}/launch`, {
          body: { from: beginningOf(draft) },
        })
      } catch (error) {
        // It is made: its own page offers the launch again.
        told(
          `${made.name} is kept as a draft, and was not launched: ${error instanceof Error ? error.message : error}`,
        )
        return made
      }
    },
    onSuccess: async (made, _launch, from) => {
      await askAnew(['/currents'])
      told(made.state === 'draft' ? `${made.name} is kept as a draft` : `${made.name} is launched`)
      forget()
      await lead(from, currentPlace(made))
    },
    onError: onRefused,
  })
  const end = (launch: boolean): void => {
    onRefused(undefined)
    ending.mutate(launch)
  }
  return (
    <Stack gap="sm" align="flex-end">
      {refused !== undefined && <FailureNote error={refused} />}
      <Group gap="sm">
        <Button variant="default" loading={ending.isPending} disabled={disabled} onClick={() => end(false)}>
          Keep as a draft
        </Button>
        <Button
          loading={ending.isPending}
          disabled={disabled || (draft.from === 'time' && draft.timeMs === null)}
          onClick={() => end(true)}
        >
          Launch
        </Button>
      </Group>
    </Stack>
  )
}

function beginningOf({ from, timeMs }: Draft): 'now' | 'earliest' | { timeMs: number } {
  return from === 'time' ? { timeMs: timeMs ?? 0 } : from
}
