/** The receipt: what was taken from where, what vendors said, what the search found; to be kept, and to be verified. */

import { Alert, Button, Group, List, Table, Text, Title } from '@mantine/core'
import type { ErasureAnswer } from '../../../api/routes/erasures.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { saveJson } from '../../elements/save-file.ts'
import { bytes, count, spoken } from '../../elements/words.ts'
import { kindLabel } from './identifier-rows.tsx'
import { Left, Nothing } from './plan-view.tsx'
import { useVerify, VERDICTS } from './use-verify.ts'

type Receipt = NonNullable<ErasureAnswer['receipt']>

export function ReceiptView({ receipt, signature }: { receipt: Receipt; signature: string }) {
  const verify = useVerify()
  const verdict = verify.data && VERDICTS[verify.data.verdict]
  const { search } = receipt
  const held = receipt.places.filter(({ found, removed }) => found > 0 || removed > 0)
  return (
    <section className="tw-card" aria-label="Receipt">
      <Group justify="space-between">
        <Title order={2}>Receipt</Title>
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            onClick={() => saveJson(`erasure-${receipt.erasure}.json`, { receipt, signature })}
          >
            Download
          </Button>
          <Button
            size="xs"
            variant="default"
            loading={verify.isPending}
            onClick={() => verify.mutate({ receipt, signature })}
          >
            Verify
          </Button>
        </Group>
      </Group>
      {verify.error !== null && <FailureNote error={verify.error} />}
      {verdict !== undefined && (
        <Alert color={verdict.good ? 'green' : 'red'} variant="outline" role="status" mt="xs">
          {verdict.text}
        </Alert>
      )}
      <Table.ScrollContainer minWidth={320} type="native" mt="sm">
        <Table fz="sm" maw={640} verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Place</Table.Th>
              <Table.Th ta="right">Found</Table.Th>
              <Table.Th ta="right">Taken out</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {held.map(({ place, found, removed }) => (
              <Table.Tr key={place}>
                <Table.Td>{spoken(place)}</Table.Td>
                <Table.Td ta="right" className="tw-number">
                  {count(found)}
                </Table.Td>
                <Table.Td ta="right" className="tw-number">
                  {count(removed)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Nothing places={receipt.places.filter((place) => !held.includes(place))} />
      {receipt.targets.length > 0 && (
        <>
          <Title order={2} mt="md">
            What vendors said
          </Title>
          <List size="sm">
            {receipt.targets.map(({ authorization, vendor, deleted, problem }) => (
              <List.Item key={authorization}>
                {vendor}, by {authorization}: {problem === '' ? `${count(deleted)} deleted` : problem}
              </List.Item>
            ))}
          </List>
        </>
      )}
      <Title order={2} mt="md">
        The search afterwards
      </Title>
      <Text size="sm">
        {count(search.files)} files, {bytes(search.bytes)}:{' '}
        {search.remaining.length === 0
          ? 'no identifier was found in any of them.'
          : `an identifier is still in ${search.remaining.join(', ')}.`}
        {search.notSearched > 0 &&
          ` Not searched for, because they say too little: ${count(search.notSearched)}.`}
      </Text>
      <Left left={receipt.left} />
      <Title order={2} mt="md">
        Identifiers, as keyed hashes
      </Title>
      <List size="sm" style={{ overflowWrap: 'anywhere' }}>
        {receipt.identifiers.map(({ kind, hash }) => (
          <List.Item key={hash}>
            {kindLabel(kind)}: <code>{hash.slice(0, 16)}…</code>
          </List.Item>
        ))}
      </List>
    </section>
  )
}
