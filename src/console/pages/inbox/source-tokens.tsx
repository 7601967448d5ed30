/** The tokens of a source: several at once, so that a sender can change over without a gap. */

import { Button, Group, Modal, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type FormEvent, useState } from 'react'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { at, call } from '../../api/client.ts'
import { askAnew, useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { When } from '../../elements/when.tsx'
import { SenderSettings } from './sender-settings.tsx'

export function SourceTokens({ source }: { source: SourceAnswer }) {
  const { tokens, name } = source
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2}>Tokens</Title>
        <AddToken source={source} />
      </Group>
      {tokens.length === 0 && <Text size="sm">None: nobody can send now.</Text>}
      {tokens.map(({ id, label, createdAt }) => (
        <Group key={id} justify="space-between" gap="sm">
          <div>
            <Text size="sm" fw={550}>
              {label}
            </Text>
            <Text size="xs" c="dimmed">
              made <When at={createdAt} />
            </Text>
          </div>
          <ConfirmButton
            label={`Revoke ${label}`}
            deed="Revoke it"
            variant="default"
            onConfirm={async () => {
              await call('DELETE', at`/sources/${name}/tokens/${id}`)
              await askAnew(['/sources'])
              told(`The token ${label} is refused from now on.`)
            }}
          >
            <Text size="sm">
              Whoever still sends with it is refused at once; Braze keeps what is refused and tries again for
              a while.
              {tokens.length === 1
                ? ' It is the last token: nobody can send until there is another one.'
                : ''}
            </Text>
          </ConfirmButton>
        </Group>
      ))}
    </Stack>
  )
}

function AddToken({ source }: { source: SourceAnswer }) {
  const [opened, { open, close }] = useDisclosure(false)
  const [label, setLabel] = useState('')
  const add = useChange<void, { readonly id: string; readonly token: string }>({
    method: 'POST',
    path: () => at`/sources/${source.name}/tokens`,
    body: () => ({ label }),
    changes: ['/sources'],
  })
  const leave = (): void => {
    close()
    setLabel('')
    add.reset()
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <>
      <Button size="sm" variant="default" onClick={open}>
        Add a token
      </Button>
      <Modal
        opened={opened}
        onClose={leave}
        title="Add a token"
        size="lg"
        // A click beside it must not lose a token that is shown only once.
        closeOnClickOutside={add.data === undefined}
      >
        {add.data === undefined ? (
          <form onSubmit={submit}>
            <Stack gap="sm">
              <TextInput
                label="What it is for"
                description="Both tokens work until one is revoked"
                required
                data-autofocus
                value={label}
                onChange={({ currentTarget }) => setLabel(currentTarget.value)}
              />
              {add.error !== null && <FailureNote error={add.error} />}
              <Group justify="flex-end">
                <Button variant="default" onClick={leave}>
                  Leave it
                </Button>
                <Button type="submit" loading={add.isPending} disabled={label.trim() === ''}>
                  Add it
                </Button>
              </Group>
            </Stack>
          </form>
        ) : (
          <Stack gap="md">
            <Text size="sm">This token is shown this once. Paste it at the sender now.</Text>
            <SenderSettings source={source} token={add.data.token} />
            <Group justify="flex-end">
              <Button onClick={leave}>I have it</Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </>
  )
}
