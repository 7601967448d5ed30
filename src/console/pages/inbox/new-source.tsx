/** Makes a source: what sends, its name, its settings; then shows address and token, the token this once. */

import { Alert, Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { type JsonSchema, problemsOf, SchemaForm, type Values } from '../../elements/schema-form.tsx'
import { SenderSettings } from './sender-settings.tsx'
import { KINDS } from './source-kinds.ts'

export interface SourceKindsAnswer {
  readonly kinds: readonly { readonly kind: string; readonly title: string; readonly settings: JsonSchema }[]
}

interface Made {
  readonly source: SourceAnswer
  readonly token: string
}

/** Files are read by an import, which has a form of its own. */
const CHOICES = Object.entries(KINDS).filter(([kind]) => kind !== 'files')

export function NewSource() {
  const [opened, { open, close }] = useDisclosure(false)
  const [made, setMade] = useState<Made>()
  const navigate = useNavigate()
  const leave = (): void => {
    close()
    if (made !== undefined) void navigate({ href: `/inbox/${encodeURIComponent(made.source.name)}` })
    setMade(undefined)
  }
  return (
    <>
      <Button size="sm" onClick={open}>
        New source
      </Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={made === undefined ? 'New source' : `Source ${made.source.name}`}
        size="lg"
        // A click beside it must not lose a token that is shown only once.
        closeOnClickOutside={made === undefined}
      >
        {made === undefined ? (
          <NewSourceForm made={setMade} leave={leave} />
        ) : (
          <Secret made={made} leave={leave} />
        )}
      </Modal>
    </>
  )
}

function NewSourceForm({ made, leave }: { made: (made: Made) => void; leave: () => void }) {
  const kinds = useAnswer<SourceKindsAnswer>('/source-kinds')
  const [kind, setKind] = useState(CHOICES[0]?.[0] ?? '')
  const [name, setName] = useState('')
  const [settings, setSettings] = useState<Values>({})
  const create = useChange<void, Made>({
    method: 'POST',
    path: () => '/sources',
    body: () => ({ name, kind, settings }),
    changes: ['/sources', '/inbox'],
    done: made,
  })
  const { error } = create
  const problems = problemsOf(error?.details)
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    create.mutate()
  }
  const schema = kinds.data?.kinds.find((one) => one.kind === kind)?.settings
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <NativeSelect
          label="What sends"
          description={CHOICES.find(([one]) => one === kind)?.[1]?.about}
          data={CHOICES.map(([value, words]) => ({ value, label: words?.title ?? value }))}
          value={kind}
          onChange={({ currentTarget }) => {
            setKind(currentTarget.value)
            setSettings({})
          }}
        />
        <TextInput
          label="Name"
          description="Lower-case letters, digits and hyphens; it becomes part of the address"
          required
          data-autofocus
          value={name}
          error={problems.name}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
        {schema !== undefined && (
          <SchemaForm
            schema={schema}
            value={settings}
            onChange={setSettings}
            problems={{ ...problems, ...problemsOf(error?.details, 'settings') }}
          />
        )}
        {error !== null && <FailureNote error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={leave}>
            Leave it
          </Button>
          <Button type="submit" loading={create.isPending} disabled={name === ''}>
            Make the source
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function Secret({ made: { source, token }, leave }: { made: Made; leave: () => void }) {
  return (
    <Stack gap="md">
      <Alert color="yellow" variant="outline" title="The token is shown this once">
        <Text size="sm">
          Only its fingerprint is kept. Paste it at the sender, or put it into a safe place, now.
        </Text>
      </Alert>
      <SenderSettings source={source} token={token} />
      <Group justify="flex-end">
        <Button onClick={leave}>I have it</Button>
      </Group>
    </Stack>
  )
}
