/** What is one's own: name, password, and where one is signed in. */

import { Button, Group, PasswordInput, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { MySessionsAnswer } from '../../../api/routes/me.ts'
import { at, call } from '../../api/client.ts'
import { askAnew, useAnswer, useChange } from '../../api/queries.ts'
import { type Me, useMe } from '../../api/session.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { When } from '../../elements/when.tsx'
import { spoken } from '../../elements/words.ts'
import { AccessTabs } from './access-tabs.tsx'
import { agentName } from './agent.ts'
import { NewPassword } from './new-password.tsx'
import { ROLES } from './roles.tsx'

export function YouPage() {
  const me = useMe()
  return (
    <Page
      title="You"
      intro={
        me === undefined
          ? undefined
          : `${spoken(me.role)}: ${ROLES.find(({ role }) => role === me.role)?.may}`
      }
      calls={['PATCH /api/v1/me', 'GET /api/v1/sessions', 'DELETE /api/v1/sessions']}
      commands={['thalweg people list']}
    >
      <AccessTabs />
      {me?.kind === 'token' && (
        <div className="tw-card">
          <Empty title={`This browser sends the API token “${me.name}”`}>
            A token has no password and no sessions. Sign in as a person to have both.
          </Empty>
        </div>
      )}
      {me?.kind === 'person' && (
        <>
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Name key={me.name} me={me} />
            <NewPasswordForm />
          </SimpleGrid>
          <Sessions />
        </>
      )}
    </Page>
  )
}

function Name({ me }: { me: Me }) {
  const [name, setName] = useState(me.name)
  const change = useChange<void>({
    method: 'PATCH',
    path: () => '/me',
    body: () => ({ name }),
    changes: ['/session', '/people'],
    done: () => told('Your name was changed.'),
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    change.mutate()
  }
  return (
    <form className="tw-card" onSubmit={submit}>
      <Stack>
        <Title order={2}>Name</Title>
        <TextInput
          label="What you are called"
          description={`You sign in as ${me.email}; an admin can change the address`}
          required
          autoComplete="name"
          value={name}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
        {change.error !== null && <FailureNote error={change.error} />}
        <Group justify="flex-end">
          <Button type="submit" disabled={name === me.name} loading={change.isPending}>
            Save the name
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function NewPasswordForm() {
  const [old, setOld] = useState('')
  const [fresh, setFresh] = useState('')
  const change = useChange<void>({
    method: 'PATCH',
    path: () => '/me',
    body: () => ({ password: { old, new: fresh } }),
    changes: ['/sessions'],
    done: () => {
      setOld('')
      setFresh('')
      told('Your password was changed; your other sessions have ended.')
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    change.mutate()
  }
  return (
    <form className="tw-card" onSubmit={submit}>
      <Stack>
        <Title order={2}>Password</Title>
        <PasswordInput
          label="Old password"
          required
          autoComplete="current-password"
          value={old}
          onChange={({ currentTarget }) => setOld(currentTarget.value)}
        />
        <NewPassword label="New password" value={fresh} change={setFresh} />
        {change.error !== null && <FailureNote error={change.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={change.isPending}>
            Change the password
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

type MySession = MySessionsAnswer['sessions'][number]

function Sessions() {
  const sessions = useAnswer<MySessionsAnswer>('/sessions')
  return (
    <Answer of={sessions}>
      {(answer) => {
        const others = answer.sessions.filter(({ current }) => !current).length
        return (
          <Stack gap="xs">
            <Group justify="space-between">
              <Title order={2}>Where you are signed in</Title>
              <ConfirmButton
                label="End all others"
                needs="viewer"
                variant="default"
                size="compact-sm"
                disabled={others === 0}
                onConfirm={async () => {
                  await call('DELETE', '/sessions')
                  await askAnew(['/sessions'])
                }}
              >
                <Text size="sm">
                  {others === 1 ? 'One session ends' : `${others} sessions end`} at once; this one stays.
                </Text>
              </ConfirmButton>
            </Group>
            <DataTable
              label="Your sessions"
              rows={answer.sessions}
              columns={COLUMNS}
              rowKey={({ id }) => id}
              height="360px"
            />
          </Stack>
        )
      }}
    </Answer>
  )
}

const COLUMNS: readonly Column<MySession>[] = [
  {
    id: 'agent',
    header: 'Browser',
    cell: ({ agent, current }) => (
      <span title={agent}>
        {agentName(agent)}
        {current && ' (this one)'}
      </span>
    ),
  },
  { id: 'address', header: 'From', cell: ({ address }) => address },
  { id: 'seen', header: 'Last used', cell: ({ seenAt }) => <When at={seenAt} /> },
  { id: 'made', header: 'Signed in', cell: ({ createdAt }) => <When at={createdAt} />, spare: true },
  {
    id: 'end',
    header: '',
    align: 'right',
    width: 90,
    cell: (session) => (session.current ? null : <End session={session} />),
  },
]

function End({ session: { id, agent, address } }: { session: MySession }) {
  return (
    <ConfirmButton
      label="End"
      needs="viewer"
      deed="End the session"
      size="compact-xs"
      variant="default"
      onConfirm={async () => {
        await call('DELETE', at`/sessions/${id}`)
        await askAnew(['/sessions'])
      }}
    >
      <Text size="sm">
        {agentName(agent)} from {address} is signed out at once.
      </Text>
    </ConfirmButton>
  )
}
