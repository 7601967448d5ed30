/** Which event types flow: by channel and type from the catalog, with what came in lately beside each, or by pattern. */

import { Button, Checkbox, Group, Stack, Switch, TagsInput, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import type { CatalogAnswer } from '../../../../api/routes/catalog.ts'
import type { SelectionAnswer } from '../../../../api/routes/current-events.ts'
import { useAnswer } from '../../../api/queries.ts'
import { Answer, FailureNote } from '../../../elements/answer.tsx'
import { Notice } from '../../../elements/notice.tsx'
import { count, share } from '../../../elements/words.ts'
import { type Definition, problemsBelow, type SectionProps } from './definition.ts'
import { EventPicker } from './event-picker.tsx'
import type { SelectionRule } from './patterns.ts'

/** While one clicks through the picker, the API is asked once. */
const REST_MS = 200

const READY: readonly { readonly label: string; readonly include: readonly string[] }[] = [
  { label: 'Everything', include: ['*'] },
  { label: 'Message engagement', include: ['category:message_engagement'] },
  { label: 'Customer behavior', include: ['category:customer_behavior'] },
]

/** What a selection lets flow, of the catalog and of the last 24 hours of these sources. */
export function useSelection(selection: SelectionRule, sources: Definition['sources']) {
  const [asked] = useDebouncedValue(selection, REST_MS)
  return useAnswer<SelectionAnswer>('/currents/selection', {
    body: { selection: asked, sources },
    enabled: asked.include.length > 0,
    keep: true,
  })
}

export function SelectionSection({ value: { selection, sources }, onChange, problems }: SectionProps) {
  const catalog = useAnswer<CatalogAnswer>('/catalog')
  const explained = useSelection(selection, sources)
  const [search, setSearch] = useState('')
  const [onlySeen, setOnlySeen] = useState(false)
  const change = (next: SelectionRule): void => onChange({ selection: next })
  const answer = explained.data
  return (
    <Stack>
      <Summary answer={answer} sources={sources.length} />
      {explained.error !== null && <FailureNote error={explained.error} />}
      {selection.include.length === 0 && (
        <Notice mood="wait" title="Nothing flows yet">
          Choose at least one event type.
        </Notice>
      )}
      <Group gap="xs">
        {READY.map(({ label, include }) => (
          <Button
            key={label}
            size="xs"
            variant={same(selection, include) ? 'filled' : 'default'}
            aria-pressed={same(selection, include)}
            onClick={() => change({ include: [...include], exclude: [] })}
          >
            {label}
          </Button>
        ))}
        <Button
          size="xs"
          variant="default"
          onClick={() => change({ include: [], exclude: [] })}
          disabled={selection.include.length === 0 && selection.exclude.length === 0}
        >
          Nothing
        </Button>
      </Group>
      <Patterns selection={selection} change={change} answer={answer} problems={problems} />
      <Group gap="sm" align="flex-end">
        <TextInput
          label="Find an event type"
          size="xs"
          w={260}
          value={search}
          onChange={({ currentTarget }) => setSearch(currentTarget.value)}
          placeholder="open, push, users.canvas…"
        />
        <Switch
          size="xs"
          mb={6}
          label="Only what came in within 24 hours"
          checked={onlySeen}
          onChange={({ currentTarget }) => setOnlySeen(currentTarget.checked)}
        />
      </Group>
      <Answer of={catalog} lines={8}>
        {({ picker }) => (
          <EventPicker
            picker={picker}
            selection={selection}
            seen={answer?.seen ?? []}
            search={search}
            onlySeen={onlySeen}
            onChange={change}
          />
        )}
      </Answer>
    </Stack>
  )
}

function same({ include, exclude }: SelectionRule, wanted: readonly string[]): boolean {
  return (
    exclude.length === 0 && include.length === wanted.length && include.every((one, i) => one === wanted[i])
  )
}

function Summary({ answer, sources }: { answer: SelectionAnswer | undefined; sources: number }) {
  if (answer === undefined) return null
  const { types, catalog, accepted, flowing } = answer
  return (
    <Text size="sm" className="tw-number" role="status">
      <strong>
        {count(types.length)} of {count(catalog)}
      </strong>{' '}
      event types flow.{' '}
      {sources === 0
        ? 'Choose a source to see how much that is.'
        : accepted === 0
          ? 'Nothing came in within 24 hours.'
          : `Of ${count(accepted)} events of the last 24 hours, ${count(flowing)} are of these types (${share(flowing, accepted)}).`}
    </Text>
  )
}

interface PatternsProps {
  readonly selection: SelectionRule
  readonly change: (next: SelectionRule) => void
  readonly answer: SelectionAnswer | undefined
  readonly problems: SectionProps['problems']
}

function Patterns({ selection, change, answer, problems }: PatternsProps) {
  const [shown, setShown] = useState(false)
  const wrong = (part: readonly string[]): string[] =>
    (answer?.patterns ?? []).flatMap(({ pattern, problem }) =>
      problem !== null && part.includes(pattern) ? [problem] : [],
    )
  const errorOf = (part: 'include' | 'exclude'): string | undefined =>
    problemsBelow(problems, [`selection.${part}`])[0] ?? wrong(selection[part])[0]
  const broken = errorOf('include') !== undefined || errorOf('exclude') !== undefined
  return (
    <>
      <Checkbox
        size="xs"
        label="Write patterns by hand"
        checked={shown || broken}
        onChange={({ currentTarget }) => setShown(currentTarget.checked)}
      />
      {(shown || broken) && (
        <Group align="flex-start" grow preventGrowOverflow={false}>
          <TagsInput
            label="Flows"
            description="Exact names, *, users.messages.email.*, channel:email, category:message_engagement"
            value={[...selection.include]}
            error={errorOf('include')}
            onChange={(include) => change({ ...selection, include })}
          />
          <TagsInput
            label="Taken out again"
            description="Patterns of the same kind"
            value={[...selection.exclude]}
            error={errorOf('exclude')}
            onChange={(exclude) => change({ ...selection, exclude })}
          />
        </Group>
      )}
    </>
  )
}
