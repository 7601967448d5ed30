/** How many people a segment means now, some of them, and the query that asks. */

import { Stack } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { SegmentPreviewAnswer } from '../../../api/routes/segments.ts'
import { type ApiFailure, call } from '../../api/client.ts'
import { Answer } from '../../elements/answer.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { ResultGrid } from '../../elements/result-grid.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { count } from '../../elements/words.ts'
import type { Parent } from './parent-form.tsx'
import type { SegmentRule } from './segment-tree.ts'

/** The database is asked when the hand rests. */
const REST_MS = 500
const ROWS = 20

export function SegmentPreview({ parent, rule }: { parent: Parent; rule: SegmentRule }) {
  const [asked] = useDebouncedValue(JSON.stringify({ parent, rule, rows: ROWS }), REST_MS)
  const preview = useQuery<SegmentPreviewAnswer, ApiFailure>({
    queryKey: ['/segments/preview', asked],
    queryFn: ({ signal }) =>
      call<SegmentPreviewAnswer>('POST', '/segments/preview', { body: JSON.parse(asked), signal }),
    placeholderData: keepPreviousData,
    refetchOnWindowFocus: false,
  })
  return (
    <Answer of={preview}>
      {({ size, columns, rows, sql }) => (
        <Stack gap="sm">
          <Stats>
            <Stat
              label="People it means now"
              value={count(size)}
              note={`asked of ${parent.engine} a moment ago`}
            />
          </Stats>
          <ResultGrid
            label="people whom the segment means"
            columns={columns}
            rows={rows}
            none="Nobody fits this rule at the moment"
            height="340px"
          />
          <JsonView value={sql} label="the query that asks" height="200px" />
        </Stack>
      )}
    </Answer>
  )
}
