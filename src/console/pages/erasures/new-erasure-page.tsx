/** A plan first: who exactly is meant, what is held about them and where, what will remain. Then the erasure, typed. */

import { Button, Group, MultiSelect, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useEffect, useState } from 'react'
import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import type { ErasureAnswer, ErasurePlanAnswer } from '../../../api/routes/erasures.ts'
import type { ProfileAnswer } from '../../../api/routes/profiles.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { FailureNote, Waiting } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { count } from '../../elements/words.ts'
import { EMPTY, type Identifier, IdentifierRows } from './identifier-rows.tsx'
import { PlanView } from './plan-view.tsx'

/** A REST key of Braze is known by this member of its credentials. */
const REST_KEY = 'restKey'
const KINDS: Readonly<Record<string, Identifier['kind']>> = {
  external_id: 'external_id',
  br_user_id: 'braze_id',
  email: 'email',
  phone: 'phone',
}

export function NewErasurePage() {
  const [{ profile }] = useFilters<{ readonly profile?: number }>()
  const [rows, setRows] = useState<readonly Identifier[]>([EMPTY])
  const [expand, setExpand] = useState(true)
  const about = useAnswer<ProfileAnswer>(at`/profiles/${profile ?? 0}`, { enabled: profile !== undefined })
  const given = about.data
  useEffect(() => {
    const known = (given?.identifiers ?? []).flatMap(({ field, value }) => {
      const kind = KINDS[field]
      return kind === undefined ? [] : [{ kind, label: '', value }]
    })
    if (known.length > 0) setRows(known)
  }, [given])
  const identifiers = rows.filter(({ value }) => value.trim() !== '')
  const plan = useChange<void, ErasurePlanAnswer>({
    method: 'POST',
    path: () => '/erasures/plan',
    body: () => ({ identifiers, expand }),
    changes: [],
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    plan.mutate()
  }
  return (
    <Page
      title="Erase a person"
      up={{ to: '/erasures', label: 'Erasures' }}
      intro="First a plan: nothing is changed by it. It goes over the whole log and all tables, so it may take a while."
      calls={['POST /api/v1/erasures/plan', 'POST /api/v1/erasures']}
      commands={[
        'thalweg erase customer-4711 --dry-run',
        'thalweg erase customer-4711 --receipt receipt.json',
      ]}
    >
      <form className="tw-card" onSubmit={submit} aria-label="Who">
        <Stack gap="sm">
          <Title order={2}>Who</Title>
          <IdentifierRows
            rows={rows}
            change={(changed) => {
              setRows(changed)
              plan.reset()
            }}
          />
          <Switch
            label="Take in what their profile and their records clearly join with these"
            checked={expand}
            onChange={({ currentTarget }) => {
              setExpand(currentTarget.checked)
              plan.reset()
            }}
          />
          <Group>
            <Button type="submit" loading={plan.isPending} disabled={identifiers.length === 0}>
              Show what would be erased
            </Button>
          </Group>
        </Stack>
      </form>
      {plan.isPending && <Waiting lines={6} />}
      {plan.error !== null && <FailureNote error={plan.error} />}
      {plan.data !== undefined && (
        <>
          <PlanView plan={plan.data} />
          <Erase identifiers={identifiers} expand={expand} plan={plan.data} />
        </>
      )}
    </Page>
  )
}

interface EraseProps {
  readonly identifiers: readonly Identifier[]
  readonly expand: boolean
  readonly plan: ErasurePlanAnswer
}

function Erase({ identifiers, expand, plan }: EraseProps) {
  const [suppress, setSuppress] = useState(true)
  const [targets, setTargets] = useState<string[]>([])
  const [note, setNote] = useState('')
  const authorizations = useAnswer<{ authorizations: AuthorizationAnswer[] }>('/authorizations')
  const keys = (authorizations.data?.authorizations ?? []).filter(({ fields }) => fields.includes(REST_KEY))
  const erase = useChange<void, ErasureAnswer>({
    method: 'POST',
    path: () => '/erasures',
    body: () => ({ identifiers, expand, suppress, targets, note }),
    changes: ['/erasures'],
    leadsTo: ({ id }) => at`/erasures/${id}`,
  })
  const rows = plan.places.reduce((sum, place) => sum + place.rows, 0)
  return (
    <section className="tw-card" aria-label="Erase">
      <Stack gap="sm">
        <Title order={2}>Erase</Title>
        <Switch
          label="Keep out what comes in later with one of these identifiers"
          checked={suppress}
          onChange={({ currentTarget }) => setSuppress(currentTarget.checked)}
        />
        {keys.length > 0 && (
          <MultiSelect
            label="Delete the user at Braze, too"
            placeholder={targets.length === 0 ? 'Authorizations with a REST key' : ''}
            data={keys.map(({ id, label }) => ({ value: id, label }))}
            value={targets}
            onChange={setTargets}
            maw={480}
          />
        )}
        <TextInput
          label="Why"
          description="Kept with the receipt; identifiers in it are blotted out"
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
          maw={480}
        />
        <div>
          <ConfirmButton
            label="Erase this person"
            deed="Erase for good"
            color="var(--tw-bad-strong)"
            typed={identifiers[0]?.value.trim() ?? ''}
            onConfirm={() => erase.mutateAsync()}
          >
            <Text size="sm">
              {count(plan.identifiers.length)} {plan.identifiers.length === 1 ? 'identifier' : 'identifiers'},{' '}
              {count(rows)} records, rows and texts. What was erased cannot be brought back.
            </Text>
          </ConfirmButton>
        </div>
      </Stack>
    </section>
  )
}
