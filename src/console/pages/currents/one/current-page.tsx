/** One current: its state and what is wrong with it on top, and below that a tab for each thing one wants to know or do. */

import { Text } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { type ComponentType, lazy, Suspense } from 'react'
import type { CurrentAnswer } from '../../../../api/routes/currents.ts'
import { at } from '../../../api/client.ts'
import { useLive } from '../../../api/live.ts'
import { useAnswer } from '../../../api/queries.ts'
import { FailureNote, Waiting } from '../../../elements/answer.tsx'
import { Page } from '../../../elements/page.tsx'
import { StateBadge } from '../../../elements/state-badge.tsx'
import { Tabs } from '../../../elements/tabs.tsx'
import { Missing } from '../../../shell/astray.tsx'
import { addressOf, useDestinationTitle } from '../destinations.ts'
import { activationPlace, currentPlace } from '../places.ts'
import type { LiveCurrent } from '../trouble.ts'
import { StateActions } from './state-actions.tsx'
import { TroubleNote } from './trouble-note.tsx'

export interface TabProps {
  readonly current: CurrentAnswer
  /** Its numbers of this second; undefined before they are there. */
  readonly live: LiveCurrent | undefined
}

interface TabPage {
  readonly key: string
  readonly label: string
  readonly component: ComponentType<TabProps>
  readonly calls: readonly string[]
  readonly commands: (name: string) => readonly string[]
}

const TABS: readonly TabPage[] = [
  {
    key: '',
    label: 'Overview',
    component: lazy(() => import('./overview-tab.tsx')),
    calls: ['GET /api/v1/currents/{current}', 'GET /api/v1/currents/{current}/ledger', 'GET /api/v1/live'],
    commands: (name) => [`thalweg currents show ${name}`, `thalweg currents ledger ${name}`],
  },
  {
    key: 'live',
    label: 'Live events',
    component: lazy(() => import('./live-tab.tsx')),
    calls: ['GET /api/v1/currents/{current}/events', 'GET /api/v1/currents/{current}/attempts'],
    commands: (name) => [`thalweg currents events ${name}`],
  },
  {
    key: 'mapping',
    label: 'Mapping',
    component: lazy(() => import('./mapping-tab.tsx')),
    calls: ['GET /api/v1/currents/{current}/rehearsal'],
    commands: (name) => [`thalweg currents rehearse ${name}`],
  },
  {
    key: 'selection',
    label: 'Selection',
    component: lazy(() => import('./selection-tab.tsx')),
    calls: ['GET /api/v1/currents/{current}/ledger', 'POST /api/v1/currents/selection'],
    commands: (name) => [`thalweg currents ledger ${name}`],
  },
  {
    key: 'dead-letters',
    label: 'Dead letters',
    component: lazy(() => import('./dead-letters-tab.tsx')),
    calls: ['GET /api/v1/currents/{current}/dead-letters'],
    commands: (name) => [`thalweg dead-letters list --current ${name}`],
  },
  {
    key: 'ledger',
    label: 'Ledger',
    component: lazy(() => import('./ledger-tab.tsx')),
    calls: ['GET /api/v1/ledger/check', 'GET /api/v1/currents/{current}/ledger/times'],
    commands: (name) => [`thalweg ledger check ${name}`],
  },
  {
    key: 'replay',
    label: 'Replay',
    component: lazy(() => import('./replay-tab.tsx')),
    calls: ['POST /api/v1/currents/{current}/replays/preview', 'POST /api/v1/currents/{current}/replays'],
    commands: (name) => [
      `thalweg replays preview ${name} --from 2h`,
      `thalweg replays create ${name} --from 2h`,
    ],
  },
  {
    key: 'settings',
    label: 'Settings',
    component: lazy(() => import('./settings-tab.tsx')),
    calls: ['PUT /api/v1/currents/{current}', 'GET /api/v1/currents/{current}/versions'],
    commands: (name) => [
      `thalweg currents revise ${name} --file current.json`,
      `thalweg currents versions ${name}`,
    ],
  },
]

const EVERY_MS = 3_000

export function CurrentPage() {
  const { current: which = '', tab = '' } = useParams({ strict: false }) as { current?: string; tab?: string }
  const answer = useAnswer<CurrentAnswer>(at`/currents/${which}`, { everyMs: EVERY_MS })
  const { status } = useLive()
  const page = TABS.find(({ key }) => key === tab)
  const { data: current, error } = answer
  if (page === undefined) return <Missing />
  if (current === undefined)
    return (
      <Page title={which} up={UP} calls={page.calls} commands={page.commands(which)}>
        {error === null ? (
          <Waiting lines={8} />
        ) : (
          <FailureNote error={error} again={() => void answer.refetch()} />
        )}
      </Page>
    )
  const live = status?.currents.find(({ number }) => number === current.number)
  const place = currentPlace(current)
  const { component: Tab } = page
  return (
    <Page
      title={current.name}
      up={UP}
      beside={<StateBadge state={live?.state ?? current.state} />}
      intro={<Intro current={current} />}
      actions={<StateActions current={current} state={live?.state ?? current.state} />}
      calls={page.calls}
      commands={page.commands(current.name)}
    >
      <TroubleNote current={current} live={live} />
      <Tabs
        label={`Parts of ${current.name}`}
        tabs={TABS.map(({ key, label }) => ({
          label,
          to: key === '' ? place : `${place}/${key}`,
          active: key === tab,
        }))}
      />
      <Suspense fallback={<Waiting lines={8} />}>
        <Tab current={current} live={live} />
      </Suspense>
    </Page>
  )
}

const UP = { to: '/currents', label: 'Currents' }

function Intro({ current: { definition, activation, version } }: { current: CurrentAnswer }) {
  const title = useDestinationTitle()
  const { kind, settings } = definition.destination
  const address = addressOf(settings)
  return (
    <>
      {definition.sources.join(', ')} → {title(kind)}
      {address !== '' && ` at ${address}`}, version {version}
      {activation !== null && (
        <Text component="span" size="sm">
          {' '}
          · made by the activation <Link to={activationPlace(activation)}>{activation}</Link>, and changed
          through it
        </Text>
      )}
    </>
  )
}
