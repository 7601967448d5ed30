/** A password by a one-time link: an invitation, or a reset. */

import { useState } from 'react'
import { useEntry } from '../../api/session.ts'
import { useCode, useHome } from './code.ts'
import { Entry } from './entry.tsx'
import { NewPassword } from './new-password.tsx'

export function AcceptPage() {
  const [code] = useCode()
  const [password, setPassword] = useState('')
  const entry = useEntry<object>('/session/accept', useHome())
  return (
    <Entry
      title="Choose a password"
      intro={
        code === ''
          ? 'A part of the link is missing: it ends in #code= and a long word. Open it whole.'
          : 'You sign in with it from now on. Where you were signed in before, you are signed out.'
      }
      error={entry.error}
      busy={entry.isPending}
      deed="Choose it and sign in"
      onSubmit={() => entry.mutate({ code, password })}
    >
      <NewPassword value={password} change={setPassword} />
    </Entry>
  )
}
