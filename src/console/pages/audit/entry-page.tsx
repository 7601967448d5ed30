/** One change: what was before, and what after. */

import { Anchor, Stack, Text, Title } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { WholeAuditEntryAnswer } from '../../../api/routes/audit.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { CopyButton } from '../../elements/copy-button.tsx'
import { Difference } from '../../elements/difference.tsx'
import { Facts } from '../../elements/facts.tsx'
import type { Search } from '../../elements/filters.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { spoken } from '../../elements/words.ts'
import { AdminsOnly } from '../access/admins-only.tsx'
import { objectWords, operationWords, placeOf, whoWords } from './words.ts'

export function EntryPage() {
  const { number = '' } = useParams({ strict: false })
  return (
    <AdminsOnly what="The trail and its entries">
      <EntryOf number={number} />
    </AdminsOnly>
  )
}

function EntryOf({ number }: { number: string }) {
  const path = at`/audit/${number}`
  const answer = useAnswer<WholeAuditEntryAnswer>(path)
  const entry = answer.data
  return (
    <Page
      title={entry === undefined ? `Change ${number}` : operationWords(entry.operation)}
      up={{ to: '/audit', label: 'Audit' }}
      beside={entry !== undefined && <StateBadge state={entry.outcome} />}
      intro={entry === undefined ? undefined : OUTCOMES[entry.outcome]}
      calls={[`GET /api/v1${path}`]}
      commands={[`thalweg audit show ${number}`]}
    >
      <Answer of={answer}>
        {(one) => (
          <Stack>
            <div className="tw-card">
              <Facts label="The change" facts={factsOf(one)} />
            </div>
            <States entry={one} />
          </Stack>
        )}
      </Answer>
    </Page>
  )
}

const OUTCOMES: Readonly<Record<WholeAuditEntryAnswer['outcome'], string>> = {
  done: 'It was made.',
  refused: 'It was refused; nothing was changed.',
  failed: 'The hub failed at it; its log says more, by the id of the request.',
  begun: 'It is under way, or the hub ended before it could say what became of it: look at the object.',
}

function factsOf(entry: WholeAuditEntryAnswer): [string, ReactNode][] {
  const { who, object, code, address, request, operation } = entry
  const place = placeOf(entry)
  const words = objectWords(entry)
  return [
    ['Object', place === undefined ? words : <TextLink key="place" to={place} words={words} />],
    [
      'All its changes',
      <TextLink
        key="object"
        to="/audit"
        search={{ object: object.id === '' ? object.kind : `${object.kind}:${object.id}` }}
        words={object.id === '' ? `of every ${object.kind}` : 'of this object'}
      />,
    ],
    [
      'Who',
      who === null ? (
        whoWords(entry)
      ) : (
        <span key="who">
          <TextLink to="/audit" search={{ who: who.id }} words={whoWords(entry)} />, {spoken(who.role)} at
          that time
        </span>
      ),
    ],
    ['When', <When key="when" at={entry.at} exact />],
    ['From', address],
    ['Operation', <code key="operation">{operation}</code>],
    ...(code === '' ? [] : [['Refusal', <code key="code">{code}</code>] as [string, ReactNode]]),
    [
      'Request',
      <span key="request">
        <code>{request}</code> <CopyButton value={request} label="the request’s id" />
      </span>,
    ],
  ]
}

function TextLink({ to, search = {}, words }: { to: string; search?: Search; words: string }) {
  return (
    <Anchor component={Link} to={to} search={search as never} inherit>
      {words}
    </Anchor>
  )
}

function States({ entry: { before, after } }: { entry: WholeAuditEntryAnswer }) {
  if (before === undefined && after === undefined)
    return <Text c="dimmed">Nothing of the object was written down.</Text>
  if (before === undefined || after === undefined) {
    const title = before === undefined ? 'After' : 'Before'
    return (
      <Stack gap="xs">
        <Title order={2}>{title}</Title>
        <JsonView label={title} value={before ?? after} />
      </Stack>
    )
  }
  const [was, is] = [JSON.stringify(before, null, 2), JSON.stringify(after, null, 2)]
  return (
    <Stack gap="xs">
      <Title order={2}>Before and after</Title>
      {was === is && <Text c="dimmed">What is set of it is the same before and after.</Text>}
      <Difference label="Before and after" before={was} after={is} />
    </Stack>
  )
}
