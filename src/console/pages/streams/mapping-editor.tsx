/** The mapping of a stream as a table to write in, tried on a record while one writes. */

import { Alert, Button, Group, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { useState } from 'react'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { FailureNote } from '../../elements/answer.tsx'
import type { Mapping, Stream } from './field-kinds.ts'
import { FunctionsHelp } from './functions-help.tsx'
import { definitionOf, isWhole, type MappingDraft } from './mapping-draft.ts'
import classes from './mapping-editor.module.css'
import { MappingTable } from './mapping-table.tsx'
import { Sample } from './sample.tsx'
import { SaveVersion } from './save-version.tsx'
import { useTrial } from './use-trial.ts'

export function MappingEditor({ version, stream }: { version: SchemaAnswer; stream: Stream }) {
  const { definition } = version
  const [draft, setDraft] = useState<MappingDraft>({ stream, fields: {} })
  const [text, setText] = useState('')
  const after = definitionOf(definition, draft)
  const whole = isWhole(draft)
  const { trial, error, isPresent } = useTrial(whole ? after : undefined, stream.name, parsed(text))
  const changed = JSON.stringify(after) !== JSON.stringify(definition)
  const problems = whole ? (trial?.problems ?? []) : []
  const prefix = `streams.${stream.name}.`
  const elsewhere = problems.filter(({ where }) => !where.startsWith(`${prefix}mappings.`))
  const change = (part: Partial<Stream>): void =>
    setDraft((before) => ({ ...before, stream: { ...before.stream, ...part } }))
  const changeMappings = (mappings: Mapping[]): void => change({ mappings })
  return (
    <Stack gap="md">
      <div className={classes.sides}>
        <section aria-label="Mapping" className={classes.side}>
          <MappingTable
            definition={definition}
            draft={draft}
            problems={problems}
            sample={trial?.sample}
            changeMappings={changeMappings}
            changeField={(field) =>
              setDraft((before) => ({ ...before, fields: { ...before.fields, [field.name]: field } }))
            }
          />
          <Group mt="sm" gap="xs">
            <Button
              variant="default"
              size="xs"
              onClick={() => changeMappings([...draft.stream.mappings, { field: '', expression: '' }])}
            >
              Add a mapping
            </Button>
          </Group>
          <FunctionsHelp />
        </section>
        <section aria-label="Sample" className={classes.side}>
          <Sample stream={stream.name} text={text} setText={setText} sample={trial?.sample} />
        </section>
      </div>
      <section aria-label="What it reads" className="tw-card">
        <Title order={2} mb="xs">
          What it reads
        </Title>
        <Group gap="md" align="flex-end">
          <TextInput
            label="Only records of which this is true"
            placeholder="country = 'DE'"
            value={draft.stream.where ?? ''}
            onChange={({ currentTarget: { value } }) => change({ where: value === '' ? undefined : value })}
            w={280}
          />
          <TextInput
            label="Moment of a record"
            placeholder="what its sender named, else its arrival"
            value={draft.stream.time ?? ''}
            onChange={({ currentTarget: { value } }) => change({ time: value === '' ? undefined : value })}
            w={280}
          />
          <Switch
            label="Its records may join profiles"
            checked={draft.stream.joins}
            onChange={({ currentTarget }) => change({ joins: currentTarget.checked })}
            mb={8}
          />
        </Group>
        {Object.keys(stream.otherNames).length > 0 && (
          <Text size="sm" c="dimmed" mt="xs" style={{ overflowWrap: 'anywhere' }}>
            Members come under other names as well:{' '}
            {Object.entries(stream.otherNames)
              .map(([name, others]) => `${name} as ${others.join(' or ')}`)
              .join('; ')}
          </Text>
        )}
      </section>
      {error !== null && <FailureNote error={error} />}
      {elsewhere.length > 0 && (
        <Alert color="red" variant="outline" title="It does not hold together" role="alert">
          {elsewhere.map(({ where, message }) => (
            <Text key={`${where} ${message}`} size="sm">
              {where}: {message}
            </Text>
          ))}
        </Alert>
      )}
      <Group className={classes.bar}>
        <SaveVersion
          label="Save as a new version"
          before={definition}
          after={after}
          disabled={!changed || !whole || !isPresent || problems.length > 0}
        />
        <Button
          variant="default"
          size="sm"
          disabled={!changed}
          onClick={() => setDraft({ stream, fields: {} })}
        >
          Take back
        </Button>
        <Text size="sm" c="dimmed" role="status">
          {!changed
            ? `As in version ${version.version}.`
            : !whole
              ? 'A mapping lacks its expression or its field.'
              : !isPresent
                ? 'Being checked…'
                : problems.length === 0
                  ? 'It holds together; not saved yet.'
                  : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}.`}
        </Text>
      </Group>
    </Stack>
  )
}

/** undefined: no JSON, or nothing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
