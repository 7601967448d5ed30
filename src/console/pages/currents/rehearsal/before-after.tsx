/** One event as it came, and as the destination gets to see it, side by side. */

import { SimpleGrid, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { JsonView } from '../../../elements/json-view.tsx'

export interface BeforeAfterProps {
  readonly before: { readonly title: ReactNode; readonly label: string; readonly value: unknown }
  readonly after: { readonly title: ReactNode; readonly label: string; readonly value: unknown }
  readonly height?: string
}

/** A value of null has nothing to show: its title says why. */
export function BeforeAfter({ before, after, height = '360px' }: BeforeAfterProps) {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      {[before, after].map(({ title, label, value }) => (
        <Stack key={label} gap={4} miw={0}>
          <Text size="sm" fw={600} component="div">
            {title}
          </Text>
          {value !== null && <JsonView label={label} value={value} height={height} />}
        </Stack>
      ))}
    </SimpleGrid>
  )
}
