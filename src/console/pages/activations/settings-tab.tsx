/** Changes an activation: its definition as a new version, a resync, its end. */

import { Group, List, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { RevisionForm } from '../../elements/revision-form.tsx'
import { problemsOf } from '../../elements/schema-form.tsx'
import { count } from '../../elements/words.ts'
import { ActivationForm } from './activation-form.tsx'
import { type Draft, definitionOf, draftOf } from './draft.ts'

export function SettingsTab({ activation }: { activation: ActivationAnswer }) {
  const { name, definition } = activation
  const [draft, setDraft] = useState<Draft>(() => draftOf(definition))
  const [note, setNote] = useState('')
  const revise = useChange<void, ActivationAnswer>({
    method: 'PUT',
    path: () => at`/activations/${name}`,
    body: () => ({ definition: definitionOf(draft), note }),
    changes: ['/activations'],
    done: ({ version }) => told(`Saved as version ${version}; the next run goes by it`),
  })
  return (
    <Stack gap="lg">
      <RevisionForm note={note} setNote={setNote} save={revise}>
        <ActivationForm
          named
          draft={draft}
          change={(part) => setDraft((before) => ({ ...before, ...part }))}
          problems={problemsOf(revise.error?.details, 'definition')}
        />
      </RevisionForm>
      <Ends activation={activation} />
    </Stack>
  )
}

function Ends({ activation: { name, members, lastRun, definition } }: { activation: ActivationAnswer }) {
  const resync = useChange({
    method: 'POST',
    path: () => at`/activations/${name}/resync`,
    changes: ['/activations'],
    done: () => told('The next run sends everything again'),
  })
  const remove = useChange({
    method: 'DELETE',
    path: () => at`/activations/${name}`,
    changes: ['/activations'],
    leadsTo: () => '/activations',
  })
  const size = members === null ? 'Its members' : `Its ${count(members)} members`
  return (
    <section className="tw-card" aria-label="Resync and delete">
      <Stack gap="sm">
        <Title order={2}>Begin anew, or end it</Title>
        <Group gap="sm">
          <ConfirmButton
            label="Resync"
            variant="default"
            deed="Trust nothing that was accepted"
            onConfirm={() => resync.mutateAsync()}
          >
            <Text size="sm">
              {size} stay. The next run sends everybody in the result again
              {definition.operation === 'mirror' && ', and takes out whoever is not in it'}: for when the
              cohort was changed at the vendor by somebody else.
            </Text>
          </ConfirmButton>
          <ConfirmButton
            label="Delete activation"
            color="var(--tw-bad-strong)"
            variant="outline"
            deed="Delete it"
            typed={name}
            onConfirm={() => remove.mutateAsync()}
          >
            <List size="sm">
              <List.Item>It runs no more. {size} stay in the cohort at the vendor.</List.Item>
              <List.Item>
                {lastRun === null
                  ? 'It never ran.'
                  : `Its ${count(lastRun.run)} runs stay, and can be looked at.`}
              </List.Item>
              <List.Item>The current that carries its changes ends with it.</List.Item>
            </List>
          </ConfirmButton>
        </Group>
      </Stack>
    </section>
  )
}
