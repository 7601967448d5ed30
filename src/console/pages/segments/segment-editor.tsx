/** A segment to put together: its tables, its rule as a picture and as JSON, and whom it means now. */

import { Alert, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { EngineAnswer, TableAnswer } from '../../../api/routes/engines.ts'
import type { SegmentAnswer } from '../../../api/routes/segments.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { CodeEditor } from '../../elements/code-editor.tsx'
import { RuleBuilder } from '../../elements/rule-builder/rule-builder.tsx'
import type { Query } from '../../elements/rule-builder/vocabulary.ts'
import { columnsOf, ParentForm } from './parent-form.tsx'
import { SegmentPreview } from './segment-preview.tsx'
import { drawnSegment, type SegmentRule, segmentOf } from './segment-tree.ts'
import { segmentVocabulary } from './segment-vocabulary.ts'

export type Definition = SegmentAnswer['definition']

export interface SegmentEditorProps {
  readonly value: Definition
  readonly onChange: (value: Definition) => void
  /** Of one that is there: its name is how activations find it. */
  readonly isKept: boolean
  /** Whether the JSON is a rule at the moment. */
  readonly onWhole: (isWhole: boolean) => void
}

export function SegmentEditor({ value, onChange, isKept, onWhole }: SegmentEditorProps) {
  const { name, description, parent, rule } = value
  const engines = useAnswer<{ engines: EngineAnswer[] }>('/engines')
  const tables = useAnswer<{ tables: TableAnswer[] }>(at`/engines/${parent.engine}/tables`)
  const all = tables.data?.tables ?? NO_TABLES
  const people = columnsOf(all, parent.table)
  const subjects = useMemo(
    () =>
      segmentVocabulary(
        columnsOf(all, parent.table),
        parent.events === undefined ? undefined : columnsOf(all, parent.events.table),
      ),
    [all, parent.table, parent.events],
  )
  const [text, setText] = useState(() => JSON.stringify(rule, null, 2))
  const [broken, setBroken] = useState<string>()
  /** What the builder said last: drawn from the rule again, it would lose what is not complete yet. */
  const [built, setBuilt] = useState<{ readonly query: Query; readonly rule: SegmentRule }>()
  const drawn = useMemo(
    () =>
      built !== undefined && built.rule === rule ? { query: built.query } : drawnSegment(rule, subjects),
    [built, rule, subjects],
  )
  const build = (query: Query): void => {
    const next = segmentOf(query, people)
    setBuilt({ query, rule: next })
    setText(JSON.stringify(next, null, 2))
    setBroken(undefined)
    onWhole(true)
    onChange({ ...value, rule: next })
  }
  const write = (next: string): void => {
    if (next === text) return
    setText(next)
    try {
      onChange({ ...value, rule: JSON.parse(next) as SegmentRule })
      setBroken(undefined)
      onWhole(true)
    } catch (error) {
      setBroken(error instanceof Error ? error.message : String(error))
      onWhole(false)
    }
  }
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <TextInput
          label="Name"
          inputWrapperOrder={['label', 'input', 'description']}
          description={isKept ? 'Activations find it by this name' : 'Lower-case letters, digits and dashes'}
          readOnly={isKept}
          value={name}
          onChange={({ currentTarget }) => onChange({ ...value, name: currentTarget.value })}
        />
        <TextInput
          label="Description"
          value={description}
          onChange={({ currentTarget }) => onChange({ ...value, description: currentTarget.value })}
        />
      </SimpleGrid>
      <ParentForm
        value={parent}
        onChange={(next) => onChange({ ...value, parent: next })}
        engines={engines.data?.engines ?? []}
        tables={all}
      />
      {tables.error !== null && <FailureNote error={tables.error} />}
      {people.length > 0 && (
        <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
          <div style={{ minWidth: 0 }}>
            <Text size="sm" fw={600} mb={4}>
              Builder
            </Text>
            {'query' in drawn ? (
              <RuleBuilder label="Rule builder" query={drawn.query} onChange={build} subjects={subjects} />
            ) : (
              <Alert color="gray" variant="outline" title="This rule is edited as JSON">
                The builder has no picture for {drawn.undrawable}. Everything else works as usual.
              </Alert>
            )}
          </div>
          <div style={{ minWidth: 0 }}>
            <CodeEditor
              label="Rule as JSON"
              language="json"
              value={text}
              onChange={write}
              minHeight="160px"
            />
            {broken !== undefined && (
              <Text size="sm" c="var(--tw-bad)" role="alert" mt={4}>
                This is not JSON yet: {broken}
              </Text>
            )}
          </div>
        </SimpleGrid>
      )}
      {parent.table !== '' && <SegmentPreview parent={parent} rule={rule} />}
    </Stack>
  )
}

const NO_TABLES: readonly TableAnswer[] = []
