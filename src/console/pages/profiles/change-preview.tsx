/** What a join or its undoing would make of the profiles: each before and after, with what differs. */

import { Alert, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ProfileChangeAnswer } from '../../../api/routes/profiles.ts'
import { type ApiFailure, call } from '../../api/client.ts'
import { Answer } from '../../elements/answer.tsx'
import { count } from '../../elements/words.ts'
import { written } from './naming.ts'

type Difference = ProfileChangeAnswer['differences'][number]

export function ChangePreview({ path, body }: { path: string; body: object }) {
  const preview = useQuery<ProfileChangeAnswer, ApiFailure>({
    // No path first: once the change is made, there is nothing to ask anew.
    queryKey: ['preview', path, body],
    queryFn: ({ signal }) => call('POST', path, { body: { ...body, dryRun: true }, signal }),
    // It shows what is now, not what was when the dialog was open last.
    gcTime: 0,
    retry: false,
  })
  return (
    <Answer of={preview} lines={5}>
      {({ differences, crowded }) => (
        <Stack gap="sm">
          {crowded.length > 0 && (
            <Alert variant="default" title="More than the rules allow">
              The person would have more values than one may have of {crowded.join(', ')}.
            </Alert>
          )}
          {differences.map((difference) => (
            <One key={difference.id} difference={difference} />
          ))}
        </Stack>
      )}
    </Answer>
  )
}

function One({ difference: { id, before, after, changed, asked } }: { difference: Difference }) {
  const identifiers = (side: Difference['after']): string =>
    side?.identifiers.map(({ field, value }) => `${field} ${value}`).join(' · ') || 'none'
  return (
    <section aria-label={`Profile ${id}`}>
      <Text fw={600} size="sm">
        Profile {count(id)}
        {before === null ? ' comes about' : after === null ? ' is no more' : ''}
      </Text>
      <Table fz="sm" verticalSpacing={4} layout="fixed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w="24%">Field</Table.Th>
            <Table.Th>Now</Table.Th>
            <Table.Th>Then</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          <Table.Tr>
            <Table.Td>Identifiers</Table.Td>
            <Cell text={identifiers(before)} />
            <Cell text={identifiers(after)} />
          </Table.Tr>
          {changed.map((field) => (
            <Table.Tr key={field}>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>
                {field}
                {asked.includes(field) && (
                  <Text size="xs" c="dimmed">
                    audiences ask for it
                  </Text>
                )}
              </Table.Td>
              <Cell text={written(before?.fields[field])} />
              <Cell text={written(after?.fields[field])} />
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  )
}

function Cell({ text }: { text: string }) {
  return <Table.Td style={{ overflowWrap: 'anywhere' }}>{text}</Table.Td>
}
