/** The people of an activation: a query of its own, a saved one or a segment, with a sample and what its columns mean. */

import {
  ActionIcon,
  Autocomplete,
  Button,
  Group,
  NativeSelect,
  Radio,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { X } from 'lucide-react'
import type { ActivationPreviewAnswer } from '../../../api/routes/activation-previews.ts'
import type { EngineAnswer } from '../../../api/routes/engines.ts'
import type { SavedQueryAnswer } from '../../../api/routes/queries.ts'
import type { SegmentAnswer, SegmentPreviewAnswer } from '../../../api/routes/segments.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { CodeEditor } from '../../elements/code-editor.tsx'
import type { PartProps } from './activation-form.tsx'
import { questionOf } from './draft.ts'
import { Sample } from './sample.tsx'

const SAMPLE_ROWS = 20

export function QueryPart({ draft, change, problems }: PartProps) {
  const engines = useAnswer<{ engines: EngineAnswer[] }>('/engines')
  const saved = useAnswer<{ queries: SavedQueryAnswer[] }>('/queries')
  const segments = useAnswer<{ segments: SegmentAnswer[] }>('/segments')
  const preview = useChange<void, ActivationPreviewAnswer>({
    method: 'POST',
    path: () => '/activations/preview',
    body: () => ({ ...questionOf(draft), destinationKind: draft.kind, rows: SAMPLE_ROWS }),
    changes: [],
  })
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label="Where the people come from"
        w="fit-content"
        value={draft.from}
        data={[
          { value: 'sql', label: 'Query' },
          { value: 'saved', label: 'Saved query' },
          { value: 'segment', label: 'Segment' },
        ]}
        onChange={(from) => change({ from: from as typeof draft.from })}
      />
      {draft.from === 'sql' && (
        <>
          <NativeSelect
            label="Engine"
            w={240}
            data={[...new Set([draft.engine, ...(engines.data?.engines ?? []).map(({ name }) => name)])]}
            value={draft.engine}
            onChange={({ currentTarget }) => change({ engine: currentTarget.value })}
          />
          <CodeEditor
            label="Query"
            language="sql"
            value={draft.sql}
            onChange={(sql) => change({ sql })}
            onRun={() => preview.mutate()}
          />
          <Text size="sm" c="dimmed">
            Name the columns: <code>user_ids</code> holds external ids, <code>device_ids</code> device ids,
            and any column can be an alias. One cell is one identifier, as text. Others are ignored.
          </Text>
        </>
      )}
      {draft.from === 'saved' && (
        <NativeSelect
          label="Saved query"
          w={320}
          data={['', ...(saved.data?.queries ?? []).map(({ name }) => name)]}
          value={draft.saved}
          error={problems['query.saved']}
          onChange={({ currentTarget }) => change({ saved: currentTarget.value })}
        />
      )}
      {draft.from === 'segment' && (
        <>
          <NativeSelect
            label="Segment"
            w={320}
            data={['', ...(segments.data?.segments ?? []).map(({ name }) => name)]}
            value={draft.segment}
            error={problems['query.segment']}
            onChange={({ currentTarget }) => change({ segment: currentTarget.value })}
          />
          <Mapping draft={draft} change={change} problems={problems} />
        </>
      )}
      {problems.query !== undefined && (
        <Text size="sm" c="var(--tw-bad)" role="alert">
          {problems.query}
        </Text>
      )}
      <Aliases draft={draft} change={change} problems={problems} />
      <Radio.Group
        label="A row with several identifiers"
        value={draft.identifiers}
        onChange={(value) => change({ identifiers: value as typeof draft.identifiers })}
      >
        <Group gap="lg" mt={4}>
          <Radio value="first" label="is one person: external id before alias before device" />
          <Radio value="all" label="sends each of them" />
        </Group>
      </Radio.Group>
      <Group>
        <Button variant="default" size="sm" loading={preview.isPending} onClick={() => preview.mutate()}>
          Show a sample
        </Button>
        <Text size="xs" c="dimmed">
          Asks the query for its first {SAMPLE_ROWS} rows. Ctrl+Enter in the editor does the same.
        </Text>
      </Group>
      {preview.error !== null && <FailureNote error={preview.error} />}
      {preview.data !== undefined && (
        <Sample
          preview={preview.data}
          addAlias={(column) => change({ aliases: [...draft.aliases, { column, label: column }] })}
          aliases={draft.aliases.map(({ column }) => column)}
        />
      )}
    </Stack>
  )
}

/** Attribute columns of a segment: what each is called in the output. */
function Mapping({ draft, change }: PartProps) {
  const table = useAnswer<SegmentPreviewAnswer>(at`/segments/${draft.segment}/preview`, {
    query: { rows: 1 },
    enabled: draft.segment !== '',
  })
  const columns = (table.data?.columns ?? []).map(({ name }) => name)
  const set = (i: number, part: Partial<Draft['mapping'][number]>): void =>
    change({ mapping: draft.mapping.map((one, j) => (i === j ? { ...one, ...part } : one)) })
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>
        Output mapping
      </Text>
      {draft.mapping.map(({ output, column }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name but their place
        <Group key={i} gap="xs" align="flex-end">
          <Autocomplete
            label="Column of the table"
            size="xs"
            data={columns}
            value={column}
            onChange={(value) => set(i, { column: value })}
          />
          <Autocomplete
            label="Output column"
            size="xs"
            data={['user_ids', 'device_ids']}
            value={output}
            onChange={(value) => set(i, { output: value })}
          />
          <ActionIcon
            variant="subtle"
            aria-label={`Remove ${output === '' ? 'the line' : output}`}
            onClick={() => change({ mapping: draft.mapping.filter((_, j) => i !== j) })}
          >
            <X size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      <Button
        size="compact-sm"
        variant="subtle"
        w="fit-content"
        onClick={() => change({ mapping: [...draft.mapping, { output: '', column: '' }] })}
      >
        Add a column
      </Button>
    </Stack>
  )
}

type Draft = PartProps['draft']

function Aliases({ draft, change }: PartProps) {
  const set = (i: number, part: Partial<Draft['aliases'][number]>): void =>
    change({ aliases: draft.aliases.map((one, j) => (i === j ? { ...one, ...part } : one)) })
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>
        Aliases
      </Text>
      {draft.aliases.map(({ column, label }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name but their place
        <Group key={i} gap="xs" align="flex-end">
          <TextInput
            label="Column with alias names"
            size="xs"
            value={column}
            onChange={({ currentTarget }) => set(i, { column: currentTarget.value })}
          />
          <TextInput
            label="Alias label"
            size="xs"
            placeholder={column}
            value={label}
            onChange={({ currentTarget }) => set(i, { label: currentTarget.value })}
          />
          <ActionIcon
            variant="subtle"
            aria-label={`Remove alias ${column}`}
            onClick={() => change({ aliases: draft.aliases.filter((_, j) => i !== j) })}
          >
            <X size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      <Button
        size="compact-sm"
        variant="subtle"
        w="fit-content"
        onClick={() => change({ aliases: [...draft.aliases, { column: '', label: '' }] })}
      >
        Add an alias
      </Button>
    </Stack>
  )
}
