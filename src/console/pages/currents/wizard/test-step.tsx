/** What would be sent, shown and tried before anything flows: a real event before and after, the very request, a rehearsed write. */

import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { CatalogAnswer, CatalogTypeAnswer } from '../../../../api/routes/catalog.ts'
import type { RehearsalAnswer } from '../../../../api/routes/current-events.ts'
import { at } from '../../../api/client.ts'
import { useAnswer, useChange } from '../../../api/queries.ts'
import { Answer, FailureNote } from '../../../elements/answer.tsx'
import { CodeEditor } from '../../../elements/code-editor.tsx'
import { count, share } from '../../../elements/words.ts'
import { type Definition, named } from '../definition/definition.ts'
import { flowingIn } from '../definition/patterns.ts'
import { BeforeAfter } from '../rehearsal/before-after.tsx'
import { CheckButton } from '../rehearsal/check-button.tsx'
import { RequestView, readable } from '../rehearsal/request-view.tsx'
import { reasonWords } from '../trouble.ts'
import { exampleOf } from './example.ts'

export interface TestStepProps {
  readonly definition: Definition
  readonly onRefused: (error: Error | undefined) => void
}

export function TestStep({ definition, onRefused }: TestStepProps) {
  const whole = named(definition)
  const rehearsal = useAnswer<RehearsalAnswer>('/currents/rehearse', {
    body: { definition: whole, samples: 1, records: 1_000 },
  })
  const { error } = rehearsal
  // biome-ignore lint/correctness/useExhaustiveDependencies: told when what was refused changes
  useEffect(() => {
    if (!rehearsal.isFetching) onRefused(error ?? undefined)
  }, [error, rehearsal.isFetching])
  return (
    <Stack gap="lg">
      <Stack gap="xs">
        <Title order={3}>A write, rehearsed</Title>
        <Text size="sm" c="dimmed">
          Asks the destination with these settings and credentials, as closely as is safe. No event is sent.
        </Text>
        <CheckButton path="/currents/check" body={whole} label="Test the destination" onRefused={onRefused} />
      </Stack>
      <Stack gap="xs">
        <Title order={3}>What would be sent</Title>
        <Answer of={rehearsal} lines={8}>
          {(found) => <Found found={found} definition={whole} />}
        </Answer>
      </Stack>
    </Stack>
  )
}

function Found({ found, definition }: { found: RehearsalAnswer; definition: Definition }) {
  const { records, sent, unsent, samples, request } = found
  const sample = samples.find(({ reason }) => reason === null)
  const reasons = unsent.map(({ reason, count: n }) => `${count(n)} ${reasonWords(reason)}`).join(', ')
  return (
    <Stack gap="md">
      <Text size="sm" className="tw-number">
        {records === 0
          ? 'No event of these sources is kept yet, so an example stands in for one.'
          : `Of the last ${count(records)} events of these sources, ${count(sent)} would be sent (${share(sent, records)})${reasons === '' ? '' : `; the others: ${reasons}`}.`}
      </Text>
      {sample !== undefined && request !== null ? (
        <>
          <BeforeAfter
            before={{
              title: `As it came: ${sample.type}`,
              label: 'The event as it came',
              value: readable(sample.raw),
            }}
            after={{
              title: 'As the destination sees it',
              label: 'The event as the destination sees it',
              value: sample.mapped,
            }}
          />
          <Text size="sm" fw={600}>
            The request
          </Text>
          <RequestView request={request} />
        </>
      ) : (
        <Example definition={definition} />
      )}
    </Stack>
  )
}

/** An event of a chosen type, made up from the catalog, which can be changed and previewed. */
function Example({ definition }: { definition: Definition }) {
  const catalog = useAnswer<CatalogAnswer>('/catalog').data
  const first = catalog?.picker
    .flatMap((category) =>
      category.channels.flatMap((channel) => flowingIn(definition.selection, category, channel)),
    )
    .at(0)
  const type = useAnswer<CatalogTypeAnswer>(at`/catalog/types/${first ?? ''}`, {
    enabled: first !== undefined,
  }).data
  const [text, setText] = useState<string>()
  const shown = text ?? (type === undefined ? '' : JSON.stringify(exampleOf(type), null, 2))
  const previewing = useChange<void, { request: RehearsalAnswer['request'] }>({
    method: 'POST',
    path: () => '/currents/preview-request',
    body: () => ({ definition, events: [shown] }),
    changes: [],
  })
  return (
    <Stack gap="sm">
      <CodeEditor
        label="An event to try"
        language="json"
        value={shown}
        onChange={setText}
        maxHeight="280px"
      />
      <Group>
        <Button
          variant="default"
          loading={previewing.isPending}
          disabled={shown === ''}
          onClick={() => previewing.mutate()}
        >
          Show the request
        </Button>
      </Group>
      {previewing.error !== null && <FailureNote error={previewing.error} />}
      {previewing.data?.request === null && (
        <Text size="sm" role="status">
          This event would not be sent: its type is not chosen, or it has no external id.
        </Text>
      )}
      {previewing.data?.request != null && <RequestView request={previewing.data.request} />}
    </Stack>
  )
}
