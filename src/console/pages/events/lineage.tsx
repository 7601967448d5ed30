/**
 * The way of one record, from the bytes as they came to the answer of every vendor: what is the same for all currents first, then each current
 * with its own way.
 */

import { Anchor, Group, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { RecordAnswer } from '../../../api/routes/events.ts'
import { pretty } from '../../elements/json-text.ts'
import { JsonView } from '../../elements/json-view.tsx'
import { type Mood, StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count } from '../../elements/words.ts'
import classes from './lineage.module.css'
import { byWeight, DOORS } from './lineage-words.ts'
import { PassageCard } from './passage.tsx'

export function Lineage({ record }: { record: RecordAnswer }) {
  const passages = record.currents.toSorted(byWeight)
  const concerned = passages.filter(({ fate }) => fate.outcome !== 'out-of-scope')
  const others = passages.filter(({ fate }) => fate.outcome === 'out-of-scope')
  return (
    <Stack gap="md">
      <section className="tw-card" aria-label="How it came in">
        <Arrival record={record} />
      </section>
      <Title order={2}>
        {concerned.length === 0
          ? 'No current takes it'
          : `In ${count(concerned.length)} ${concerned.length === 1 ? 'current' : 'currents'}`}
      </Title>
      {concerned.map((passage) => (
        <PassageCard
          key={passage.number}
          passage={passage}
          raw={record.raw}
          quarantined={record.quarantined}
        />
      ))}
      {others.length > 0 && (
        <details className="tw-card">
          <summary>
            {count(others.length)} {others.length === 1 ? 'current is' : 'currents are'} not concerned
          </summary>
          <Stack gap="xs" mt="sm">
            {others.map((passage) => (
              <PassageCard
                key={passage.number}
                passage={passage}
                raw={record.raw}
                quarantined={record.quarantined}
              />
            ))}
          </Stack>
        </details>
      )}
    </Stack>
  )
}

export function Step({ name, mood, children }: { name: string; mood?: Mood; children: ReactNode }) {
  return (
    <li className={classes.step} data-mood={mood}>
      <h3 className={classes.name}>{name}</h3>
      {children}
    </li>
  )
}

function Arrival({ record }: { record: RecordAnswer }) {
  const { source, door, request, receivedAt, type, inCatalog, quarantined, erased, offset } = record
  return (
    <ol className={classes.steps}>
      <Step name="Source" mood="good">
        <Text size="sm">
          {source === null ? (
            'A source that was deleted since'
          ) : (
            <Anchor component={Link} to={`/inbox/${encodeURIComponent(source)}`} inherit>
              {source}
            </Anchor>
          )}
          {door === null ? '' : `, by the door for ${DOORS[door] ?? door}`}
        </Text>
      </Step>
      <Step name="Request" mood="good">
        <Text size="sm">
          One of {count(request.records)} {request.records === 1 ? 'record' : 'records'} (
          {bytes(request.bytes)}), taken <When at={receivedAt} exact />
        </Text>
      </Step>
      <Step name="Log" mood={quarantined ? 'wait' : 'good'}>
        <Group gap="xs">
          <Text size="sm">
            At offset {count(offset)}, {type === '' ? 'without a type' : type}
          </Text>
          {quarantined && <StateBadge state="quarantined" mood="wait" />}
          {erased && <StateBadge state="erased" />}
          {!inCatalog && !quarantined && type !== '' && (
            <Anchor component={Link} to={`/drift/types/${encodeURIComponent(type)}`} size="sm">
              not in the catalog
            </Anchor>
          )}
        </Group>
      </Step>
      <Step name={`As it was received, ${bytes(record.bytes)}`} mood={quarantined ? 'wait' : 'good'}>
        <JsonView value={pretty(record.raw)} label="The event as it was received" height="300px" />
      </Step>
    </ol>
  )
}
