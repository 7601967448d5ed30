/** The first owner, by the code that the first start printed. */

import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { useEntry } from '../../api/session.ts'
import { useCode, useHome } from './code.ts'
import { Entry } from './entry.tsx'
import { NewPassword } from './new-password.tsx'

export function SetupPage() {
  const [code, setCode] = useCode()
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const entry = useEntry<object>('/setup', useHome())
  return (
    <Entry
      title="Become the owner"
      intro="You will be the first admin of this hub: you can let in others, give out tokens and keep credentials."
      error={entry.error}
      busy={entry.isPending}
      deed="Become the owner"
      onSubmit={() => entry.mutate({ code, name, email, password })}
    >
      <TextInput
        label="Set-up code"
        description="Printed at the first start, and in the file setup-code of the data folder"
        required
        value={code}
        onChange={({ currentTarget }) => setCode(currentTarget.value)}
        autoComplete="off"
      />
      <TextInput
        label="Name"
        required
        autoComplete="name"
        value={name}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
      />
      <TextInput
        label="E-mail address"
        description="You sign in with it; no mail is sent"
        type="email"
        required
        autoComplete="username"
        value={email}
        onChange={({ currentTarget }) => setEmail(currentTarget.value)}
      />
      <NewPassword value={password} change={setPassword} />
    </Entry>
  )
}
