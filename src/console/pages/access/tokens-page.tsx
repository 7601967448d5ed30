/** API tokens: how programs come in. */

import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { KeyRound } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import type { TokenAnswer } from '../../../api/routes/tokens.ts'
import { at, call } from '../../api/client.ts'
import { askAnew, useAnswer, useChange } from '../../api/queries.ts'
import { useMay } from '../../api/session.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { When } from '../../elements/when.tsx'
import { spoken } from '../../elements/words.ts'
import { AccessTabs } from './access-tabs.tsx'
import { AdminsOnly } from './admins-only.tsx'
import { type Role, RoleChoice } from './roles.tsx'
import { ShownOnce } from './shown-once.tsx'

interface Made {
  readonly token: TokenAnswer
  readonly secret: string
}

export function TokensPage() {
  return (
    <Page
      title="API tokens"
      intro="Programs and the command line send a token with each request. Only its hash is kept: the token itself is shown once."
      actions={useMay('admin') && <Make />}
      calls={['GET /api/v1/tokens', 'POST /api/v1/tokens', 'DELETE /api/v1/tokens/{token}']}
      commands={[
        'thalweg tokens list',
        'thalweg tokens create <label> --role viewer',
        'thalweg tokens revoke <id>',
      ]}
    >
      <AccessTabs />
      <AdminsOnly what="API tokens">
        <Tokens />
      </AdminsOnly>
    </Page>
  )
}

function Tokens() {
  const tokens = useAnswer<{ tokens: TokenAnswer[] }>('/tokens')
  return (
    <Answer of={tokens}>
      {(answer) => (
        <DataTable label="API tokens" rows={answer.tokens} columns={COLUMNS} rowKey={({ id }) => id} />
      )}
    </Answer>
  )
}

const COLUMNS: readonly Column<TokenAnswer>[] = [
  { id: 'label', header: 'Label', cell: ({ label }) => label, sortBy: ({ label }) => label.toLowerCase() },
  { id: 'role', header: 'Role', cell: ({ role }) => spoken(role), sortBy: ({ role }) => role },
  {
    id: 'used',
    header: 'Last used',
    cell: ({ lastUsedAt }) => <When at={lastUsedAt} />,
    sortBy: ({ lastUsedAt }) => lastUsedAt ?? 0,
  },
  {
    id: 'made',
    header: 'Made',
    cell: ({ createdAt }) => <When at={createdAt} />,
    sortBy: ({ createdAt }) => createdAt,
    spare: true,
  },
  { id: 'revoke', header: '', cell: (token) => <Revoke token={token} />, align: 'right', width: 110 },
]

function Revoke({ token: { id, label, lastUsedAt } }: { token: TokenAnswer }) {
  return (
    <ConfirmButton
      label="Revoke"
      size="compact-xs"
      variant="default"
      onConfirm={async () => {
        await call('DELETE', at`/tokens/${id}`)
        told(`“${label}” is refused from now on.`)
        await askAnew(['/tokens', '/audit'])
      }}
    >
      <Text size="sm">
        Whatever sends “{label}” is refused from now on. It was last used <When at={lastUsedAt} />.
      </Text>
    </ConfirmButton>
  )
}

function Make() {
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      <Button size="sm" leftSection={<KeyRound size={16} aria-hidden />} onClick={open}>
        Make a token
      </Button>
      <Modal opened={opened} onClose={close} title="Make an API token" centered>
        <MakeForm close={close} />
      </Modal>
    </>
  )
}

function MakeForm({ close }: { close: () => void }) {
  const [label, setLabel] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const make = useChange<void, Made>({
    method: 'POST',
    path: () => '/tokens',
    body: () => ({ label, role }),
    changes: ['/tokens', '/audit'],
  })
  if (make.data !== undefined)
    return (
      <Stack>
        <ShownOnce
          title={`The token “${make.data.token.label}”`}
          about="Keep it where the program finds it, for the command line in THALWEG_TOKEN. It is not shown again."
          secret={make.data.secret}
          label="the token"
        />
        <Group justify="flex-end">
          <Button onClick={close}>Done</Button>
        </Group>
      </Stack>
    )
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Label"
          description="What it is for: it stands in the audit beside what the program changes"
          required
          data-autofocus
          maxLength={200}
          value={label}
          onChange={({ currentTarget }) => setLabel(currentTarget.value)}
        />
        <RoleChoice value={role} change={setRole} />
        {make.error !== null && <FailureNote error={make.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={make.isPending}>
            Make the token
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
