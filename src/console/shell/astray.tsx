/** Where one ends up when a page is missing or broke while it was drawn. */

import { Button, Stack, Text, Title } from '@mantine/core'
import { type ErrorComponentProps, Link } from '@tanstack/react-router'

export function Missing() {
  return (
    <Stack align="flex-start" p="lg">
      <Title order={1}>There is no such page</Title>
      <Text c="dimmed">The address may be old, or a part of it is missing.</Text>
      <Button component={Link} to="/">
        To the loop
      </Button>
    </Stack>
  )
}

export function Broken({ error, reset }: ErrorComponentProps) {
  return (
    <Stack align="flex-start" p="lg">
      <Title order={1}>This page broke</Title>
      <Text>
        That is a defect of the console; what flows is not touched by it. The words below help whoever mends
        it.
      </Text>
      <pre className="tw-code">{error instanceof Error ? error.message : String(error)}</pre>
      <Button onClick={reset}>Draw it again</Button>
    </Stack>
  )
}
