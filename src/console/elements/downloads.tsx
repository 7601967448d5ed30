/** A list to take along, in each format that there is. */

import { Button, Group } from '@mantine/core'
import { Download } from 'lucide-react'

const FORMATS = ['csv', 'ndjson'] as const

export function Downloads({ href }: { href: (format: (typeof FORMATS)[number]) => string }) {
  return (
    <Group gap="xs">
      {FORMATS.map((format) => (
        <Button
          key={format}
          component="a"
          href={href(format)}
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
