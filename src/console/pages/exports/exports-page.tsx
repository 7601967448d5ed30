/** All exports: audiences on their way into an attribute of people at Braze. */

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ExportAnswer } from '../../../api/routes/exports.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { useAudienceNames } from './audience-names.ts'

export function ExportsPage() {
  const exports = useAnswer<{ exports: ExportAnswer[] }>('/exports', { everyMs: 5_000 })
  const nameOf = useAudienceNames()
  const columns: readonly Column<ExportAnswer>[] = [
    { id: 'name', header: 'Name', cell: ({ name }) => name, sortBy: ({ name }) => name },
    {
      id: 'state',
      header: 'State',
      cell: ({ state, stateReason }) => <StateBadge state={state} title={stateReason} />,
      sortBy: ({ state }) => state,
    },
    { id: 'since', header: 'Since', cell: ({ stateSince }) => <When at={stateSince} /> },
    {
      id: 'audiences',
      header: 'Audiences',
      cell: ({ definition }) => definition.audiences.map(nameOf).join(', '),
    },
    { id: 'attribute', header: 'Attribute', cell: ({ definition }) => attributeOf(definition) },
    {
      id: 'reason',
      header: 'Why',
      spare: true,
      cell: ({ stateReason }) => (stateReason === '' ? '–' : stateReason),
    },
  ]
  return (
    <Page
      title="Exports"
      intro="Audiences as elements of an array attribute in Braze, kept so as people enter and leave."
      actions={
        <Button component={Link} to="/exports/new" size="sm">
          New export
        </Button>
      }
      calls={['GET /api/v1/exports', 'POST /api/v1/exports']}
      commands={['thalweg exports list', 'thalweg exports create <file.json>']}
    >
      <Answer of={exports} lines={6}>
        {({ exports: all }) => (
          <DataTable
            label="exports"
            rows={all}
            columns={columns}
            rowKey={({ number }) => String(number)}
            rowTo={({ name }) => at`/exports/${name}`}
            empty={
              <Empty title="No export yet">
                An export adds the slug of an audience to an attribute of everybody who enters it, and takes
                it away from whoever leaves. It begins as a draft: nothing is sent before it is started.
              </Empty>
            }
          />
        )}
      </Answer>
    </Page>
  )
}

/** Name of the array attribute at the vendor. */
export function attributeOf({ destination }: Pick<ExportAnswer['definition'], 'destination'>): string {
  const { attribute } = destination.settings
  return typeof attribute === 'string' ? attribute : 'lytics_segments'
}
