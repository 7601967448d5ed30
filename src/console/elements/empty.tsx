import { Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** In the place of a list without rows: what would stand here, and how it comes about. */
export function Empty({
  title,
  children,
  action,
}: {
  title: string
  children?: ReactNode
  action?: ReactNode
}) {
  return (
    <Stack align="center" gap={6} py="xl" px="md">
      <Text fw={600} ta="center">
        {title}
      </Text>
      {children !== undefined && (
        <Text size="sm" c="dimmed" ta="center" maw={520} component="div">
          {children}
        </Text>
      )}
      {action}
    </Stack>
  )
}
