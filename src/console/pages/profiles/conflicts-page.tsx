/** Identifiers that joined nobody, of everybody, newest first. */

import type { ConflictAnswer } from '../../../api/routes/profiles.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { ConflictsTable } from './conflicts-table.tsx'
import { PeopleTabs } from './people-tabs.tsx'

const PAGE = 100

export function ConflictsPage() {
  const { rows, result } = usePages<{ conflicts: ConflictAnswer[] }, ConflictAnswer>('/profiles/conflicts', {
    query: { limit: PAGE },
    rows: ({ conflicts }) => conflicts,
    next: ({ conflicts }) => (conflicts.length < PAGE ? undefined : { before: conflicts.at(-1)?.id }),
  })
  return (
    <Page
      title="Conflicts"
      up={{ to: '/profiles', label: 'Profiles' }}
      intro="Identifiers that a record brought and that stayed with somebody else, because a rule forbids the join."
      calls={['GET /api/v1/profiles/conflicts']}
      commands={['thalweg profiles conflicts']}
    >
      <PeopleTabs />
      <Answer of={result}>{() => <ConflictsTable rows={rows} paged={result} />}</Answer>
    </Page>
  )
}
