/** The controls of a rule builder. */

import { ActionIcon, Button, Checkbox, NativeSelect, Select } from '@mantine/core'
import { Plus, X } from 'lucide-react'
import type {
  ActionProps,
  CombinatorSelectorProps,
  ControlElementsProp,
  FieldSelectorProps,
  FullField,
  NotToggleProps,
  OperatorSelectorProps,
} from 'react-querybuilder'
import { Inputs } from './inputs.tsx'
import classes from './rule-builder.module.css'
import type { BuilderContext } from './rule-builder.tsx'

function SubjectChoice({ value = '', handleOnChange, context }: FieldSelectorProps) {
  const { subjects } = context as BuilderContext
  const groups = [...new Set(subjects.map(({ group }) => group))].map((group) => ({
    group,
    items: subjects
      .filter((subject) => subject.group === group)
      .map(({ name, label }) => ({ value: name, label })),
  }))
  return (
    <Select
      aria-label="What"
      size="xs"
      className={classes.subject ?? ''}
      data={groups}
      value={value}
      searchable
      allowDeselect={false}
      limit={200}
      nothingFoundMessage="There is no such field"
      comboboxProps={{ width: 280, position: 'bottom-start' }}
      onChange={(next) => {
        if (next !== null) handleOnChange(next)
      }}
    />
  )
}

function TestChoice({ field, value = '', handleOnChange, context }: OperatorSelectorProps) {
  const { subjects } = context as BuilderContext
  const tests = subjects.find(({ name }) => name === field)?.tests ?? []
  return (
    <NativeSelect
      aria-label="Test"
      size="xs"
      data={tests
        .filter(({ name, rare }) => rare !== true || name === value)
        .map(({ name, label }) => ({ value: name, label }))}
      value={value}
      onChange={({ currentTarget }) => handleOnChange(currentTarget.value)}
    />
  )
}

function CombinatorChoice({ value = 'and', options, handleOnChange }: CombinatorSelectorProps) {
  return (
    <NativeSelect
      aria-label="People for whom"
      size="xs"
      data={(options as { name: string; label: string }[]).map(({ name, label }) => ({ value: name, label }))}
      value={value}
      onChange={({ currentTarget }) => handleOnChange(currentTarget.value)}
    />
  )
}

function NotToggle({ checked = false, handleOnChange }: NotToggleProps) {
  return (
    <Checkbox
      size="xs"
      className={classes.not ?? ''}
      label="not"
      checked={checked}
      onChange={({ currentTarget }) => handleOnChange(currentTarget.checked)}
    />
  )
}

function AddCondition({ handleOnClick }: ActionProps) {
  return (
    <Button
      size="compact-xs"
      variant="default"
      leftSection={<Plus size={13} aria-hidden />}
      onClick={(event) => handleOnClick(event)}
    >
      Condition
    </Button>
  )
}

function AddGroup({ handleOnClick }: ActionProps) {
  return (
    <Button
      size="compact-xs"
      variant="default"
      leftSection={<Plus size={13} aria-hidden />}
      onClick={(event) => handleOnClick(event)}
    >
      Group
    </Button>
  )
}

function remove(label: string, className = '') {
  return ({ handleOnClick }: ActionProps) => (
    <ActionIcon
      size="sm"
      variant="subtle"
      className={className}
      aria-label={label}
      onClick={(event) => handleOnClick(event)}
    >
      <X size={14} aria-hidden />
    </ActionIcon>
  )
}

export const CONTROLS: ControlElementsProp<FullField, string> = {
  fieldSelector: SubjectChoice,
  operatorSelector: TestChoice,
  combinatorSelector: CombinatorChoice,
  notToggle: NotToggle,
  valueEditor: Inputs,
  addRuleAction: AddCondition,
  addGroupAction: AddGroup,
  removeRuleAction: remove('Remove this condition', classes.removeRule),
  removeGroupAction: remove('Remove this group'),
}
