/** Why a current does not flow, what mends it, and the buttons that do. Nothing is shown while all is well. */

import { Button, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { OctagonX, TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import type { AuthorizationAnswer } from '../../../../api/routes/authorizations.ts'
import type { CurrentAnswer } from '../../../../api/routes/currents.ts'
import type { ProviderAnswer } from '../../../../api/routes/providers.ts'
import { at } from '../../../api/client.ts'
import { useAnswer, useChange } from '../../../api/queries.ts'
import { FailureNote } from '../../../elements/answer.tsx'
import { Notice } from '../../../elements/notice.tsx'
import { told } from '../../../elements/notices.ts'
import { type JsonSchema, problemsOf, SchemaForm, type Values } from '../../../elements/schema-form.tsx'
import { When } from '../../../elements/when.tsx'
import { count } from '../../../elements/words.ts'
import { tabPlace } from '../places.ts'
import { CheckButton } from '../rehearsal/check-button.tsx'
import { type LiveCurrent, nowOf, troubleOf } from '../trouble.ts'
import { ResumeButton } from './state-actions.tsx'

export function TroubleNote({ current, live }: { current: CurrentAnswer; live: LiveCurrent | undefined }) {
  const { state, pending, stateReason } = nowOf(current, live)
  if (state === 'halted') return <Halted current={current} reason={stateReason} pending={pending} />
  const trouble = troubleOf(current, live)
  if (trouble === undefined || trouble.mood === 'calm' || state !== 'running') return null
  return (
    <Notice mood="wait" role="status" icon={<TriangleAlert size={18} aria-hidden />} title={trouble.what} />
  )
}

function Halted({ current, reason, pending }: { current: CurrentAnswer; reason: string; pending: number }) {
  const { authorization } = current.definition.destination
  const { lastFault } = current.status
  const [mending, setMending] = useState(false)
  return (
    <Notice
      mood="bad"
      role="alert"
      icon={<OctagonX size={20} aria-hidden />}
      title={`Halted: ${reason || 'the destination refuses us'}`}
    >
      <Stack gap="sm">
        <Text size="sm">
          {lastFault?.status != null &&
            !reason.includes(String(lastFault.status)) &&
            `It answered ${lastFault.status}. `}
          Halted <When at={current.stateSince} />. Nothing is lost: {count(pending)} events wait, and delivery
          goes on where it stopped. It also tries by itself every few minutes.
        </Text>
        <Text size="sm">
          {lastFault?.kind === 'misconfigured'
            ? 'What to do: mend the address or the setting that is wrong, or see to it at the destination. Then resume.'
            : 'What to do: give the authorization the secret that the destination accepts, or see to it there. Then resume.'}
        </Text>
        <Group gap="sm" align="flex-start">
          <ResumeButton current={current} />
          <CheckButton path={at`/currents/${current.number}/check`} label="Test the destination" />
          {authorization !== null && (
            <Button variant="default" size="sm" aria-expanded={mending} onClick={() => setMending(!mending)}>
              Give it a new secret
            </Button>
          )}
          <Button variant="default" size="sm" component={Link} to={tabPlace(current, 'settings')}>
            Mend the settings
          </Button>
        </Group>
        {mending && authorization !== null && <NewSecret id={authorization} done={() => setMending(false)} />}
      </Stack>
    </Notice>
  )
}

/** Replaces the credentials of an authorization, write-only. */
function NewSecret({ id, done }: { id: string; done: () => void }) {
  const authorization = useAnswer<AuthorizationAnswer>(at`/authorizations/${id}`).data
  const provider = useAnswer<ProviderAnswer>(at`/providers/${authorization?.provider ?? ''}`, {
    enabled: authorization !== undefined,
  }).data
  const [credentials, setCredentials] = useState<Values>({})
  const rotating = useChange({
    method: 'POST',
    path: () => at`/authorizations/${id}/rotate`,
    body: () => ({ credentials }),
    changes: ['/authorizations', '/currents'],
    done: () => {
      told('The new secret is kept; whatever uses it takes it at once')
      done()
    },
  })
  if (authorization === undefined || provider === undefined) return null
  const { details } = (rotating.error ?? {}) as { details?: unknown }
  return (
    <Stack gap="sm" maw={520}>
      <Text size="sm" fw={600}>
        New credentials of {authorization.label}
      </Text>
      <SchemaForm
        schema={provider.credentials as JsonSchema}
        value={credentials}
        onChange={setCredentials}
        problems={problemsOf(details, 'credentials')}
        secret
      />
      {rotating.error !== null && <FailureNote error={rotating.error} />}
      <Group>
        <Button size="sm" loading={rotating.isPending} onClick={() => rotating.mutate()}>
          Keep the new secret
        </Button>
      </Group>
    </Stack>
  )
}
