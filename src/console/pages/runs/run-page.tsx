/** One sync of an audience: how it stands, what it changed, what it cost, and the rows behind every number. */

import { SimpleGrid, Stack, Text } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { FlaskConical } from 'lucide-react'
import { useEffect, useRef } from 'react'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import type { PaceAnswer } from '../../../api/routes/run-lists.ts'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { at } from '../../api/client.ts'
import { askAnew, useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Notice } from '../../elements/notice.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { Tabs } from '../../elements/tabs.tsx'
import { useNow } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { PhaseStrip } from './phase-strip.tsx'
import { CancelButton, RetryButton, StartButtons } from './run-actions.tsx'
import { RunBrake } from './run-brake.tsx'
import { RunChart } from './run-chart.tsx'
import { RunCost } from './run-cost.tsx'
import { RunHead } from './run-head.tsx'
import { RunInvalid } from './run-invalid.tsx'
import { RunLog } from './run-log.tsx'
import { RunMembership } from './run-membership.tsx'
import { ROWS, RunNumbers } from './run-numbers.tsx'
import { RunPeople } from './run-people.tsx'
import { RunQuery } from './run-query.tsx'
import { RunRejected } from './run-rejected.tsx'
import { RunRequests } from './run-requests.tsx'
import { RunUnmatched } from './run-unmatched.tsx'
import { invalidRows, isOpen } from './run-words.ts'

/** How often a run that is under way is asked for. */
const LIVE_MS = 500

export function RunPage() {
  const { activation = '', run: number = '', tab } = useParams({ strict: false })
  const path = at`/activations/${activation}/runs/${number}`
  const run = useAnswer<RunAnswer>(path, { everyMs: LIVE_MS, until: (known) => !isOpen(known) })
  const of = useAnswer<ActivationAnswer>(at`/activations/${activation}`)
  const name = of.data?.name ?? activation
  useAnewAtTheEnd(run.data, path)
  return (
    <Page
      title={`${name} · run ${number}`}
      up={{ to: at`/activations/${activation}/runs`, label: `Runs of ${name}` }}
      beside={run.data !== undefined && <StateBadge state={run.data.state} />}
      actions={
        run.data !== undefined && (
          <Actions run={run.data} activation={of.data} name={activation} path={path} />
        )
      }
      calls={[`GET /api/v1${path}`, `GET /api/v1${path}/changes`, `GET /api/v1${path}/refused`]}
      commands={[`thalweg activations show-run ${activation} ${number}`]}
    >
      <Answer of={run} lines={10}>
        {(known) => <Body run={known} activation={of.data} path={path} tab={tab} />}
      </Answer>
    </Page>
  )
}

/** What was asked while it worked is asked once more when it has ended: only then is it whole. */
function useAnewAtTheEnd(run: RunAnswer | undefined, path: string): void {
  const works = run !== undefined && isOpen(run)
  const worked = useRef(works)
  useEffect(() => {
    if (worked.current && !works) void askAnew([`${path}/`, '/activations'])
    worked.current = works
  }, [works, path])
}

function Actions({
  run,
  activation,
  name,
  path,
}: {
  run: RunAnswer
  activation: ActivationAnswer | undefined
  name: string
  path: string
}) {
  if (isOpen(run)) return <CancelButton run={run} path={path} />
  if (run.state === 'held') return null
  return (
    <>
      {run.state === 'partial' && <RetryButton activation={name} run={run} />}
      {activation !== undefined && activation.state !== 'deleted' && (
        <StartButtons activation={activation} variant={run.state === 'partial' ? 'default' : 'filled'} />
      )}
    </>
  )
}

function Body({
  run,
  activation,
  path,
  tab,
}: {
  run: RunAnswer
  activation: ActivationAnswer | undefined
  path: string
  tab: string | undefined
}) {
  // The clock of the page ticks slower than a run is asked for.
  const now = Math.max(useNow(), run.updatedAt)
  const pace = useAnswer<PaceAnswer>(`${path}/pace`, isOpen(run) ? { everyMs: 1_000 } : {})
  const { report } = run
  const changes = report.added + report.removed + report.affirmed
  return (
    <>
      {run.dry && (
        <Notice
          mood="calm"
          icon={<FlaskConical size={18} aria-hidden />}
          title={`A dry run: nothing ${isOpen(run) ? 'is' : 'was'} sent`}
        >
          The query is asked and its answer compared with the members. The lists below say what a run would
          do.
        </Notice>
      )}
      <RunHead run={run} activation={activation} nowMs={now} />
      {run.state === 'held' && (
        <RunBrake run={run} path={path} cancel={<CancelButton run={run} path={path} />} />
      )}
      {report.error !== null && (
        <Notice mood="bad" title="Why it failed" role="alert">
          {report.error}
        </Notice>
      )}
      {report.waiting !== null && (
        <Notice mood="wait" title="It waits" role="status">
          {report.waiting}. It goes on by itself when that is mended; nothing is lost.
        </Notice>
      )}
      <PhaseStrip run={run} nowMs={now} />
      <RunNumbers run={run} pace={pace.data} path={path} />
      <SimpleGrid cols={{ base: 1, md: 3 }}>
        <section className="tw-card" aria-label="Changes over time">
          <Text size="sm" fw={600}>
            Changes over time
          </Text>
          <Answer of={pace}>{(known) => <RunChart pace={known} changes={changes} />}</Answer>
        </section>
        <section className="tw-card" aria-label="Membership before and after">
          <RunMembership run={run} />
        </section>
        <section className="tw-card" aria-label="Cost">
          <RunCost run={run} pace={pace.data} />
        </section>
      </SimpleGrid>
      <Details run={run} path={path} tab={tab ?? defaultTab(run)} />
    </>
  )
}

/** What one has come for: who was refused, who would go, else who came. */
function defaultTab({ state, report }: RunAnswer): string {
  if (state === 'partial') return 'rejected'
  if (state === 'held' || report.removed > report.added) return 'removed'
  return state === 'failed' ? 'log' : 'added'
}

function Details({ run, path, tab }: { run: RunAnswer; path: string; tab: string }) {
  const { report } = run
  const named = (label: string, n: number): string => (n === 0 ? label : `${label} ${count(n)}`)
  const tabs = [
    ['added', named('Added', report.added)],
    ['removed', named('Removed', report.removed)],
    ['rejected', named('Rejected', report.rejected)],
    ['invalid', named('Invalid', invalidRows(run))],
    ['unmatched', 'Unmatched'],
    ['requests', 'Requests'],
    ['query', 'Query'],
    ['log', 'Log'],
  ] as const
  return (
    <Stack gap="sm" id={ROWS} style={{ scrollMarginTop: 64 }}>
      <Tabs
        label="Rows of the run"
        tabs={tabs.map(([name, label]) => ({ label, to: `${path}/${name}`, active: name === tab }))}
      />
      {tab === 'added' && <RunPeople key="added" run={run} path={path} kind="added" />}
      {tab === 'removed' && <RunPeople key="removed" run={run} path={path} kind="removed" />}
      {tab === 'rejected' && <RunRejected path={path} />}
      {tab === 'invalid' && <RunInvalid run={run} />}
      {tab === 'unmatched' && <RunUnmatched run={run} path={path} />}
      {tab === 'requests' && <RunRequests run={run} path={path} />}
      {tab === 'query' && <RunQuery run={run} />}
      {tab === 'log' && <RunLog run={run} />}
    </Stack>
  )
}
