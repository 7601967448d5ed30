/** One export: what it is doing, what each person should have at the vendor and has, and what the batches did. */

import { useParams } from '@tanstack/react-router'
import type { ExportWholeAnswer } from '../../../api/routes/exports.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Notice } from '../../elements/notice.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { Tabs } from '../../elements/tabs.tsx'
import { ExportActions } from './export-actions.tsx'
import { LogTab } from './log-tab.tsx'
import { OverviewTab } from './overview-tab.tsx'
import { PeopleTab } from './people-tab.tsx'
import { ReconcileTab } from './reconcile-tab.tsx'
import { SettingsTab } from './settings-tab.tsx'

const TABS = [
  ['', 'Overview'],
  ['people', 'People'],
  ['log', 'Log'],
  ['reconcile', 'Reconcile'],
  ['settings', 'Settings'],
] as const

export function ExportPage() {
  const { export: name = '', tab = '' } = useParams({ strict: false })
  const path = at`/exports/${name}`
  const answer = useAnswer<ExportWholeAnswer>(path, { everyMs: 1_500 })
  const known = answer.data
  return (
    <Page
      title={known?.name ?? name}
      up={{ to: '/exports', label: 'Exports' }}
      beside={known !== undefined && <StateBadge state={known.state} />}
      {...(known === undefined || known.definition.description === ''
        ? {}
        : { intro: known.definition.description })}
      actions={known !== undefined && <ExportActions of={known} path={path} />}
      calls={[`GET /api/v1${path}`, `GET /api/v1${path}/people`, `GET /api/v1${path}/log`]}
      commands={[`thalweg exports show ${name}`, `thalweg exports people ${name}`]}
    >
      <Tabs
        label="Parts of the export"
        tabs={TABS.map(([part, label]) => ({
          label,
          to: part === '' ? path : `${path}/${part}`,
          active: part === tab,
        }))}
      />
      <Answer of={answer} lines={8}>
        {(whole) => (
          <>
            {whole.stateReason !== '' && (
              <Notice mood={whole.state === 'halted' ? 'bad' : 'wait'} role="status" title="Why it is so">
                {whole.stateReason}
              </Notice>
            )}
            {tab === '' && <OverviewTab of={whole} path={path} />}
            {tab === 'people' && <PeopleTab of={whole} path={path} />}
            {tab === 'log' && <LogTab path={path} />}
            {tab === 'reconcile' && <ReconcileTab of={whole} path={path} />}
            {tab === 'settings' && <SettingsTab key={whole.version} of={whole} path={path} />}
          </>
        )}
      </Answer>
    </Page>
  )
}
