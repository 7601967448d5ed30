/** What a run takes at the vendor: as estimated before, and as it came. */

import { Table } from '@mantine/core'
import type { PaceAnswer } from '../../../api/routes/run-lists.ts'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { count, duration } from '../../elements/words.ts'

export function RunCost({ run, pace }: { run: RunAnswer; pace: PaceAnswer | undefined }) {
  const { cost } = run.report
  const sent = pace?.sent ?? null
  const rows = [
    [
      'Requests',
      cost === null ? '–' : count(cost.requests),
      sent === null ? '–' : count(sent.requests - sent.namingRequests),
    ],
    // The estimate is of changes.
    ...(sent === null || sent.namingRequests === 0
      ? []
      : [['For the name', '–', count(sent.namingRequests)] as const]),
    [
      'Data points',
      cost === null ? '–' : count(cost.dataPoints),
      sent === null || sent.dataPoints === null ? '–' : count(sent.dataPoints),
    ],
    [
      'Time',
      cost === null ? '–' : `at least ${duration(cost.secondsAtRateLimit * 1_000)}`,
      sent === null ? '–' : duration(sent.lastSettledAt - sent.firstSentAt),
    ],
  ] as const
  return (
    <Table className="tw-number" verticalSpacing={4}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Cost</Table.Th>
          <Table.Th ta="right">Estimated</Table.Th>
          <Table.Th ta="right">Actual</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map(([name, before, after]) => (
          <Table.Tr key={name}>
            <Table.Td>{name}</Table.Td>
            <Table.Td ta="right">{before}</Table.Td>
            <Table.Td ta="right">{after}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
