import { Stack, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** A part of a long form or page, on a card, under its title. */
export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="tw-card" aria-label={title}>
      <Stack gap="sm">
        <Title order={2}>{title}</Title>
        {children}
      </Stack>
    </section>
  )
}
