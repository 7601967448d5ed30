/** One segment: whom it means now, its rule, its versions. */

import { Button, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { SegmentAnswer } from '../../../api/routes/segments.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { Tabs } from '../../elements/tabs.tsx'
import { When } from '../../elements/when.tsx'
import { SegmentEditor } from './segment-editor.tsx'
import { SegmentPreview } from './segment-preview.tsx'

type Version = Omit<SegmentAnswer, 'name' | 'createdAt'>

const TABS = [
  ['', 'Now'],
  ['edit', 'Edit'],
  ['versions', 'Versions'],
] as const

export function SegmentPage() {
  const { segment: name = '', tab = '' } = useParams({ strict: false }) as { segment?: string; tab?: string }
  const path = at`/segments/${name}`
  const segment = useAnswer<SegmentAnswer>(path)
  const remove = useChange({
    method: 'DELETE',
    path: () => path,
    changes: ['/segments'],
    leadsTo: () => '/segments',
    done: () => told(`${name} is deleted`),
  })
  return (
    <Page
      title={name}
      up={{ to: '/segments', label: 'Segments' }}
      intro={segment.data?.definition.description}
      actions={
        <ConfirmButton label="Delete segment" variant="default" typed={name} onConfirm={remove.mutateAsync}>
          <Text>{name} goes with all its versions. That is refused while an activation sends it.</Text>
        </ConfirmButton>
      }
      calls={[`GET /api/v1${path}`, `GET /api/v1${path}/preview`, `PUT /api/v1${path}`]}
      commands={[`thalweg segments preview ${name} --sql`, `thalweg segments revise ${name} segment.json`]}
    >
      <Tabs
        label="Parts of the segment"
        tabs={TABS.map(([part, label]) => ({
          label,
          to: part === '' ? path : `${path}/${part}`,
          active: part === tab,
        }))}
      />
      {tab === 'versions' ? (
        <Versions path={path} />
      ) : (
        <Answer of={segment}>
          {(data) =>
            tab === 'edit' ? <Edit segment={data} path={path} /> : <SegmentPreview {...data.definition} />
          }
        </Answer>
      )}
    </Page>
  )
}

function Edit({ segment, path }: { segment: SegmentAnswer; path: string }) {
  // What somebody else saves in the meantime does not change what is being written.
  const [definition, setDefinition] = useState(segment.definition)
  const [note, setNote] = useState('')
  const [isWhole, setWhole] = useState(true)
  const save = useChange<void, SegmentAnswer>({
    method: 'PUT',
    path: () => path,
    body: () => ({ definition, note }),
    changes: ['/segments'],
    leadsTo: () => path,
    done: ({ version }) => told(`Version ${version} is kept. Activations take it with their next run`),
  })
  return (
    <Stack gap="md">
      <SegmentEditor value={definition} onChange={setDefinition} isKept onWhole={setWhole} />
      {save.error !== null && <FailureNote error={save.error} />}
      <Group align="flex-end">
        <TextInput
          label="Note to this version"
          placeholder="What changes, and why"
          w={320}
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
        <Button loading={save.isPending} disabled={!isWhole} onClick={() => save.mutate()}>
          Save as a new version
        </Button>
      </Group>
    </Stack>
  )
}

function Versions({ path }: { path: string }) {
  const versions = useAnswer<{ versions: Version[] }>(`${path}/versions`)
  return (
    <Answer of={versions}>
      {({ versions: all }) => (
        <Stack gap="sm">
          {all.map(({ version, savedAt, author, note, definition }) => (
            <section key={version} className="tw-card" aria-label={`Version ${version}`}>
              <Title order={2}>Version {version}</Title>
              <Text size="sm" c="dimmed" mb="xs">
                <When at={savedAt} exact /> by {author || 'somebody'}
                {note !== '' && `: ${note}`}
              </Text>
              <JsonView value={definition} label={`version ${version}`} height="300px" />
            </section>
          ))}
        </Stack>
      )}
    </Answer>
  )
}
