/** A new segment. */

import { Button } from '@mantine/core'
import { useState } from 'react'
import type { SegmentAnswer } from '../../../api/routes/segments.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { type Definition, SegmentEditor } from './segment-editor.tsx'

const BLANK: Definition = {
  name: '',
  description: '',
  parent: { engine: 'warehouse', table: '', key: '' },
  rule: { all: [] },
}

export function NewSegmentPage() {
  const [definition, setDefinition] = useState(BLANK)
  const [isWhole, setWhole] = useState(true)
  const create = useChange<void, SegmentAnswer>({
    method: 'POST',
    path: () => '/segments',
    body: () => definition,
    changes: ['/segments'],
    leadsTo: ({ name }) => at`/segments/${name}`,
    done: ({ name }) => told(`${name} is kept`),
  })
  return (
    <Page
      title="New segment"
      up={{ to: '/segments', label: 'Segments' }}
      intro="Name the table with one row for each person, then say which of them are meant."
      calls={['POST /api/v1/segments/preview', 'POST /api/v1/segments']}
      commands={['thalweg segments create segment.json']}
    >
      <SegmentEditor value={definition} onChange={setDefinition} isKept={false} onWhole={setWhole} />
      {create.error !== null && <FailureNote error={create.error} />}
      <div>
        <Button
          loading={create.isPending}
          disabled={!isWhole || definition.name === '' || definition.parent.table === ''}
          onClick={() => create.mutate()}
        >
          Save segment
        </Button>
      </div>
    </Page>
  )
}
