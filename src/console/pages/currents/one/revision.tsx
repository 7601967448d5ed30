/** A change before it is saved: what is set otherwise, and what that would have done to the newest events. */

import { Button, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import type { RehearsalAnswer } from '../../../../api/routes/current-events.ts'
import type { CurrentAnswer } from '../../../../api/routes/currents.ts'
import { at } from '../../../api/client.ts'
import { useAnswer, useChange } from '../../../api/queries.ts'
import { FailureNote, Waiting } from '../../../elements/answer.tsx'
import { told } from '../../../elements/notices.ts'
import { Stat, Stats } from '../../../elements/stat.tsx'
import { count } from '../../../elements/words.ts'
import { type Definition, named } from '../definition/definition.ts'
import { differencesOf } from '../definition/difference.ts'
import { DifferenceList } from '../definition/difference-list.tsx'
import { BeforeAfter } from '../rehearsal/before-after.tsx'
import { CheckButton } from '../rehearsal/check-button.tsx'

export interface RevisionProps {
  readonly current: CurrentAnswer
  readonly edited: Definition
  readonly refused: Error | undefined
  readonly onRefused: (error: Error | undefined) => void
  /** Forgets the change; after it is saved, too. */
  readonly leave: () => void
}

const REST_MS = 400

export function Revision({ current, edited, refused, onRefused, leave }: RevisionProps) {
  const [note, setNote] = useState('')
  const differences = differencesOf(current.definition, edited)
  const saving = useChange<void, CurrentAnswer>({
    method: 'PUT',
    path: () => at`/currents/${current.number}`,
    body: () => ({ definition: edited, note }),
    changes: ['/currents'],
    done: ({ name, version }) => {
      told(`${name} is at version ${version}`)
      leave()
    },
  })
  if (differences.length === 0)
    return (
      <Group>
        <Text size="sm" c="dimmed">
          Nothing is set otherwise than in version {current.version}.
        </Text>
        <Button size="compact-sm" variant="default" onClick={leave}>
          Leave it
        </Button>
      </Group>
    )
  return (
    <section className="tw-card" aria-label="The change">
      <Stack gap="md">
        <Title order={2}>Version {current.version + 1} would change</Title>
        <DifferenceList differences={differences} />
        <Effect current={current} edited={edited} />
        <CheckButton
          path="/currents/check"
          body={edited}
          label="Test the destination"
          onRefused={onRefused}
        />
        <TextInput
          label="Why, for those who come later"
          maw={520}
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
        {refused !== undefined && <FailureNote error={refused} />}
        <Text size="sm" c="dimmed">
          It applies to everything that is not settled yet.
          {current.state === 'halted' && ' The current is halted, and runs again with it.'}
        </Text>
        <Group gap="sm">
          <Button
            loading={saving.isPending}
            onClick={() => {
              onRefused(undefined)
              saving.mutate(undefined, { onError: onRefused })
            }}
          >
            Save as version {current.version + 1}
          </Button>
          <Button variant="default" onClick={leave}>
            Leave it
          </Button>
        </Group>
      </Stack>
    </section>
  )
}

const CHANGES = {
  added: 'Would be sent too',
  removed: 'Would no longer be sent',
  different: 'Would look different',
}

/** The change over the newest events, beside the current as it is. */
function Effect({ current, edited }: { current: CurrentAnswer; edited: Definition }) {
  const [asked] = useDebouncedValue(edited, REST_MS)
  const { data, error } = useAnswer<RehearsalAnswer>('/currents/rehearse', {
    body: { definition: named(asked), against: String(current.number), records: 2_000, samples: 0 },
    keep: true,
  })
  if (error !== null) return <FailureNote error={error} />
  if (data === undefined) return <Waiting lines={3} />
  const { changes, records } = data
  if (changes === null) return null
  const { added, removed, different, same, examples } = changes
  return (
    <Stack gap="sm">
      <Text size="sm" fw={600}>
        Over the newest {count(records)} events of its sources
      </Text>
      <Stats>
        <Stat label={CHANGES.added} value={count(added)} />
        <Stat
          label={CHANGES.removed}
          value={count(removed)}
          {...(removed > 0 ? { mood: 'wait' as const } : {})}
        />
        <Stat label={CHANGES.different} value={count(different)} />
        <Stat label="As before" value={count(same)} />
      </Stats>
      {examples.slice(0, 3).map(({ change, id, type, offset, before, after }) => (
        <Stack key={`${change} ${offset}`} gap={4}>
          <Text size="sm">
            {CHANGES[change]}: {type}, {id === '' ? `record ${offset}` : id}
          </Text>
          <BeforeAfter
            height="220px"
            before={{
              title: before === null ? 'Before: not sent' : 'Before',
              label: `${id} before the change`,
              value: before,
            }}
            after={{
              title: after === null ? 'After: not sent' : 'After',
              label: `${id} after the change`,
              value: after,
            }}
          />
        </Stack>
      ))}
    </Stack>
  )
}
