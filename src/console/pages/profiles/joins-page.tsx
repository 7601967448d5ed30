/** Joins of everybody, newest first. */

import type { MergeAnswer } from '../../../api/routes/profiles.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { MergesTable } from './merges-table.tsx'
import { PeopleTabs } from './people-tabs.tsx'

const PAGE = 100

export function JoinsPage() {
  const { rows, result } = usePages<{ merges: MergeAnswer[] }, MergeAnswer>('/profiles/merges', {
    query: { limit: PAGE },
    rows: ({ merges }) => merges,
    next: ({ merges }) => (merges.length < PAGE ? undefined : { before: merges.at(-1)?.id }),
  })
  return (
    <Page
      title="Joins"
      up={{ to: '/profiles', label: 'Profiles' }}
      intro="Profiles that turned out to be one person. A join can be undone: each gets back what it had."
      calls={['GET /api/v1/profiles/merges']}
      commands={['thalweg profiles merges', 'thalweg profiles undo 1 --dry-run']}
    >
      <PeopleTabs />
      <Answer of={result}>{() => <MergesTable rows={rows} paged={result} />}</Answer>
    </Page>
  )
}
