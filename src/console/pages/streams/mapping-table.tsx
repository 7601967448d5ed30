/** One row for each mapping: expression and field, how the field keeps its values, and what comes out of the sample. */

import { ActionIcon, Autocomplete, Checkbox, NativeSelect, NumberInput, TextInput } from '@mantine/core'
import { X } from 'lucide-react'
import type { SampleAnswer, SchemaCheckAnswer, VocabularyAnswer } from '../../../api/routes/streams.ts'
import { useAnswer } from '../../api/queries.ts'
import { written } from '../profiles/naming.ts'
import { type Definition, type Field, isCollection, type Mapping } from './field-kinds.ts'
import { fieldOf, type MappingDraft } from './mapping-draft.ts'
import classes from './mapping-editor.module.css'

export interface MappingTableProps {
  readonly definition: Definition
  readonly draft: MappingDraft
  readonly problems: SchemaCheckAnswer['problems']
  readonly sample: SampleAnswer | undefined
  readonly changeMappings: (mappings: Mapping[]) => void
  readonly changeField: (field: Field) => void
}

export function MappingTable(props: MappingTableProps) {
  const { definition, draft, problems, sample, changeMappings, changeField } = props
  const vocabulary = useAnswer<VocabularyAnswer>('/profile-schema/vocabulary')
  const names = definition.fields.map(({ name }) => name)
  const { mappings, name: stream } = draft.stream
  return (
    <section className={classes.scroll} tabIndex={0} aria-label="Mappings">
      <table className={classes.table}>
        <thead>
          <tr>
            <th>Source expression</th>
            <th>Field</th>
            <th>From the sample</th>
            <th>Type</th>
            <th>Of several values</th>
            <th>At most</th>
            <th>Rank</th>
            <th>Personal</th>
            <th aria-label="Remove" />
          </tr>
        </thead>
        <tbody>
          {mappings.map((mapping, i) => (
            <MappingRow
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name of their own, and keep their places
              key={i}
              at={i}
              mapping={mapping}
              field={fieldOf(definition, draft, mapping.field)}
              names={names}
              types={vocabulary.data?.types ?? []}
              problems={problems.filter(
                ({ where }) =>
                  where.startsWith(`streams.${stream}.mappings.${i}.`) ||
                  where.startsWith(`fields.${mapping.field}.`),
              )}
              sample={sample}
              change={(part) => changeMappings(mappings.with(i, { ...mapping, ...part }))}
              changeField={changeField}
              remove={() => changeMappings(mappings.toSpliced(i, 1))}
            />
          ))}
        </tbody>
      </table>
    </section>
  )
}

interface MappingRowProps {
  readonly at: number
  readonly mapping: Mapping
  readonly field: Field
  readonly names: readonly string[]
  readonly types: VocabularyAnswer['types']
  readonly problems: SchemaCheckAnswer['problems']
  readonly sample: SampleAnswer | undefined
  readonly change: (part: Partial<Mapping>) => void
  readonly changeField: (field: Field) => void
  readonly remove: () => void
}

function MappingRow(props: MappingRowProps) {
  const { at, mapping, field, names, types, problems, sample, change, changeField, remove } = props
  const of = `of mapping ${at + 1}`
  const isNamed = mapping.field !== ''
  const operators = types.find(({ type }) => type === field.type)?.operators ?? []
  const { merge: _, capacity: __, ...plain } = field
  return (
    <tr>
      <td>
        <TextInput
          size="xs"
          aria-label={`Source expression ${of}`}
          value={mapping.expression}
          onChange={({ currentTarget }) => change({ expression: currentTarget.value })}
          error={problems.some(({ where }) => where.includes('.mappings.'))}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          miw={170}
        />
        {problems.map(({ where, message }) => (
          <div key={`${where} ${message}`} className={classes.problem}>
            {message}
          </div>
        ))}
      </td>
      <td>
        <Autocomplete
          size="xs"
          aria-label={`Field ${of}`}
          data={[...names]}
          value={mapping.field}
          onChange={(name) => change({ field: name })}
          miw={130}
        />
      </td>
      <Result sample={sample} field={mapping.field} />
      <td>
        <NativeSelect
          size="xs"
          aria-label={`Type ${of}`}
          disabled={!isNamed}
          miw={128}
          data={types.length === 0 ? [field.type] : types.map(({ type }) => type)}
          value={field.type}
          // What another type cannot have is left behind.
          onChange={({ currentTarget }) =>
            changeField({ ...plain, type: currentTarget.value as Field['type'] })
          }
        />
      </td>
      <td>
        {field.identifier === undefined ? (
          <NativeSelect
            size="xs"
            aria-label={`Of several values ${of}`}
            disabled={!isNamed}
            data={operators.length === 0 ? [field.merge ?? 'latest'] : [...operators]}
            value={field.merge ?? (isCollection(field) ? 'merge' : 'latest')}
            onChange={({ currentTarget }) =>
              changeField({ ...field, merge: currentTarget.value as Field['merge'] })
            }
          />
        ) : (
          <div className={classes.result}>{`${field.identifier.perProfileMax} of a person`}</div>
        )}
      </td>
      <td>
        <NumberInput
          size="xs"
          aria-label={`At most ${of}`}
          disabled={!isNamed || !isCollection(field)}
          hideControls
          min={1}
          max={10_000}
          value={field.capacity ?? ''}
          onChange={(value) =>
            changeField(typeof value === 'number' ? { ...field, capacity: value } : withoutCapacity(field))
          }
          w={56}
        />
      </td>
      <td>
        <NumberInput
          size="xs"
          aria-label={`Rank as an identifier ${of}`}
          placeholder="none"
          disabled={!isNamed}
          hideControls
          min={1}
          max={1_000}
          value={field.identifier?.rank ?? ''}
          onChange={(value) => changeField(ranked(field, value))}
          w={56}
        />
      </td>
      <td>
        <Checkbox
          size="xs"
          mt={7}
          aria-label={`Personal ${of}`}
          disabled={!isNamed}
          checked={field.personal}
          onChange={({ currentTarget }) => changeField({ ...field, personal: currentTarget.checked })}
        />
      </td>
      <td>
        <ActionIcon variant="subtle" size="sm" mt={4} aria-label={`Remove ${of.slice(3)}`} onClick={remove}>
          <X size={15} aria-hidden />
        </ActionIcon>
      </td>
    </tr>
  )
}

function Result({ sample, field }: { sample: SampleAnswer | undefined; field: string }) {
  const lost = sample?.lost.find((one) => one.field === field)
  if (lost !== undefined)
    return (
      <td className={classes.result} data-lost>
        {lost.problem.replaceAll('_', ' ')}
      </td>
    )
  const identifier = sample?.record?.identifiers
    .filter((one) => one.field === field)
    .map(({ value }) => value)
  const value = sample?.record?.values[field] ?? (identifier?.length === 0 ? undefined : identifier)
  return <td className={classes.result}>{written(value)}</td>
}

function withoutCapacity({ capacity: _, ...field }: Field): Field {
  return field
}

/** No number: no identifier. The other rules of a new one are the defaults; they are set under Identifiers. */
function ranked({ identifier, ...field }: Field, rank: number | string): Field {
  if (typeof rank !== 'number') return field
  if (identifier !== undefined) return { ...field, identifier: { ...identifier, rank } }
  const { merge: _, ...plain } = field
  return {
    ...plain,
    identifier: { rank, perProfileMax: 1, rotates: false, normalize: 'trim', blocked: [], sharedAfter: 10 },
  }
}
