import { Button, Group, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { ExportAnswer, ExportPreviewAnswer } from '../../../api/routes/exports.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { problemsOf } from '../../elements/schema-form.tsx'
import { type Draft, definitionOf, NEW_DRAFT } from './draft.ts'
import { ExportForm } from './export-form.tsx'
import { ExportPreview } from './export-preview.tsx'

/** Makes a draft of an export; nothing is sent before it is started. */
export function NewExportPage() {
  const [draft, setDraft] = useState<Draft>(NEW_DRAFT)
  const create = useChange<void, ExportAnswer>({
    method: 'POST',
    path: () => '/exports',
    body: () => definitionOf(draft),
    changes: ['/exports'],
    leadsTo: ({ name }) => at`/exports/${name}`,
  })
  const preview = useChange<void, ExportPreviewAnswer>({
    method: 'POST',
    path: () => '/exports/preview',
    body: () => definitionOf(draft),
    changes: [],
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    create.mutate()
  }
  const failure = create.error ?? preview.error
  return (
    <Page
      title="New export"
      up={{ to: '/exports', label: 'Exports' }}
      intro="It begins as a draft: nothing is sent before it is started."
      calls={['POST /api/v1/exports', 'POST /api/v1/exports/preview']}
      commands={['thalweg exports create <file.json>', 'thalweg exports preview <file.json>']}
    >
      <form onSubmit={submit} noValidate>
        <ExportForm
          draft={draft}
          change={(part) => setDraft((before) => ({ ...before, ...part }))}
          problems={problemsOf(failure?.details)}
        />
        {failure !== null && <FailureNote error={failure} />}
        {preview.data !== undefined && (
          <section className="tw-card" aria-label="Preview">
            <Text fw={600}>At its start it would send</Text>
            <ExportPreview preview={preview.data} />
          </section>
        )}
        <Group mt="md">
          <Button type="submit" loading={create.isPending}>
            Create draft
          </Button>
          <Button variant="default" loading={preview.isPending} onClick={() => preview.mutate()}>
            Preview
          </Button>
        </Group>
      </form>
    </Page>
  )
}
