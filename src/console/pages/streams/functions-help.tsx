import { Table, Text } from '@mantine/core'
import type { VocabularyAnswer } from '../../../api/routes/streams.ts'
import { useAnswer } from '../../api/queries.ts'

/** The functions that expressions are written with. */
export function FunctionsHelp() {
  const { data } = useAnswer<VocabularyAnswer>('/profile-schema/vocabulary')
  return (
    <details>
      <summary>
        <Text size="sm" component="span">
          Functions and operators of expressions
        </Text>
      </summary>
      <Text size="sm" c="dimmed" my="xs">
        Names of members, texts in quotes, numbers, == != &lt; &lt;= &gt; &gt;=, IN (…), AND, OR, NOT. a.b is
        the member b of the object a; back-ticks enclose names with blanks.
      </Text>
      <Table.ScrollContainer minWidth={420} maxHeight={320} type="native">
        <Table fz="sm" verticalSpacing={3}>
          <Table.Tbody>
            {data?.functions.map(({ form, does }) => (
              <Table.Tr key={form}>
                <Table.Td>
                  <code>{form}</code>
                </Table.Td>
                <Table.Td>{does}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </details>
  )
}
