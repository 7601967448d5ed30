/** How a profile came about: its joins, what joined nobody, and what is kept apart from it. */

import { Stack, Title } from '@mantine/core'
import type {
  ConflictAnswer,
  MergeAnswer,
  NeverLinkAnswer,
  NeverLinksAnswer,
} from '../../../api/routes/profiles.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ApartTable } from './apart-table.tsx'
import { ConflictsTable } from './conflicts-table.tsx'
import { MergesTable } from './merges-table.tsx'

const PAGE = 50
const HEIGHT = '360px'

export function History({ profile }: { profile: number }) {
  const query = { profile, limit: PAGE }
  const merges = usePages<{ merges: MergeAnswer[] }, MergeAnswer>('/profiles/merges', {
    query,
    rows: (answer) => answer.merges,
    next: (answer) => (answer.merges.length < PAGE ? undefined : { before: answer.merges.at(-1)?.id }),
  })
  const conflicts = usePages<{ conflicts: ConflictAnswer[] }, ConflictAnswer>('/profiles/conflicts', {
    query,
    rows: (answer) => answer.conflicts,
    next: (answer) => (answer.conflicts.length < PAGE ? undefined : { before: answer.conflicts.at(-1)?.id }),
  })
  const apart = usePages<NeverLinksAnswer, NeverLinkAnswer>('/profiles/never-links', {
    query,
    rows: ({ pairs }) => pairs,
    next: ({ next }) => (next === null ? undefined : { skip: next }),
  })
  return (
    <Stack gap="lg" miw={0}>
      <section aria-label="Joins of this profile">
        <Title order={2} mb={6}>
          Joins
        </Title>
        <Answer of={merges.result}>
          {() => <MergesTable rows={merges.rows} paged={merges.result} height={HEIGHT} />}
        </Answer>
      </section>
      <section aria-label="Conflicts of this profile">
        <Title order={2} mb={6}>
          Conflicts
        </Title>
        <Answer of={conflicts.result}>
          {() => <ConflictsTable rows={conflicts.rows} paged={conflicts.result} height={HEIGHT} />}
        </Answer>
      </section>
      <section aria-label="Kept apart from this profile">
        <Title order={2} mb={6}>
          Kept apart
        </Title>
        <Answer of={apart.result}>
          {() => <ApartTable rows={apart.rows} paged={apart.result} height={HEIGHT} />}
        </Answer>
      </section>
    </Stack>
  )
}
