/** A record to try the mapping on: one of the last that the stream read, or one that is written here; and what comes of it as a whole. */

import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useEffect } from 'react'
import type { SampleAnswer, SamplesAnswer } from '../../../api/routes/streams.ts'
import { useAnswer } from '../../api/queries.ts'
import { CodeEditor } from '../../elements/code-editor.tsx'
import { When } from '../../elements/when.tsx'

const REASONS: Readonly<Record<string, string>> = {
  filtered: 'The condition of the stream is not true of it: it is left out.',
  no_identifier: 'It has no identifier: it reaches no profile.',
  not_an_object: 'A record is an object.',
  not_json: 'A record is JSON.',
}

export interface SampleProps {
  readonly stream: string
  readonly text: string
  readonly setText: (text: string) => void
  readonly sample: SampleAnswer | undefined
}

export function Sample({ stream, text, setText, sample }: SampleProps) {
  const last = useAnswer<SamplesAnswer>('/profile-schema/samples', { query: { stream, limit: 5 } })
  const samples = last.data?.samples ?? []
  const [first] = samples
  // The newest one is there to begin with; what somebody wrote stays.
  useEffect(() => {
    if (text === '' && first !== undefined) setText(indented(first.text))
  }, [first, text, setText])
  return (
    <Stack gap="xs">
      <Title order={2}>Try it on a record</Title>
      <CodeEditor label="Sample record" language="json" value={text} onChange={setText} maxHeight="320px" />
      {samples.length > 0 && (
        <Group gap={6} aria-label="Last records" role="group">
          {samples.map(({ offset, receivedAt, text: record }, i) => (
            <Button
              key={offset}
              size="compact-xs"
              variant="default"
              onClick={() => setText(indented(record))}
            >
              {i === 0 ? 'Newest' : <When at={receivedAt} />}
            </Button>
          ))}
        </Group>
      )}
      {last.data !== undefined && samples.length === 0 && text === '' && (
        <Text size="sm" c="dimmed">
          The log holds no late record of this stream. Write or paste one: the mapping is tried while you
          type.
        </Text>
      )}
      <div role="status" aria-label="What comes of it">
        {sample?.reason !== undefined && sample.reason !== null && (
          <Text size="sm" c="var(--tw-bad)">
            {REASONS[sample.reason] ?? sample.reason}
          </Text>
        )}
        {sample?.record != null && (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            Finds the person by{' '}
            <b>
              {sample.record.identifiers.map(({ field, value }) => `${field} ${value}`).join(', ') ||
                'nothing'}
            </b>
            , of <When at={sample.record.at} exact />, with {Object.keys(sample.record.values).length} values.
          </Text>
        )}
        {sample?.lost.map(({ field, problem }) => (
          <Text key={`${field} ${problem}`} size="sm" c="var(--tw-bad)">
            {field}: {problem.replaceAll('_', ' ')}
          </Text>
        ))}
      </div>
    </Stack>
  )
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
