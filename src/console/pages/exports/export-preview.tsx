/** What an export would send at its start, and what that takes. */

import { Text } from '@mantine/core'
import type { ExportPreviewAnswer } from '../../../api/routes/exports.ts'
import { Facts } from '../../elements/facts.tsx'
import { count } from '../../elements/words.ts'

export function ExportPreview({ preview }: { preview: ExportPreviewAnswer }) {
  const { members, people, omitted, over, requests, dataPoints, minutes } = preview
  return (
    <div>
      <Facts
        label="What it would send"
        facts={[
          ['Members', `${count(members)} with an identifier`],
          ['Sent at the start', `${count(people)} people`],
          ['Left out', `${count(omitted)} without an identifier`],
          ['Costs', `${count(requests)} requests, ${count(dataPoints)} data points`],
          ['Takes', minutes <= 1 ? 'about a minute' : `${count(minutes)} minutes at least`],
        ]}
      />
      {over > 0 && (
        <Text size="sm" c="var(--tw-wait)" mt="xs">
          {count(over)} members have more slugs than the attribute has room for: Braze would drop the oldest.
        </Text>
      )}
    </div>
  )
}
