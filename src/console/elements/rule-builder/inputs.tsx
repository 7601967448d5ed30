/** What one condition has to be told. */

import { Autocomplete, NativeSelect, NumberInput, TagsInput, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import type { ValueEditorProps } from 'react-querybuilder'
import classes from './rule-builder.module.css'
import type { BuilderContext } from './rule-builder.tsx'
import type { Input, Values } from './vocabulary.ts'

const MOMENTS = ['now-1d', 'now-7d', 'now-30d', 'now-90d', 'now']

export function Inputs({ field, operator, value, handleOnChange, context }: ValueEditorProps) {
  const test = (context as BuilderContext).test(field, operator)
  const values = (value ?? {}) as Values
  if (test === undefined || test.inputs.length === 0) return null
  return (
    <span className={classes.inputs}>
      {test.inputs.map((input) => (
        <Labelled key={input.name} input={input}>
          <Field
            input={input}
            value={values[input.name]}
            change={(next) => handleOnChange({ ...values, [input.name]: next })}
          />
        </Labelled>
      ))}
    </span>
  )
}

function Labelled({ input: { before, after }, children }: { input: Input; children: ReactNode }) {
  return (
    <>
      {before !== undefined && <span className={classes.word}>{before}</span>}
      {children}
      {after !== undefined && <span className={classes.word}>{after}</span>}
    </>
  )
}

interface FieldProps {
  readonly input: Input
  readonly value: unknown
  readonly change: (value: unknown) => void
}

function Field({ input, value, change }: FieldProps) {
  const { label, kind, choices = [], min, max, whole = false, optional = false } = input
  const wide = { 'aria-label': label, size: 'xs', className: classes.wide ?? '' } as const
  const text = value === undefined || value === null ? '' : String(value)
  switch (kind) {
    case 'number':
      return (
        <NumberInput
          aria-label={label}
          size="xs"
          w={64}
          value={typeof value === 'number' ? value : ''}
          allowDecimal={!whole}
          clampBehavior="strict"
          placeholder={optional ? 'ever' : ''}
          {...(min === undefined ? {} : { min })}
          {...(max === undefined ? {} : { max })}
          onChange={(next) => change(typeof next === 'number' ? next : undefined)}
        />
      )
    case 'values':
      return (
        <TagsInput
          {...wide}
          value={Array.isArray(value) ? value.map(String) : []}
          data={[...choices]}
          placeholder="Enter after each"
          onChange={change}
        />
      )
    case 'moment':
      return <Autocomplete {...wide} value={text} data={MOMENTS} onChange={change} />
    case 'suggested':
      return <Autocomplete {...wide} value={text} data={[...choices]} limit={100} onChange={change} />
    case 'choice':
      return (
        <NativeSelect
          {...wide}
          value={text}
          data={choices.includes(text) ? [...choices] : [text, ...choices]}
          onChange={({ currentTarget }) => change(currentTarget.value)}
        />
      )
    default:
      return (
        <TextInput {...wide} value={text} onChange={({ currentTarget }) => change(currentTarget.value)} />
      )
  }
}
