import { Button, Group } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { problemsOf } from '../../elements/schema-form.tsx'
import { ActivationForm } from './activation-form.tsx'
import { type Draft, definitionOf, NEW_DRAFT } from './draft.ts'

/** Makes an activation; nothing is sent before its first run. */
export function NewActivationPage() {
  const [draft, setDraft] = useState<Draft>(NEW_DRAFT)
  const create = useChange<void, ActivationAnswer>({
    method: 'POST',
    path: () => '/activations',
    body: () => definitionOf(draft),
    changes: ['/activations'],
    leadsTo: ({ name }) => at`/activations/${name}`,
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    create.mutate()
  }
  return (
    <Page
      title="New activation"
      up={{ to: '/activations', label: 'Activations' }}
      intro="Nothing is sent before its first run, and a dry run shows what that would do."
      calls={['POST /api/v1/activations', 'POST /api/v1/activations/preview']}
      commands={['thalweg activations create <file.json>']}
    >
      <form onSubmit={submit} noValidate>
        <ActivationForm
          draft={draft}
          change={(part) => setDraft((before) => ({ ...before, ...part }))}
          problems={problemsOf(create.error?.details)}
          named={false}
        />
        {create.error !== null && <FailureNote error={create.error} />}
        <Group mt="md">
          <Button type="submit" loading={create.isPending}>
            Create activation
          </Button>
        </Group>
      </form>
    </Page>
  )
}
