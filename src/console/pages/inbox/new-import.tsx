/** Starts reading files: where they lie, what is in them, whether to go on looking. */

import { Button, Group, Modal, NativeSelect, NumberInput, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type FormEvent, useState } from 'react'
import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import type { ImportAnswer } from '../../../api/routes/imports.ts'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'

export function NewImport({ sources }: { sources: readonly SourceAnswer[] }) {
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      <Button size="sm" variant="default" onClick={open}>
        Import files
      </Button>
      <Modal opened={opened} onClose={close} title="Import files" size="lg">
        <NewImportForm sources={sources} close={close} />
      </Modal>
    </>
  )
}

interface Wanted {
  readonly location: string
  readonly source: string
  readonly format: string
  readonly holds: 'events' | 'rows'
  readonly stream: string
  readonly copiesOf: string
  readonly authorization: string
  readonly pollSeconds: number | undefined
}

const NOTHING: Wanted = {
  location: '',
  source: '',
  format: 'auto',
  holds: 'events',
  stream: 'braze_users',
  copiesOf: '',
  authorization: '',
  pollSeconds: undefined,
}

const FORMATS = {
  events: ['auto', 'avro', 'ndjson', 'json'],
  rows: ['auto', 'csv', 'ndjson', 'json'],
} as const

function NewImportForm({ sources, close }: { sources: readonly SourceAnswer[]; close: () => void }) {
  const [wanted, setWanted] = useState(NOTHING)
  const put = (part: Partial<Wanted>): void => setWanted((before) => ({ ...before, ...part }))
  const authorizations = useAnswer<{ authorizations: AuthorizationAnswer[] }>('/authorizations')
  const start = useChange<void, ImportAnswer>({
    method: 'POST',
    path: () => '/imports',
    body: () => bodyOf(wanted),
    changes: ['/imports', '/sources'],
    leadsTo: ({ source }) => at`/inbox/${source}`,
    done: close,
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    start.mutate()
  }
  const { location, holds } = wanted
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          label="Place"
          description="A folder on the machine of the hub, or s3://bucket/prefix"
          placeholder="s3://my-bucket/currents/"
          required
          data-autofocus
          value={location}
          onChange={({ currentTarget }) => put({ location: currentTarget.value })}
        />
        <NativeSelect
          label="What the files hold"
          data={[
            { value: 'events', label: 'Events, as Currents writes them' },
            { value: 'rows', label: 'Rows of people' },
          ]}
          value={holds}
          onChange={({ currentTarget }) =>
            put({ holds: currentTarget.value === 'rows' ? 'rows' : 'events', format: 'auto' })
          }
        />
        {holds === 'rows' ? (
          <TextInput
            label="Stream that the rows are of"
            required
            value={wanted.stream}
            onChange={({ currentTarget }) => put({ stream: currentTarget.value })}
          />
        ) : (
          <NativeSelect
            label="Copies of what a source sends"
            description="What it has sent before is then a duplicate, so that files fill only what is missing"
            data={[
              { value: '', label: 'No, they are a source of their own' },
              ...sources
                .filter(({ kind }) => kind !== 'files' && kind !== 'audience')
                .map(({ name }) => ({ value: name, label: name })),
            ]}
            value={wanted.copiesOf}
            onChange={({ currentTarget }) => put({ copiesOf: currentTarget.value })}
          />
        )}
        <NativeSelect
          label="Format"
          data={FORMATS[holds].map((value) => ({
            value,
            label: value === 'auto' ? 'told by their content' : value,
          }))}
          value={wanted.format}
          onChange={({ currentTarget }) => put({ format: currentTarget.value })}
        />
        {location.startsWith('s3:') && (
          <NativeSelect
            label="Credentials of the bucket"
            data={[
              { value: '', label: 'None: anybody may read it' },
              ...(authorizations.data?.authorizations ?? [])
                .filter(({ provider }) => provider === 's3')
                .map(({ id, label }) => ({ value: id, label })),
            ]}
            value={wanted.authorization}
            onChange={({ currentTarget }) => put({ authorization: currentTarget.value })}
          />
        )}
        <NumberInput
          label="Look for new files every so many seconds"
          description="Empty: read once"
          min={5}
          max={86_400}
          allowDecimal={false}
          value={wanted.pollSeconds ?? ''}
          onChange={(next) => put({ pollSeconds: typeof next === 'number' ? next : undefined })}
        />
        <TextInput
          label="Name of the source"
          description="Empty: made from the place"
          value={wanted.source}
          onChange={({ currentTarget }) => put({ source: currentTarget.value })}
        />
        {start.error !== null && <FailureNote error={start.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={start.isPending} disabled={location.trim() === ''}>
            Start
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** What was left empty is not said. */
function bodyOf(wanted: Wanted): object {
  const { location, source, format, holds, stream, copiesOf, authorization, pollSeconds } = wanted
  const said = (name: string, value: string) => (value.trim() === '' ? {} : { [name]: value.trim() })
  return {
    location: location.trim(),
    format,
    ...said('source', source),
    ...said('authorization', location.startsWith('s3:') ? authorization : ''),
    ...(holds === 'rows' ? { rows: { stream: stream.trim() } } : said('copiesOf', copiesOf)),
    ...(pollSeconds === undefined ? {} : { pollSeconds }),
  }
}
