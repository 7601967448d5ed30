/** Changes an export: its definition as a new version, with those before, and its end. */

import { Accordion, Radio, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import type { ExportAnswer, ExportVersionAnswer, ExportWholeAnswer } from '../../../api/routes/exports.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { told } from '../../elements/notices.ts'
import { RevisionForm } from '../../elements/revision-form.tsx'
import { problemsOf } from '../../elements/schema-form.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { type Draft, definitionOf, draftOf } from './draft.ts'
import { ExportForm } from './export-form.tsx'

export function SettingsTab({ of, path }: { of: ExportWholeAnswer; path: string }) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(of.definition))
  const [note, setNote] = useState('')
  const revise = useChange<void, ExportAnswer>({
    method: 'PUT',
    path: () => path,
    body: () => ({ definition: definitionOf(draft), note }),
    changes: ['/exports'],
    leadsTo: ({ name }) => at`/exports/${name}/settings`,
    done: ({ version }) => told(`Saved as version ${version}; it is applied to everybody`),
  })
  return (
    <Stack gap="lg">
      <RevisionForm note={note} setNote={setNote} save={revise}>
        <ExportForm
          draft={draft}
          change={(part) => setDraft((before) => ({ ...before, ...part }))}
          problems={problemsOf(revise.error?.details, 'definition')}
        />
      </RevisionForm>
      <Versions path={path} />
      <End of={of} path={path} />
    </Stack>
  )
}

function Versions({ path }: { path: string }) {
  const versions = useAnswer<{ versions: ExportVersionAnswer[] }>(`${path}/versions`)
  return (
    <section aria-label="Versions">
      <Title order={2} mb="xs">
        Versions
      </Title>
      <Answer of={versions}>
        {({ versions: all }) => (
          <Accordion variant="contained">
            {all.map(({ version, createdAt, author, note, definition }) => (
              <Accordion.Item key={version} value={String(version)}>
                <Accordion.Control>
                  <Text size="sm" component="span">
                    Version {version}, <When at={createdAt} exact />
                    {author !== '' && `, by ${author}`} {note}
                  </Text>
                </Accordion.Control>
                <Accordion.Panel>
                  <JsonView label={`Version ${version}`} value={definition} />
                </Accordion.Panel>
              </Accordion.Item>
            ))}
          </Accordion>
        )}
      </Answer>
    </section>
  )
}

function End({ of, path }: { of: ExportWholeAnswer; path: string }) {
  const [slugs, setSlugs] = useState<'remove' | 'leave'>('remove')
  const remove = useChange<void, ExportAnswer>({
    method: 'DELETE',
    path: () => path,
    query: () => ({ slugs }),
    changes: ['/exports'],
    leadsTo: ({ state }) => (state === 'deleted' ? '/exports' : undefined),
    done: ({ state }) => {
      if (state !== 'deleted') told('Its slugs are being removed at the vendor')
    },
  })
  const { people, requests, dataPoints, minutes } = of.status.removal
  return (
    <section className="tw-card" aria-label="Delete">
      <Stack gap="sm" align="flex-start">
        <Title order={2}>End it</Title>
        <ConfirmButton
          label="Delete export"
          color="var(--tw-bad-strong)"
          variant="outline"
          deed="Delete it"
          typed={of.name}
          onConfirm={() => remove.mutateAsync()}
        >
          <Radio.Group
            label="What the vendor holds"
            value={slugs}
            onChange={(value) => setSlugs(value as typeof slugs)}
          >
            <Stack gap="xs" mt={4}>
              <Radio
                value="remove"
                label="Remove the slugs first"
                description={`${count(people)} people hold one: ${count(requests)} requests, ${count(dataPoints)} data points, ${count(minutes)} minutes at least.`}
              />
              <Radio
                value="leave"
                label="Leave them there"
                description="Nobody is told; the attribute stays as it is, for ever out of date."
              />
            </Stack>
          </Radio.Group>
        </ConfirmButton>
      </Stack>
    </section>
  )
}
