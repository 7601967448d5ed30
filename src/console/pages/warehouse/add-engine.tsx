import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import type { EngineAnswer } from '../../../api/routes/engines.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { told } from '../../elements/notices.ts'
import { type JsonSchema, problemsOf, SchemaForm, type Values } from '../../elements/schema-form.tsx'

interface Kind {
  readonly kind: string
  readonly title: string
  readonly description: string
  readonly settings: JsonSchema
}

/** Connects a query engine: what it is, where it is, and by which credentials it is opened. */
export function AddEngine({ opened, close }: { opened: boolean; close: () => void }) {
  const kinds = useAnswer<{ kinds: Kind[] }>('/engine-kinds', { enabled: opened })
  return (
    <Modal opened={opened} onClose={close} title="Add engine" size="lg">
      <Answer of={kinds}>{({ kinds: all }) => <EngineForm kinds={all} close={close} />}</Answer>
    </Modal>
  )
}

function EngineForm({ kinds, close }: { kinds: readonly Kind[]; close: () => void }) {
  const [kind, setKind] = useState(kinds[0]?.kind ?? '')
  const [name, setName] = useState('')
  const [authorization, setAuthorization] = useState('')
  const [settings, setSettings] = useState<Values>({})
  const authorizations = useAnswer<{ authorizations: AuthorizationAnswer[] }>('/authorizations')
  const fitting = (authorizations.data?.authorizations ?? []).filter(({ provider }) => provider === kind)
  const chosen = kinds.find((one) => one.kind === kind)
  const add = useChange<void, EngineAnswer>({
    method: 'POST',
    path: () => '/engines',
    body: () => ({ name, kind, authorization, settings }),
    changes: ['/engines'],
    done: () => {
      told(`${name} is connected: check whether it answers`)
      close()
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <NativeSelect
          label="Kind"
          description={chosen?.description}
          value={kind}
          data={kinds.map((one) => ({ value: one.kind, label: one.title }))}
          onChange={({ currentTarget }) => {
            setKind(currentTarget.value)
            setAuthorization('')
            setSettings({})
          }}
        />
        <TextInput
          label="Name"
          description="What queries call it"
          required
          value={name}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
        <NativeSelect
          label="Authorization"
          required
          value={authorization}
          data={[
            { value: '', label: 'Choose one' },
            ...fitting.map(({ id, label }) => ({ value: id, label })),
          ]}
          onChange={({ currentTarget }) => setAuthorization(currentTarget.value)}
        />
        {authorizations.data !== undefined && fitting.length === 0 && (
          <Text size="sm">
            There is no authorization of this kind yet:{' '}
            <Link to={at`/authorizations`}>add one with user and password</Link> first.
          </Text>
        )}
        {chosen !== undefined && (
          <SchemaForm
            key={kind}
            schema={chosen.settings}
            value={settings}
            onChange={setSettings}
            problems={problemsOf(add.error?.details, 'settings')}
          />
        )}
        {add.error !== null && <FailureNote error={add.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={add.isPending} disabled={name === '' || authorization === ''}>
            Add engine
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
