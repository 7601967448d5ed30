/** One double: its counters, what it keeps, the switches that make it fail, and all of its state. */

import { Button, Group, SimpleGrid, Stack, Text, Textarea, Title } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { DoubleAnswer } from '../../../api/routes/sandbox.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { bytes, count, day, timeOfDay } from '../../elements/words.ts'
import { type Fault, faultWords, refusedOf, TROUBLES, tallyOf, titleOf } from './double-words.ts'

export function DoublePage() {
  const { double: name = '' } = useParams({ strict: false })
  const answer = useAnswer<DoubleAnswer>(at`/sandbox/${name}`, { everyMs: 2_000 })
  const faults = answer.data === undefined ? [] : tallyOf(answer.data).faults
  return (
    <Page
      title={titleOf(name)}
      up={{ to: '/sandbox', label: 'Sandbox' }}
      intro={answer.data && `Stands in for the vendor, at ${answer.data.url}`}
      beside={
        answer.data &&
        (faults.length === 0 ? (
          <StateBadge state="well" mood="good" />
        ) : (
          <StateBadge state="made to fail" mood="bad" />
        ))
      }
      calls={[
        'GET /api/v1/sandbox/{double}',
        'PUT /api/v1/sandbox/{double}/faults',
        'POST /api/v1/sandbox/{double}/reset',
      ]}
      commands={['thalweg sandbox']}
      actions={<Reset name={name} />}
    >
      <Answer of={answer} lines={8}>
        {(double) => (
          <>
            <Numbers double={double} />
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Faults key={name} double={double} />
              <section className="tw-card" aria-labelledby="keeps">
                <Title order={2} id="keeps" mb="xs">
                  What it keeps
                </Title>
                <DataTable
                  label="What it keeps"
                  rows={double.holdings}
                  columns={HOLDINGS}
                  rowKey={(holding) => holding.name}
                  rowTo={(holding) =>
                    `/sandbox/${encodeURIComponent(name)}/holdings/${encodeURIComponent(holding.name)}`
                  }
                  height="320px"
                />
              </section>
            </SimpleGrid>
            <Title order={2}>All of its state</Title>
            <JsonView value={double.state} label="State of the double" height="360px" />
          </>
        )}
      </Answer>
    </Page>
  )
}

type Holding = DoubleAnswer['holdings'][number]

const HOLDINGS: readonly Column<Holding>[] = [
  { id: 'title', header: 'What', cell: ({ title }) => title },
  { id: 'total', header: 'How many', align: 'right', cell: ({ total }) => count(total) },
]

function Numbers({ double }: { double: DoubleAnswer }) {
  const tally = tallyOf(double)
  const refused = refusedOf(tally)
  return (
    <Stats>
      <Stat
        label="Requests"
        value={count(tally.requests)}
        note={bytes(tally.bytes)}
        to={`/sandbox/${encodeURIComponent(double.name)}/requests`}
      />
      <Stat label="Events accepted" value={count(tally.events)} />
      <Stat
        label="Refused"
        value={count(refused)}
        note="answers that are not 2xx"
        {...(refused > 0 ? { mood: 'wait' as const } : {})}
      />
      <Stat label="Cut" value={count(tally.cut)} note="connections ended by a fault" />
      <Stat label="Its clock" value={timeOfDay(double.now)} note={day(double.now)} />
    </Stats>
  )
}

function Faults({ double }: { double: DoubleAnswer }) {
  const { faults } = tallyOf(double)
  const [text, setText] = useState<string>()
  const set = useChange<readonly unknown[]>({
    method: 'PUT',
    path: () => at`/sandbox/${double.name}/faults`,
    body: (rules) => ({ faults: rules }),
    changes: ['/sandbox'],
    done: (_answer, rules) => told(rules.length === 0 ? 'The double is well again' : 'The double fails now'),
  })
  const written = rulesOf(text)
  return (
    <section className="tw-card" aria-labelledby="faults">
      <Title order={2} id="faults" mb={4}>
        Make it fail
      </Title>
      <Stack gap="sm">
        {faults.length === 0 ? (
          <Text size="sm" c="dimmed">
            It answers as the vendor does. A press on one of these makes it fail until it is healed.
          </Text>
        ) : (
          <Stack gap={4}>
            {faults.map((fault, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rules have no other name than their place
              <Text key={i} size="sm">
                It {faultWords(fault)}; used {count(fault.used)} times.
              </Text>
            ))}
          </Stack>
        )}
        <Group gap="xs">
          {TROUBLES.map(({ label, about, fault }) => (
            <Button
              key={label}
              size="xs"
              variant="default"
              title={about}
              disabled={set.isPending}
              onClick={() => set.mutate([...faults.map(ruleOf), fault])}
            >
              {label}
            </Button>
          ))}
          <Button
            size="xs"
            disabled={faults.length === 0 || set.isPending}
            onClick={() => {
              setText(undefined)
              set.mutate([])
            }}
          >
            Heal
          </Button>
        </Group>
        <Textarea
          label="All rules, as JSON"
          description="status, latency, drop_before, drop_after, rate_limit, refuse, cut_receipts, cut_body, slow_job, fail_job; each perhaps with path, next or probability."
          autosize
          minRows={2}
          maxRows={12}
          error={text !== undefined && written === undefined ? 'This is not a JSON list yet' : undefined}
          value={text ?? JSON.stringify(faults.map(ruleOf))}
          onChange={({ currentTarget }) => setText(currentTarget.value)}
        />
        {set.error !== null && <FailureNote error={set.error} />}
        <Group>
          <Button
            size="xs"
            variant="default"
            disabled={text === undefined || written === undefined}
            loading={set.isPending}
            onClick={() => {
              if (written === undefined) return
              setText(undefined)
              set.mutate(written)
            }}
          >
            Set these rules
          </Button>
        </Group>
      </Stack>
    </section>
  )
}

function ruleOf({ used: _used, ...rule }: Fault): Readonly<Record<string, unknown>> {
  return rule
}

/** undefined: it is no list. */
function rulesOf(text: string | undefined): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function Reset({ name }: { name: string }) {
  const reset = useChange({
    method: 'POST',
    path: () => at`/sandbox/${name}/reset`,
    body: () => ({}),
    changes: ['/sandbox'],
    done: () => told('The double has forgotten everything'),
  })
  return (
    <ConfirmButton label="Reset" variant="default" onConfirm={() => reset.mutateAsync()}>
      <Text size="sm">
        The double of {titleOf(name)} forgets what arrived, its counters and its faults. The hub keeps its
        books: what it delivered stays delivered.
      </Text>
    </ConfirmButton>
  )
}
