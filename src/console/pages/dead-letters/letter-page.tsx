/** One dead letter: what the vendor said, the event to mend, what was sent, and what happened to it since. */

import { Anchor, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import type { DeadLetterAnswer } from '../../../api/routes/dead-letters.ts'
import { at } from '../../api/client.ts'
import { askAnew, useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Facts } from '../../elements/facts.tsx'
import { pretty } from '../../elements/json-text.ts'
import { JsonView } from '../../elements/json-view.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, spoken } from '../../elements/words.ts'
import { BulkButton } from './bulk-button.tsx'
import { LetterEditor } from './letter-editor.tsx'
import { faultWords, STATE_WORDS } from './letter-words.ts'

const EVERY_MS = 2_000

export function LetterPage() {
  const { id = '' } = useParams({ strict: false })
  const path = at`/dead-letters/${id}`
  const letter = useAnswer<DeadLetterAnswer>(path, { everyMs: EVERY_MS })
  const { data } = letter
  const again = () => void askAnew(['/dead-letters'])
  return (
    <Page
      title={data === undefined ? 'Dead letter' : data.eventId || `Record at offset ${data.offset}`}
      up={{ to: '/dead-letters', label: 'Dead letters' }}
      beside={
        data !== undefined && (
          <Group gap="xs">
            <StateBadge state={data.state} title={STATE_WORDS[data.state]} />
            {data.edited && <StateBadge state="edited" mood="calm" />}
          </Group>
        )
      }
      actions={
        (data?.state === 'dead' || data?.state === 'queued') && (
          <>
            <BulkButton deed="discard" which={{ ids: [data.id] }} done={again} />
            {data.state === 'dead' && (
              <BulkButton deed="redrive" which={{ ids: [data.id] }} variant="filled" done={again} />
            )}
          </>
        )
      }
      calls={[`GET /api/v1${path}`, `PUT /api/v1${path}/event`, 'POST /api/v1/dead-letters/redrive']}
      commands={[`thalweg dead-letters show ${id}`, `thalweg dead-letters edit ${id} --file event.json`]}
    >
      <Answer of={letter} lines={10}>
        {(one) => <Letter letter={one} />}
      </Answer>
    </Page>
  )
}

function Letter({ letter }: { letter: DeadLetterAnswer }) {
  return (
    <>
      <Fault letter={letter} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
        <section className="tw-card">
          <LetterEditor key={letter.id} letter={letter} />
        </section>
        <Stack gap="md">
          <section className="tw-card">
            <Title order={2} mb="sm">
              What happened
            </Title>
            <History letter={letter} />
          </section>
          <section className="tw-card">
            <Title order={2} mb="xs">
              The request as it was sent
            </Title>
            <Text size="sm" c="dimmed" mb="xs">
              With this record after mapping. Secrets are blotted out.
            </Text>
            <JsonView value={pretty(letter.sent)} label="Request as it was sent" height="360px" />
          </section>
        </Stack>
      </SimpleGrid>
    </>
  )
}

function Fault({ letter: { fault, message, status, answer, state } }: { letter: DeadLetterAnswer }) {
  const { title, next } = faultWords(fault)
  return (
    <section className="tw-card" aria-label="What went wrong">
      <Stack gap="xs">
        <Title order={2}>{title}</Title>
        {message !== '' && <Text>{message}</Text>}
        {state === 'dead' && (
          <Text size="sm" c="dimmed">
            {next}
          </Text>
        )}
        <Text size="sm" fw={600}>
          {status === 0 ? 'There was no answer' : `The answer, with status ${status}`}
        </Text>
        {answer !== '' && <JsonView value={pretty(answer)} label="What the vendor answered" height="200px" />}
      </Stack>
    </section>
  )
}

function History({ letter }: { letter: DeadLetterAnswer }) {
  const { current, currentNumber, offset, version, batch, replay, attempts, note, state, reason } = letter
  const later = letter.updatedAt !== letter.createdAt || state !== 'dead'
  return (
    <Facts
      label="What happened to it"
      facts={[
        ['Accepted', <When key="accepted" at={letter.receivedAt} exact />],
        ['Refused', <When key="refused" at={letter.createdAt} exact />],
        ...(later
          ? [
              [
                STATE_WORDS[state] === STATE_WORDS.dead ? 'Last changed' : STATE_WORDS[state],
                <When key="changed" at={letter.updatedAt} exact />,
              ] as const,
            ]
          : []),
        ['Attempts', count(attempts)],
        ...(note === '' ? [] : [['Note', note] as const]),
        ['Type', letter.eventType || 'none'],
        ['Reason in the ledger', spoken(reason)],
        [
          'Current',
          current === null ? (
            `deleted (number ${currentNumber})`
          ) : (
            <span key="current">
              <Anchor component={Link} to={`/currents/${encodeURIComponent(current)}`} inherit>
                {current}
              </Anchor>
              , version {version}
            </span>
          ),
        ],
        ['Batch', batch],
        ...(replay === null ? [] : [['Replay', replay] as const]),
        [
          'Lineage',
          <Anchor key="lineage" component={Link} to={`/records/${offset}`} inherit>
            all of record {count(offset)}
          </Anchor>,
        ],
      ]}
    />
  )
}
