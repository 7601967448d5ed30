/** Rows of the query that name nobody who could be sent, by why, with examples. */

import { Group, Stack, Text } from '@mantine/core'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { count } from '../../elements/words.ts'
import { INVALID } from './run-words.ts'

export function RunInvalid({ run }: { run: RunAnswer }) {
  const [{ search }, change] = useFilters<Readonly<{ search?: string | number }>>()
  const wanted = String(search ?? '').toLowerCase()
  const reasons = Object.entries(run.report.invalid)
  if (reasons.length === 0)
    return (
      <Empty title="No invalid rows">
        A row is invalid when no identifier column holds a text of a length that the vendor takes. Invalid
        rows never stop a run; they are counted here.
      </Empty>
    )
  return (
    <Stack>
      <FilterBar>
        <TextFilter
          label="Search in the examples"
          value={search === undefined ? undefined : String(search)}
          change={(value) => change({ search: value })}
        />
      </FilterBar>
      {reasons.map(([reason, { count: rows, examples } = { count: 0, examples: [] }]) => (
        <section key={reason} className="tw-card" aria-label={reason}>
          <Group gap="sm" mb={4}>
            <Text fw={600} className="tw-number">
              {count(rows)} rows
            </Text>
            <Text size="sm">{INVALID[reason] ?? reason}</Text>
          </Group>
          <Text size="sm" c="dimmed">
            The first {count(examples.length)}:
          </Text>
          {examples
            .filter((example) => example.toLowerCase().includes(wanted))
            .map((example) => (
              <pre key={example} className="tw-code">
                {example}
              </pre>
            ))}
        </section>
      ))}
    </Stack>
  )
}
