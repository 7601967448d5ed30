/** Compares what the vendor holds with what it accepted, and repairs the difference when told so. */

import { Button, Group, Stack, Text } from '@mantine/core'
import type { ExportWholeAnswer, ReconciliationAnswer } from '../../../api/routes/exports.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'

export function ReconcileTab({ of, path }: { of: ExportWholeAnswer; path: string }) {
  const start = useChange<boolean, ReconciliationAnswer>({
    method: 'POST',
    path: () => `${path}/reconcile`,
    body: (repair) => ({ repair }),
    changes: [path],
  })
  const { reconciliation, status } = of
  const isRunning = reconciliation?.state === 'running'
  return (
    <Stack>
      <Group>
        <Button
          size="sm"
          variant="default"
          disabled={isRunning || of.startedAt === null}
          loading={start.isPending}
          onClick={() => start.mutate(false)}
        >
          Compare with the vendor
        </Button>
        <ConfirmButton
          label="Compare and repair"
          disabled={isRunning || of.startedAt === null}
          deed="Compare and repair"
          onConfirm={() => start.mutateAsync(true)}
        >
          <Text size="sm">
            Each of the {count(status.people)} people is looked up at the vendor. Slugs that were accepted and
            are missing are added again, and slugs of this export that should not be there are taken away.
            What others wrote into the attribute stays.
          </Text>
        </ConfirmButton>
      </Group>
      {start.error !== null && <FailureNote error={start.error} />}
      {reconciliation === null ? (
        <div className="tw-card">
          <Empty title="Not compared since the hub started">
            A comparison reads the attribute of each person at the vendor and says where it differs from what
            was accepted: for when somebody else has changed it, or a profile was merged there.
          </Empty>
        </div>
      ) : (
        <Report report={reconciliation} />
      )}
    </Stack>
  )
}

type Example = ReconciliationAnswer['examples'][number]
const COLUMNS: readonly Column<Example>[] = [
  {
    id: 'who',
    header: 'Person',
    cell: ({ who }) => (who.label === '' ? who.value : `${who.label}: ${who.value}`),
  },
  { id: 'missing', header: 'Lacks', cell: ({ missing }) => missing.join(', ') || '–' },
  { id: 'stale', header: 'Has too many', cell: ({ stale }) => stale.join(', ') || '–' },
]

function Report({ report }: { report: ReconciliationAnswer }) {
  const { state, repair, startedAt, finishedAt, error, examples } = report
  return (
    <Stack>
      <Group gap="sm">
        <StateBadge
          state={state}
          mood={state === 'failed' ? 'bad' : state === 'finished' ? 'good' : 'wait'}
        />
        <Text size="sm">
          {repair ? 'With repair' : 'Only told'}, begun <When at={startedAt} />
          {finishedAt !== null && (
            <>
              , ended <When at={finishedAt} />
            </>
          )}
        </Text>
      </Group>
      {error !== '' && (
        <Text size="sm" c="var(--tw-bad)" role="alert">
          {error}
        </Text>
      )}
      <Stats>
        <Stat label="Compared" value={count(report.checked)} />
        <Stat
          label="Lack a slug"
          value={count(report.missing)}
          {...(report.missing > 0 ? { mood: 'bad' as const } : {})}
        />
        <Stat
          label="Have one too many"
          value={count(report.stale)}
          {...(report.stale > 0 ? { mood: 'bad' as const } : {})}
        />
        <Stat label="Unknown to the vendor" value={count(report.unknown)} />
        <Stat label="Left out" value={count(report.unsettled)} note="still to be sent, or refused" />
      </Stats>
      {examples.length > 0 && (
        <DataTable
          label="differences"
          rows={examples}
          columns={COLUMNS}
          rowKey={({ who }) => `${who.kind} ${who.label} ${who.value}`}
          height="320px"
        />
      )}
    </Stack>
  )
}
