/** What was asked, of which engine, and how its columns were read. */

import { Stack, Text } from '@mantine/core'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { CodeEditor } from '../../elements/code-editor.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Facts } from '../../elements/facts.tsx'
import { Notice } from '../../elements/notice.tsx'
import { count } from '../../elements/words.ts'
import { invalidRows } from './run-words.ts'

export function RunQuery({ run }: { run: RunAnswer }) {
  const { asked, notices, rows, identifiers, distinct } = run.report
  if (asked === null)
    return (
      <Empty title={run.retryOf === null ? 'Nothing was asked yet' : 'A retry asks no query'}>
        {run.retryOf !== null &&
          `It sends again what run ${run.retryOf} was refused and nobody has decided since.`}
      </Empty>
    )
  return (
    <Stack>
      <Facts
        label="The result"
        facts={[
          ['Engine', asked.engine],
          ['Rows', `${count(rows)}, of these ${count(invalidRows(run))} invalid`],
          ['Identifiers', `${count(identifiers)}, of ${count(distinct)} different people`],
        ]}
      />
      {notices.length > 0 && (
        <Notice mood="wait" title="About its columns">
          {notices.map((notice) => (
            <Text key={notice} size="sm">
              {notice}
            </Text>
          ))}
        </Notice>
      )}
      <CodeEditor label="The query" language="sql" value={asked.sql} readOnly />
    </Stack>
  )
}
