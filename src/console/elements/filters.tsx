/** The filter bar of a list. What it says lies in the address, so that a view can be sent to somebody and gone back to. */

import { Group, NativeSelect, Switch, TextInput } from '@mantine/core'
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import classes from './filters.module.css'

/** While one types, the list waits until the hand rests. */
const REST_MS = 250

export type Search = Readonly<Record<string, string | number | boolean | undefined>>

/** What the address says, and a way to change parts of it; '' and undefined take a part out. */
export function useFilters<Filters extends Search>(): [Filters, (change: Partial<Filters>) => void] {
  const said: object = useRouterState({ select: ({ location }) => location.search })
  const search = said as Filters
  const navigate = useNavigate()
  const change = (part: Partial<Filters>): void => {
    void navigate({
      to: '.',
      replace: true,
      search: ((before: Search) =>
        Object.fromEntries(
          Object.entries({ ...before, ...part }).filter(([, value]) => value !== undefined && value !== ''),
        )) as never,
    })
  }
  return [search, change]
}

export function FilterBar({ children }: { children: ReactNode }) {
  return (
    <Group gap="sm" align="flex-end" role="search" className={classes.bar ?? ''}>
      {children}
    </Group>
  )
}

export interface TextFilterProps {
  readonly label: string
  readonly value: string | undefined
  readonly change: (value: string) => void
  readonly placeholder?: string
  readonly width?: number
}

export function TextFilter({ label, value = '', change, placeholder, width = 200 }: TextFilterProps) {
  const [text, setText] = useState(value)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => setText(value), [value])
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <TextInput
      label={label}
      size="xs"
      w={width}
      value={text}
      placeholder={placeholder}
      onChange={({ currentTarget }) => {
        const { value: typed } = currentTarget
        setText(typed)
        clearTimeout(timer.current)
        timer.current = setTimeout(() => change(typed), REST_MS)
      }}
    />
  )
}

export interface ChoiceFilterProps {
  readonly label: string
  readonly value: string | undefined
  readonly choices: readonly (string | { readonly value: string; readonly label: string })[]
  readonly change: (value: string) => void
  /** What the empty choice is called. */
  readonly all?: string
}

export function ChoiceFilter({ label, value = '', choices, change, all = 'All' }: ChoiceFilterProps) {
  return (
    <NativeSelect
      label={label}
      size="xs"
      value={value}
      data={[
        { value: '', label: all },
        ...choices.map((choice) =>
          typeof choice === 'string' ? { value: choice, label: choice } : { ...choice },
        ),
      ]}
      onChange={({ currentTarget }) => change(currentTarget.value)}
    />
  )
}

export function SwitchFilter({
  label,
  value,
  change,
}: {
  label: string
  value: boolean
  change: (on: boolean) => void
}) {
  return (
    <Switch
      label={label}
      size="xs"
      mb={6}
      checked={value}
      onChange={({ currentTarget }) => change(currentTarget.checked)}
    />
  )
}
