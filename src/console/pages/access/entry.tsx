/** The page of whoever has not come in yet: one form in the middle, with what the hub said of the last try. */

import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { type FormEvent, type ReactNode, useEffect } from 'react'
import { FailureNote } from '../../elements/answer.tsx'
import { Mark } from '../../shell/mark.tsx'
import classes from './entry.module.css'

export interface EntryProps {
  readonly title: string
  readonly intro: ReactNode
  readonly error: Error | null
  readonly busy: boolean
  /** On the button. */
  readonly deed: string
  readonly onSubmit: () => void
  /** The fields. */
  readonly children: ReactNode
  /** Below the button. */
  readonly beside?: ReactNode
}

export function Entry({ title, intro, error, busy, deed, onSubmit, children, beside }: EntryProps) {
  useEffect(() => {
    document.title = `${title} · Thalweg`
  }, [title])
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    onSubmit()
  }
  return (
    <main className={classes.ground}>
      <form className={classes.card} onSubmit={submit}>
        <Stack>
          <Group gap="xs">
            <Mark />
            <Text fw={700}>Thalweg</Text>
          </Group>
          <div>
            <Title order={1} mb={4}>
              {title}
            </Title>
            <Text size="sm" c="dimmed" component="div">
              {intro}
            </Text>
          </div>
          {error !== null && <FailureNote error={error} />}
          {children}
          <Button type="submit" loading={busy} fullWidth>
            {deed}
          </Button>
          {beside}
        </Stack>
      </form>
    </main>
  )
}
