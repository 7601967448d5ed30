/** A request as it would leave: line, headers and body; secrets are blotted out by the API. */

import { Stack, Text } from '@mantine/core'
import type { RehearsalAnswer } from '../../../../api/routes/current-events.ts'
import { JsonView } from '../../../elements/json-view.tsx'

export function RequestView({ request }: { request: NonNullable<RehearsalAnswer['request']> }) {
  const { method, url, headers, body } = request
  return (
    <Stack gap="xs">
      <Text size="sm" className="tw-code">
        <strong>{method}</strong> {url}
      </Text>
      <JsonView
        label="Headers of the request"
        value={Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join('\n')}
        height="140px"
      />
      <JsonView label="Body of the request" value={readable(body)} height="360px" />
    </Stack>
  )
}

/** JSON, indented; a text as it is. */
export function readable(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
