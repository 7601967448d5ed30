/** The frame of every page: its name, what it is for, what can be done, and how the same is done without it. */

import { Anchor, Group, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useEffect } from 'react'
import { Breakable } from './breakable.tsx'
import { CopyButton } from './copy-button.tsx'
import classes from './page.module.css'

export interface PageProps {
  readonly title: string
  /** One sentence: what one sees here. */
  readonly intro?: ReactNode
  /** Where one comes from, for pages below a list. */
  readonly up?: { readonly to: string; readonly label: string }
  /** Beside the title: states, names. */
  readonly beside?: ReactNode
  /** Buttons, at the right. */
  readonly actions?: ReactNode
  /** The API calls that this page makes, as "GET /api/v1/currents". */
  readonly calls: readonly string[]
  /** Lines of the command line that show the same, as "thalweg currents list". */
  readonly commands: readonly string[]
  readonly children: ReactNode
}

export function Page({ title, intro, up, beside, actions, calls, commands, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Thalweg`
  }, [title])
  return (
    <Stack gap="md" className={classes.page}>
      <header>
        {up !== undefined && (
          <Anchor component={Link} to={up.to} size="sm">
            ← {up.label}
          </Anchor>
        )}
        <Group justify="space-between" align="flex-start" gap="sm">
          <div className={classes.head}>
            <Group gap="sm">
              <Title order={1}>
                <Breakable text={title} />
              </Title>
              {beside}
            </Group>
            {intro !== undefined && (
              <Text c="dimmed" size="sm" maw={720}>
                {intro}
              </Text>
            )}
          </div>
          {actions !== undefined && <Group gap="xs">{actions}</Group>}
        </Group>
      </header>
      {children}
      <footer className={classes.footer}>
        <Lines label="API" lines={calls} />
        <Lines label="Command line" lines={commands.map((line) => line.replace('thalweg', 'npx thalweg'))} />
      </footer>
    </Stack>
  )
}

function Lines({ label, lines }: { label: string; lines: readonly string[] }) {
  if (lines.length === 0) return null
  return (
    <div className={classes.lines}>
      <span className={classes.linesLabel}>{label}</span>
      {lines.map((line) => (
        <span key={line} className={classes.line}>
          <code>{line}</code>
          <CopyButton value={line} />
        </span>
      ))}
    </div>
  )
}
