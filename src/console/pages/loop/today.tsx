/** What changed in the last day: alerts raised and resolved, runs that ended. The newest first. */

import { Anchor, Group, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import type { AlertAnswer } from '../../../api/routes/alerts.ts'
import type { ListedRunAnswer } from '../../../api/routes/run-views.ts'
import { useAnswer } from '../../api/queries.ts'
import { Empty } from '../../elements/empty.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'

interface Happening {
  readonly key: string
  readonly at: number
  readonly state: string
  readonly words: string
  readonly to: string
}

const DAY_MS = 86_400_000
const SHOWN_MAX = 12

export function Today() {
  const alerts = useAnswer<{ alerts: AlertAnswer[] }>('/alerts', { everyMs: 15_000 }).data?.alerts ?? []
  const runs =
    useAnswer<{ runs: ListedRunAnswer[] }>('/runs', { query: { limit: 50 }, everyMs: 15_000 }).data?.runs ??
    []
  const activations =
    useAnswer<{ activations: ActivationAnswer[] }>('/activations', { everyMs: 15_000 }).data?.activations ??
    []
  const names = new Map(activations.map(({ number, definition }) => [number, definition.name]))
  const since = Date.now() - DAY_MS
  const happenings = [
    ...alerts.flatMap(happeningsOf),
    ...runs.map((run) => runHappening(run, names.get(run.activation) ?? String(run.activation))),
  ]
    .filter(({ at }) => at >= since)
    .sort((a, b) => b.at - a.at)
    .slice(0, SHOWN_MAX)
  return (
    <section className="tw-card" aria-labelledby="today">
      <Title order={2} id="today" mb="xs">
        Last 24 hours
      </Title>
      {happenings.length === 0 ? (
        <Empty title="Nothing out of the ordinary">Halts, alerts and finished runs are listed here.</Empty>
      ) : (
        <Stack gap={8}>
          {happenings.map(({ key, at, state, words, to }) => (
            <Group key={key} gap="xs" wrap="nowrap" align="flex-start">
              <StateBadge state={state} />
              <Anchor component={Link} to={to} size="sm" style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
                {words}
              </Anchor>
              <Text size="xs" c="dimmed" ml="auto" style={{ whiteSpace: 'nowrap' }}>
                <When at={at} />
              </Text>
            </Group>
          ))}
        </Stack>
      )}
    </section>
  )
}

function happeningsOf({ id, subject, createdAt, resolvedAt }: AlertAnswer): Happening[] {
  const raised = { key: id, at: createdAt, state: 'alert', words: subject, to: '/alerts' }
  return resolvedAt === null
    ? [raised]
    : [raised, { key: `${id} over`, at: resolvedAt, state: 'resolved', words: subject, to: '/alerts' }]
}

function runHappening(
  { run, activation, state, dry, report, createdAt, finishedAt }: ListedRunAnswer,
  name: string,
): Happening {
  const moved = `${count(report.added)} in, ${count(report.removed)} out`
  return {
    key: `run ${activation} ${run}`,
    at: finishedAt ?? createdAt,
    state,
    words: `${name}, run ${run}${dry ? ' (dry)' : ''}: ${moved}`,
    to: `/activations/${encodeURIComponent(name)}/runs/${run}`,
  }
}
