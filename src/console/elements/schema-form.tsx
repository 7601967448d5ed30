/**
 * A form out of a JSON Schema, as the API gives it for settings and credentials: one field for each property, its description as the help.
 * What has no field of its own kind (lists of objects, maps) is written as JSON. The API checks; the form only helps to fill in.
 */

import {
  Fieldset,
  NativeSelect,
  NumberInput,
  PasswordInput,
  Stack,
  Switch,
  TagsInput,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useState } from 'react'

export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly JsonSchema[]
}

export type Values = Readonly<Record<string, unknown>>

export interface SchemaFormProps {
  readonly schema: JsonSchema
  readonly value: Values
  readonly onChange: (value: Values) => void
  /** What the API said of a field, by its dotted path below this form. */
  readonly problems?: Readonly<Record<string, string>>
  /** Texts are secrets: not shown while they are typed, never filled in. */
  readonly secret?: boolean
  /** Properties that are set elsewhere. */
  readonly without?: readonly string[]
}

export function SchemaForm({
  schema,
  value,
  onChange,
  problems = {},
  secret = false,
  without = [],
}: SchemaFormProps) {
  const required = new Set(schema.required ?? [])
  return (
    <Stack gap="sm">
      {Object.entries(schema.properties ?? {})
        .filter(([name]) => !without.includes(name))
        .map(([name, property]) => (
          <Field
            key={name}
            name={name}
            schema={property}
            value={value[name]}
            required={required.has(name) && property.default === undefined}
            problems={problems}
            secret={secret}
            onChange={(next) => onChange(withValue(value, name, next))}
          />
        ))}
    </Stack>
  )
}

/** Problems of a refused request, by field, as SchemaForm takes them; `prefix` is cut off. */
export function problemsOf(details: unknown, prefix = ''): Readonly<Record<string, string>> {
  if (!Array.isArray(details)) return {}
  const found: Record<string, string> = {}
  for (const { field, problem } of details as { field?: string; problem?: string }[]) {
    if (field === undefined || problem === undefined) continue
    if (prefix === '' || field.startsWith(`${prefix}.`))
      found[prefix === '' ? field : field.slice(prefix.length + 1)] = problem
  }
  return found
}

interface FieldProps {
  readonly name: string
  readonly schema: JsonSchema
  readonly value: unknown
  readonly required: boolean
  readonly problems: Readonly<Record<string, string>>
  readonly secret: boolean
  readonly onChange: (value: unknown) => void
}

function Field({ name, schema: given, value, required, problems, secret, onChange }: FieldProps) {
  const schema = plain(given)
  const about = {
    label: labelOf(name),
    description: given.description ?? schema.description,
    error: problems[name],
    required,
  }
  const byDefault = schema.default ?? given.default
  const placeholder = byDefault === undefined || typeof byDefault === 'object' ? undefined : String(byDefault)
  if (schema.enum !== undefined) {
    const choices = schema.enum.map(String)
    return (
      <NativeSelect
        {...about}
        // What nobody has chosen yet must not look as if it were.
        data={byDefault === undefined && (!required || value === undefined) ? ['', ...choices] : choices}
        value={String(value ?? byDefault ?? '')}
        onChange={({ currentTarget }) =>
          onChange(currentTarget.value === '' ? undefined : currentTarget.value)
        }
      />
    )
  }
  switch (schema.type) {
    case 'boolean':
      return (
        <Switch
          label={about.label}
          description={about.description}
          error={about.error}
          checked={value === undefined ? byDefault === true : value === true}
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />
      )
    case 'integer':
    case 'number':
      return (
        <NumberInput
          {...about}
          placeholder={placeholder}
          value={typeof value === 'number' ? value : ''}
          allowDecimal={schema.type === 'number'}
          {...(schema.minimum === undefined ? {} : { min: schema.minimum })}
          {...(schema.maximum === undefined ? {} : { max: schema.maximum })}
          onChange={(next) => onChange(typeof next === 'number' ? next : undefined)}
        />
      )
    case 'string':
      return secret ? (
        <PasswordInput
          {...about}
          autoComplete="off"
          value={textOf(value)}
          onChange={({ currentTarget }) =>
            onChange(currentTarget.value === '' ? undefined : currentTarget.value)
          }
        />
      ) : (
        <TextInput
          {...about}
          placeholder={placeholder}
          value={textOf(value)}
          onChange={({ currentTarget }) =>
            onChange(currentTarget.value === '' ? undefined : currentTarget.value)
          }
        />
      )
    case 'array':
      if (schema.items?.type === 'string')
        return (
          <TagsInput
            {...about}
            data={schema.items.enum?.map(String) ?? []}
            value={Array.isArray(value) ? value.map(String) : []}
            onChange={(next) => onChange(next.length === 0 ? undefined : next)}
          />
        )
      break
    case 'object':
      if (schema.properties !== undefined)
        return (
          <Fieldset legend={about.label}>
            <SchemaForm
              schema={schema}
              value={(value ?? {}) as Values}
              problems={below(problems, name)}
              secret={secret}
              onChange={onChange}
            />
          </Fieldset>
        )
  }
  return <JsonField {...about} value={value} onChange={onChange} />
}

interface JsonFieldProps {
  readonly label: string
  readonly description: string | undefined
  readonly error: string | undefined
  readonly required: boolean
  readonly value: unknown
  readonly onChange: (value: unknown) => void
}

function JsonField({ label, description, error, required, value, onChange }: JsonFieldProps) {
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, null, 2))
  const [broken, setBroken] = useState(false)
  return (
    <Textarea
      label={`${label} (JSON)`}
      description={description}
      error={broken ? 'This is not JSON yet' : error}
      required={required}
      autosize
      minRows={2}
      value={text}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value)
        try {
          onChange(currentTarget.value.trim() === '' ? undefined : JSON.parse(currentTarget.value))
          setBroken(false)
        } catch {
          setBroken(true)
        }
      }}
    />
  )
}

/** The one way that a value can be written, of several: the first that is not null. */
function plain(schema: JsonSchema): JsonSchema {
  const chosen = schema.anyOf?.find(({ type }) => type !== 'null') ?? schema
  const { type } = chosen
  if (type === undefined || typeof type === 'string') return chosen
  const [first] = type.filter((one) => one !== 'null')
  return first === undefined ? chosen : { ...chosen, type: first }
}

function withValue(values: Values, name: string, value: unknown): Values {
  const { [name]: _before, ...rest } = values
  return value === undefined ? rest : { ...rest, [name]: value }
}

/** Problems of what lies below a field, by their paths from there. */
export function below(
  problems: Readonly<Record<string, string>>,
  name: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(problems)
      .filter(([path]) => path.startsWith(`${name}.`))
      .map(([path, problem]) => [path.slice(name.length + 1), problem]),
  )
}

/** waitMs → Wait ms. */
function labelOf(name: string): string {
  const words = name
    .replaceAll(/([A-Z])/g, ' $1')
    .toLowerCase()
    .replaceAll(/\b(url|tls|sql|api)\b/g, (word) => word.toUpperCase())
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function textOf(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}
