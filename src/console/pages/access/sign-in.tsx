import { Code, PasswordInput, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useEntry } from '../../api/session.ts'
import { Entry } from './entry.tsx'

export interface SignInProps {
  /** Nobody can sign in yet. */
  readonly needsOwner: boolean
  /** The demo runs here, but we do not sit at its machine. */
  readonly demo: boolean
}

export default function SignIn({ needsOwner, demo }: SignInProps) {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const entry = useEntry<{ email: string; password: string }>('/session')
  return (
    <Entry
      title="Sign in"
      intro={
        needsOwner ? (
          <>
            This hub has no owner yet. Its first start printed a link to become one; the code in it also lies
            in the file <Code>setup-code</Code> of the data folder. Open <Code>/setup#code=…</Code> with it.
          </>
        ) : demo ? (
          'The demo lets people in without a password only from the machine that it runs on.'
        ) : (
          'With the address and the password that you chose when you were invited.'
        )
      }
      error={entry.error}
      busy={entry.isPending}
      deed="Sign in"
      onSubmit={() => entry.mutate({ email, password })}
      beside={
        <Text size="xs" c="dimmed">
          Forgot it? An admin makes a new link under Access, or with{' '}
          <Code>npx thalweg people link {email || '<e-mail>'}</Code>
        </Text>
      }
    >
      <TextInput
        label="E-mail address"
        type="email"
        autoComplete="username"
        required
        autoFocus
        value={email}
        onChange={({ currentTarget }) => setEmail(currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        autoComplete="current-password"
        required
        value={password}
        onChange={({ currentTarget }) => setPassword(currentTarget.value)}
      />
    </Entry>
  )
}
