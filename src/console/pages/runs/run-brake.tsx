/** A run that waits for a person: why, who would go, and the two ways on. */

import { Anchor, Code, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { OctagonPause } from 'lucide-react'
import type { ReactNode } from 'react'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { useChange } from '../../api/queries.ts'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { Notice } from '../../elements/notice.tsx'
import { told } from '../../elements/notices.ts'
import { count } from '../../elements/words.ts'
import { ROWS } from './run-numbers.tsx'
import { identifierText } from './run-words.ts'

export function RunBrake({ run, path, cancel }: { run: RunAnswer; path: string; cancel: ReactNode }) {
  const { hold, removed, added, membersBefore } = run.report
  const empties = hold?.kind === 'empty'
  const release = useChange<void, RunAnswer>({
    method: 'POST',
    path: () => `${path}/release`,
    body: () => ({ confirmEmpty: empties }),
    changes: [path, '/runs', '/activations'],
    done: () => told(`Run ${run.run} goes on`),
  })
  if (hold === null) return null
  return (
    <Notice
      mood="wait"
      icon={<OctagonPause size={20} aria-hidden />}
      title="Held by the brake: nothing was sent"
      role="alert"
    >
      <Stack gap="sm">
        <Text size="sm">{hold.reason}</Text>
        <Leaving run={run} path={path} />
        <Group gap="xs">
          <ConfirmButton
            label="Release"
            color="var(--tw-bad-strong)"
            deed={`Remove ${count(removed)} and add ${count(added)}`}
            {...(empties ? { typed: 'empty' } : {})}
            onConfirm={() => release.mutateAsync()}
          >
            <Stack gap="xs">
              <Text size="sm">{hold.reason}</Text>
              <Text size="sm">
                Of {count(membersBefore)} members {count(removed)} leave and {count(added)} people enter. The
                vendor is told at once.
              </Text>
              <Leaving run={run} path={path} />
            </Stack>
          </ConfirmButton>
          {cancel}
        </Group>
      </Stack>
    </Notice>
  )
}

function Leaving({ run, path }: { run: RunAnswer; path: string }) {
  const people = run.report.sample?.removed ?? []
  if (people.length === 0) return null
  const rest = run.report.removed - people.length
  return (
    <div>
      <Text size="sm" fw={600}>
        Who would be removed
      </Text>
      <Group gap="xs">
        {people.map((who) => (
          <Code key={`${who.kind} ${identifierText(who)}`}>{identifierText(who)}</Code>
        ))}
      </Group>
      <Anchor component={Link} to={`${path}/removed#${ROWS}`} size="sm">
        {rest > 0 ? `All ${count(run.report.removed)} of them` : 'As a list'}
      </Anchor>
    </div>
  )
}
