/** A list of a run to take along. */

import { Button, Group } from '@mantine/core'
import { Download } from 'lucide-react'
import { urlOf } from '../../api/client.ts'

export function RunFiles({ path, kind }: { path: string; kind: 'added' | 'removed' | 'refused' }) {
  return (
    <Group gap="xs">
      {(['csv', 'ndjson'] as const).map((format) => (
        <Button
          key={format}
          component="a"
          href={urlOf(`${path}/file`, { kind, format })}
          download
          size="xs"
          variant="default"
          leftSection={<Download size={14} aria-hidden />}
        >
          {format.toUpperCase()}
        </Button>
      ))}
    </Group>
  )
}
