/** What this node goes by, and where each setting was said. Secrets only say that they are set. */

import type { SystemAnswer } from '../../../api/routes/system.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, SwitchFilter, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { SystemTabs } from './system-tabs.tsx'

interface Filters {
  readonly [name: string]: string | boolean | undefined
  readonly search?: string
  readonly given?: boolean
}

type Setting = SystemAnswer['settings'][number]

export function SettingsPage() {
  const [{ search = '', given = false }, change] = useFilters<Filters>()
  const answer = useAnswer<SystemAnswer>('/system')
  return (
    <Page
      title="Settings"
      intro="Read once at the start, from the environment and the command line. To change one, set it and start the hub again."
      calls={['GET /api/v1/system']}
      commands={['thalweg system --json', 'THALWEG_PORT=7070 thalweg serve']}
    >
      <SystemTabs active="settings" />
      <FilterBar>
        <TextFilter label="Search" value={String(search)} change={(value) => change({ search: value })} />
        <SwitchFilter
          label="Only those that were given"
          value={given}
          change={(on) => change({ given: on || undefined })}
        />
      </FilterBar>
      <Answer of={answer}>
        {({ settings }) => (
          <DataTable
            label="Settings"
            rows={settings.filter((setting) => fits(setting, String(search).toLowerCase(), given))}
            columns={COLUMNS}
            rowKey={({ name }) => name}
            empty={<Empty title="No setting fits">Change the filters above.</Empty>}
          />
        )}
      </Answer>
    </Page>
  )
}

function fits({ env, value, description, from }: Setting, search: string, given: boolean): boolean {
  if (given && from === 'default') return false
  return [env, value, description].some((text) => text.toLowerCase().includes(search))
}

const COLUMNS: readonly Column<Setting>[] = [
  { id: 'env', header: 'Setting', cell: ({ env }) => <code>{env}</code>, sortBy: ({ env }) => env },
  { id: 'value', header: 'Value', cell: ({ value }) => (value === '' ? '–' : value) },
  {
    id: 'from',
    header: 'From',
    cell: ({ from }) => <StateBadge state={from} mood={from === 'default' ? 'calm' : 'good'} />,
    sortBy: ({ from }) => from,
  },
  { id: 'about', header: 'What it does', cell: ({ description }) => description, spare: true },
]
