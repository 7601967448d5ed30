/** By what people are found: the kinds of identifiers with their ranks, limits and blocked values, and the limits of a profile. */

import { NativeSelect, NumberInput, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Page } from '../../elements/page.tsx'
import { count } from '../../elements/words.ts'
import type { Definition, Field } from './field-kinds.ts'
import { IdentifierForm } from './identifier-form.tsx'
import { SaveVersion } from './save-version.tsx'
import { SchemaTabs } from './schema-tabs.tsx'

export interface Namespace {
  readonly field: Field
  readonly rule: NonNullable<Field['identifier']>
}

export function IdentifiersPage() {
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  return (
    <Page
      title="Identifiers"
      up={{ to: '/streams', label: 'Streams' }}
      intro="Kinds of identifiers, the strongest first. Where two disagree about who somebody is, the stronger one wins."
      calls={['GET /api/v1/profile-schema', 'PUT /api/v1/profile-schema']}
      commands={['thalweg streams schema', 'thalweg streams save schema.json']}
    >
      <SchemaTabs />
      <Answer of={schema}>
        {({ definition, version }) => (
          <Stack gap="md">
            <Namespaces definition={definition} />
            <Limits key={version} definition={definition} />
          </Stack>
        )}
      </Answer>
    </Page>
  )
}

function Namespaces({ definition }: { definition: Definition }) {
  const rows = definition.fields
    .flatMap((field) => (field.identifier === undefined ? [] : [{ field, rule: field.identifier }]))
    .sort((a, b) => a.rule.rank - b.rule.rank)
  const columns: readonly Column<Namespace>[] = [
    { id: 'name', header: 'Kind', cell: ({ field }) => field.name },
    { id: 'rank', header: 'Rank', cell: ({ rule }) => count(rule.rank), align: 'right' },
    { id: 'max', header: 'Of a person', cell: ({ rule }) => `at most ${count(rule.perProfileMax)}` },
    {
      id: 'rotates',
      header: 'Of more',
      cell: ({ rule }) => (rule.rotates ? 'the newest stay' : 'the first stay'),
      spare: true,
    },
    {
      id: 'window',
      header: 'Counts for',
      cell: ({ rule }) => (rule.windowDays === undefined ? 'ever' : `${count(rule.windowDays)} days`),
      spare: true,
    },
    { id: 'normalize', header: 'Compared as', cell: ({ rule }) => rule.normalize, spare: true },
    {
      id: 'blocked',
      header: 'Blocked',
      cell: ({ rule }) =>
        rule.blocked.length === 0 ? 'usual values' : `usual values, ${rule.blocked.slice(0, 3).join(', ')}`,
      spare: true,
    },
    { id: 'edit', header: '', cell: (row) => <IdentifierForm definition={definition} {...row} /> },
  ]
  return (
    <DataTable
      label="Kinds of identifiers"
      rows={rows}
      columns={columns}
      rowKey={({ field }) => field.name}
      height="480px"
    />
  )
}

const LIMITS = [
  ['identifiersMax', 'Identifiers of one profile', 2, 1_000],
  ['neighboursMax', 'Others that one identifier was seen beside', 2, 1_000],
  ['bytesMax', 'Bytes of one profile', 10_000, 1_000_000],
] as const

function Limits({ definition }: { definition: Definition }) {
  const [limits, setLimits] = useState(definition.limits)
  const [dropped, setDropped] = useState(definition.droppedIdentifier)
  const after = { ...definition, limits, droppedIdentifier: dropped }
  return (
    <section className="tw-card" aria-label="Limits of a profile">
      <Title order={2}>Limits of a profile</Title>
      <Text size="sm" c="dimmed" mb="sm">
        A profile that would grow past one of them takes no more; what was refused is a conflict.
      </Text>
      <Stack gap="sm" maw={420}>
        {LIMITS.map(([name, label, min, max]) => (
          <NumberInput
            key={name}
            label={label}
            min={min}
            max={max}
            thousandSeparator=","
            value={limits[name]}
            onChange={(value) => typeof value === 'number' && setLimits({ ...limits, [name]: value })}
          />
        ))}
        <NativeSelect
          label="A weaker identifier that a record brings in conflict"
          data={[
            { value: 'stays', label: 'stays with its owner' },
            { value: 'follows', label: 'follows the record' },
          ]}
          value={dropped}
          onChange={({ currentTarget }) => setDropped(currentTarget.value as typeof dropped)}
        />
        <div>
          <SaveVersion
            label="Save as a new version"
            before={definition}
            after={after}
            disabled={JSON.stringify(after) === JSON.stringify(definition)}
          />
        </div>
      </Stack>
    </section>
  )
}
