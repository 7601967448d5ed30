/** Pairs of identifiers that are never to be joined. */

import type { NeverLinkAnswer, NeverLinksAnswer } from '../../../api/routes/profiles.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { ApartTable } from './apart-table.tsx'
import { KeepApart } from './keep-apart.tsx'
import { PeopleTabs } from './people-tabs.tsx'

const PAGE = 100

export function ApartPage() {
  const { rows, result } = usePages<NeverLinksAnswer, NeverLinkAnswer>('/profiles/never-links', {
    query: { limit: PAGE },
    rows: ({ pairs }) => pairs,
    next: ({ next }) => (next === null ? undefined : { skip: next }),
  })
  return (
    <Page
      title="Kept apart"
      up={{ to: '/profiles', label: 'Profiles' }}
      intro="Pairs of identifiers that are never joined, whatever records say. Undoing a join makes some, too."
      actions={<KeepApart />}
      calls={['GET /api/v1/profiles/never-links', 'PUT /api/v1/profiles/never-links']}
      commands={['thalweg profiles apart', 'thalweg profiles apart email=a@example.com external_id=u2']}
    >
      <PeopleTabs />
      <Answer of={result}>{() => <ApartTable rows={rows} paged={result} />}</Answer>
    </Page>
  )
}
