/** A new audience. */

import { Button, Stack } from '@mantine/core'
import { useState } from 'react'
import type { AudienceAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote, Waiting } from '../../elements/answer.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { DefinitionForm, type Naming } from './definition-form.tsx'
import { useDraft } from './draft.ts'
import { type KnownParts, useKnown } from './known.ts'
import { RuleEditor } from './rule-editor.tsx'

const EVERYBODY = 'FILTER *'

export function NewAudiencePage() {
  const known = useKnown()
  return (
    <Page
      title="New audience"
      up={{ to: '/audiences', label: 'Audiences' }}
      intro="Put the rule together from conditions or write it in FilterQL: both are the same rule."
      calls={['POST /api/v1/audiences/validate', 'POST /api/v1/audiences/preview', 'POST /api/v1/audiences']}
      commands={[
        'thalweg audiences preview rule.filterql',
        'thalweg audiences create rule.filterql --name "…"',
      ]}
    >
      {known === undefined ? <Waiting lines={8} /> : <NewAudience known={known} />}
    </Page>
  )
}

function NewAudience({ known }: { known: KnownParts }) {
  const [naming, setNaming] = useState<Naming>({ name: '', slug: '', description: '' })
  const draft = useDraft(EVERYBODY, known)
  const create = useChange<void, AudienceAnswer>({
    method: 'POST',
    path: () => '/audiences',
    body: () => ({
      name: naming.name,
      description: naming.description,
      ...(naming.slug === '' ? {} : { slug: naming.slug }),
      filter: draft.text,
    }),
    changes: ['/audiences'],
    leadsTo: ({ slug }) => at`/audiences/${slug}`,
    done: ({ name }) => told(`${name} is kept. Everybody is being judged by it`),
  })
  return (
    <Stack gap="md">
      <DefinitionForm value={naming} onChange={setNaming} />
      <RuleEditor draft={draft} known={known} />
      {create.error !== null && <FailureNote error={create.error} />}
      <div>
        <Button
          loading={create.isPending}
          disabled={draft.reading === undefined || (naming.name === '' && naming.slug === '')}
          onClick={() => create.mutate()}
        >
          Save audience
        </Button>
      </div>
    </Stack>
  )
}
