/** An activation at a glance: size, last and next run, what it does, and how the cohort grew. */

import { Anchor, SimpleGrid, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import type { DestinationAnswer } from '../../../api/routes/destinations.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Chart } from '../../elements/chart.tsx'
import { Facts } from '../../elements/facts.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { When } from '../../elements/when.tsx'
import { count, short, spoken } from '../../elements/words.ts'
import { destinationText } from '../runs/destination-text.ts'
import { OPERATIONS } from '../runs/run-actions.tsx'
import { useRuns } from '../runs/run-table.tsx'
import { runPath } from '../runs/run-words.ts'
import { tariffText } from './destination-part.tsx'

export function OverviewTab({ activation, path }: { activation: ActivationAnswer; path: string }) {
  const { definition, lastRun, members, name, nextRunAt, schedule } = activation
  return (
    <Stack>
      <Stats>
        <Stat
          label="Members"
          value={members === null ? '–' : count(members)}
          note={members === null ? 'no run has changed the cohort' : 'as the vendor accepted them'}
          to={`${path}/members`}
        />
        {lastRun === null ? (
          <Stat label="Last run" value="Never" note="begin with a dry run" />
        ) : (
          <Stat
            label="Last run"
            value={spoken(lastRun.state)}
            note={<When at={lastRun.createdAt} />}
            to={runPath(name, lastRun.run)}
          />
        )}
        <Stat
          label="Next run"
          value={nextRunAt === null ? '–' : <When at={nextRunAt} />}
          note={activation.state === 'paused' ? 'its schedule is paused' : schedule}
        />
      </Stats>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <section className="tw-card" aria-label="What it does">
          <Facts label="What it does" facts={factsOf(activation)} />
          <Tariff kind={definition.destination.kind} />
        </section>
        <section className="tw-card" aria-label="Members after each run">
          <Text size="sm" fw={600}>
            Members after each run
          </Text>
          <Growth path={path} />
        </section>
      </SimpleGrid>
    </Stack>
  )
}

function factsOf({ definition, current, version, number }: ActivationAnswer) {
  const { query, operation, brake, aliases } = definition
  const { sql, saved, segment, engine, columns = {} } = query
  const source =
    segment !== undefined
      ? `Segment ${segment} (${Object.entries(columns)
          .map(([output, column]) => `${output} = ${column}`)
          .join(', ')})`
      : saved !== undefined
        ? `Saved query ${saved}`
        : `A query of ${engine}`
  const facts: [string, React.ReactNode][] = [
    [
      'People',
      <span key="people">
        {source}
        {sql !== undefined && <pre className="tw-code">{sql}</pre>}
      </span>,
    ],
    ['Destination', destinationText(definition)],
    ['Operation', `${spoken(operation)}. ${OPERATIONS[operation]}`],
    ['Aliases', aliases.map((one) => (typeof one === 'string' ? one : one.label)).join(', ') || 'none'],
    [
      'Brake',
      operation === 'mirror'
        ? `held above ${Math.round(brake.removedShareMax * 1_000) / 10} % removed${brake.removedMax === undefined ? '' : `, or ${count(brake.removedMax)} members`}`
        : 'only a mirror is braked',
    ],
    ['Contact', definition.contactEmail],
    [
      'Carried by',
      <Anchor key="current" component={Link} to={at`/currents/${`activation-${definition.name}`}`} size="sm">
        Current {current}
      </Anchor>,
    ],
    ['Version', `${version}, of activation ${number}`],
  ]
  return facts
}

function Tariff({ kind }: { kind: string }) {
  const { data } = useAnswer<DestinationAnswer>(at`/destinations/${kind}`)
  return (
    <Text size="sm" c="dimmed" mt="sm">
      {data === undefined ? '' : tariffText(data)}
    </Text>
  )
}

function Growth({ path }: { path: string }) {
  const { rows } = useRuns(`${path}/runs`, { dry: false })
  const points = rows
    .flatMap(({ finishedAt, report }) =>
      finishedAt === null || report.membersAfter === null ? [] : [{ finishedAt, size: report.membersAfter }],
    )
    .reverse()
  if (points.length < 2)
    return (
      <Text size="sm" c="dimmed">
        Drawn as soon as two runs have ended.
      </Text>
    )
  return (
    <Chart
      label="Members after each run"
      times={points.map(({ finishedAt }) => finishedAt)}
      series={[{ label: 'Members', values: points.map(({ size }) => size), colour: 1 }]}
      write={short}
    />
  )
}
