/** What is held about a person, where, and what will remain and why. */

import { Alert, List, Table, Text, Title } from '@mantine/core'
import type { ErasurePlanAnswer } from '../../../api/routes/erasures.ts'
import { count, spoken } from '../../elements/words.ts'
import { type Identifier, kindLabel } from './identifier-rows.tsx'

export function PlanView({ plan }: { plan: ErasurePlanAnswer }) {
  const { identifiers, shared, weak, places, uncounted, left } = plan
  const held = places.filter(({ rows }) => rows > 0)
  const empty = places.filter(({ rows }) => rows === 0)
  return (
    <section className="tw-card" aria-label="Plan">
      <Title order={2}>Who is meant</Title>
      <Identifiers label="Who is meant" identifiers={identifiers} />
      {shared.length > 0 && (
        <Alert variant="default" title="Not taken in, because others have them too" mt="xs">
          <Identifiers label="Shared" identifiers={shared} />
        </Alert>
      )}
      {weak.length > 0 && (
        <Alert variant="default" title="They say little" mt="xs">
          <Text size="sm">
            Found only where a member says that it names somebody, and not searched for at the end.
          </Text>
          <Identifiers label="Weak" identifiers={weak} />
        </Alert>
      )}
      <Title order={2} mt="md">
        Where they are
      </Title>
      {held.length === 0 ? (
        <Text size="sm">No store of this installation holds anything of them.</Text>
      ) : (
        <Table fz="sm" maw={560} verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Place</Table.Th>
              <Table.Th ta="right">Records, rows, texts</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {held.map(({ place, rows }) => (
              <Table.Tr key={place}>
                <Table.Td>{spoken(place)}</Table.Td>
                <Table.Td ta="right" className="tw-number">
                  {count(rows)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      <Nothing places={empty} />
      {uncounted.length > 0 && (
        <Text size="sm" mt={4}>
          Not counted, but erased as well: what lies in folders of {uncounted.join(', ')}.
        </Text>
      )}
      <Left left={left} />
    </section>
  )
}

/** Places that hold nothing, in one line. */
export function Nothing({ places }: { places: readonly { readonly place: string }[] }) {
  if (places.length === 0) return null
  return (
    <Text size="sm" c="dimmed" mt={4}>
      Nothing in: {places.map(({ place }) => place).join('; ')}.
    </Text>
  )
}

export function Left({ left }: { left: readonly string[] }) {
  return (
    <>
      <Title order={2} mt="md">
        What is left to you
      </Title>
      {left.length === 0 ? (
        <Text size="sm">Nothing that this installation knows of.</Text>
      ) : (
        <List size="sm" style={{ overflowWrap: 'anywhere' }}>
          {left.map((line) => (
            <List.Item key={line}>{line}</List.Item>
          ))}
        </List>
      )}
    </>
  )
}

function Identifiers({ label, identifiers }: { label: string; identifiers: readonly Identifier[] }) {
  return (
    <List size="sm" aria-label={label} style={{ overflowWrap: 'anywhere' }}>
      {identifiers.map(({ kind, label: name, value }) => (
        <List.Item key={`${kind} ${name} ${value}`}>
          {kindLabel(kind)}
          {name === '' ? '' : ` ${name}`}: <b>{value}</b>
        </List.Item>
      ))}
    </List>
  )
}
