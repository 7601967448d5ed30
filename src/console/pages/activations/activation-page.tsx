/** One activation: how it stands, its runs, who is in its cohort and why, its versions and settings. */

import { Anchor } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { OctagonPause } from 'lucide-react'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Notice } from '../../elements/notice.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { Tabs } from '../../elements/tabs.tsx'
import { StartButtons } from '../runs/run-actions.tsx'
import { RunTable, useRuns } from '../runs/run-table.tsx'
import { isOpen, runPath } from '../runs/run-words.ts'
import { MembersTab } from './members-tab.tsx'
import { OverviewTab } from './overview-tab.tsx'
import { PauseButton } from './pause-button.tsx'
import { SettingsTab } from './settings-tab.tsx'
import { VersionsTab } from './versions-tab.tsx'
import { WhyTab } from './why-tab.tsx'

const TABS = [
  ['', 'Overview'],
  ['runs', 'Runs'],
  ['members', 'Members'],
  ['why', 'Why'],
  ['versions', 'Versions'],
  ['settings', 'Settings'],
] as const

export function ActivationPage() {
  const { activation = '', tab = '' } = useParams({ strict: false })
  const path = at`/activations/${activation}`
  const answer = useAnswer<ActivationAnswer>(path, { everyMs: 2_000 })
  const known = answer.data
  return (
    <Page
      title={known?.name ?? activation}
      up={{ to: '/activations', label: 'Activations' }}
      beside={known !== undefined && <StateBadge state={known.state} />}
      {...(known === undefined || known.definition.description === ''
        ? {}
        : { intro: known.definition.description })}
      actions={
        known !== undefined &&
        known.state !== 'deleted' && (
          <>
            <PauseButton activation={known} />
            <StartButtons activation={known} />
          </>
        )
      }
      calls={[`GET /api/v1${path}`, ...(tab === '' ? [] : [`GET /api/v1${path}/${tab}`])]}
      commands={[`thalweg activations show ${activation}`, `thalweg activations run ${activation} --dry-run`]}
    >
      <Tabs
        label="Parts of the activation"
        tabs={TABS.map(([name, label]) => ({
          label,
          to: name === '' ? path : `${path}/${name}`,
          active: name === tab,
        }))}
      />
      <Answer of={answer} lines={8}>
        {(activation) => (
          <>
            <Standing activation={activation} />
            {tab === '' && <OverviewTab activation={activation} path={path} />}
            {tab === 'runs' && <RunsOf path={path} />}
            {tab === 'members' && <MembersTab activation={activation} path={path} />}
            {tab === 'why' && <WhyTab path={path} />}
            {tab === 'versions' && <VersionsTab activation={activation} path={path} />}
            {tab === 'settings' && <SettingsTab key={activation.version} activation={activation} />}
          </>
        )}
      </Answer>
    </Page>
  )
}

/** What asks for a hand now, above everything else. */
function Standing({ activation: { name, lastRun } }: { activation: ActivationAnswer }) {
  if (lastRun === null) return null
  const to = runPath(name, lastRun.run)
  if (lastRun.state === 'held')
    return (
      <Notice
        mood="wait"
        role="alert"
        icon={<OctagonPause size={20} aria-hidden />}
        title={`Run ${lastRun.run} is held`}
      >
        {lastRun.report.hold?.reason}{' '}
        <Anchor component={Link} to={to} size="sm">
          Look at it, then release or cancel it
        </Anchor>
      </Notice>
    )
  if (isOpen(lastRun))
    return (
      <Notice mood="calm" role="status" title={`Run ${lastRun.run} is under way`}>
        <Anchor component={Link} to={to} size="sm">
          Watch it
        </Anchor>
      </Notice>
    )
  return null
}

function RunsOf({ path }: { path: string }) {
  const runs = useRuns(`${path}/runs`)
  return (
    <Answer of={runs.result} lines={6}>
      {() => (
        <RunTable
          runs={runs}
          of="one"
          empty={
            <Empty title="No run yet">
              A dry run asks the query, compares it with the cohort, and sends nothing. It is the way to
              begin.
            </Empty>
          }
        />
      )}
    </Answer>
  )
}
