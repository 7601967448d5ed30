/** Files with rows of a stream: read once, or looked for again and again; and what earlier imports brought. */

import { Button, Group, NativeSelect, NumberInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { ImportAnswer } from '../../../api/routes/imports.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { told } from '../../elements/notices.ts'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count } from '../../elements/words.ts'

const FORMATS = [
  { value: 'auto', label: 'Tell by the content' },
  { value: 'csv', label: 'CSV' },
  { value: 'ndjson', label: 'One JSON object per line' },
  { value: 'json', label: 'JSON' },
  { value: 'avro', label: 'Avro' },
]

const COLUMNS: readonly Column<ImportAnswer>[] = [
  { id: 'source', header: 'Source', cell: ({ source }) => source },
  { id: 'state', header: 'State', cell: ({ state, reason }) => <StateBadge state={state} title={reason} /> },
  { id: 'location', header: 'Files in', cell: ({ location }) => location, spare: true },
  {
    id: 'files',
    header: 'Files',
    cell: ({ files }) => `${count(files.done)} of ${count(files.listed)}`,
    align: 'right',
  },
  { id: 'read', header: 'Rows', cell: ({ read }) => count(read), align: 'right' },
  {
    id: 'same',
    header: 'Unchanged',
    cell: ({ duplicates }) => count(duplicates),
    align: 'right',
    spare: true,
  },
  {
    id: 'bytes',
    header: 'Read',
    cell: (one) => `${bytes(one.bytesDone)} of ${bytes(one.bytes)}`,
    spare: true,
  },
  { id: 'at', header: 'Changed', cell: ({ updatedAt }) => <When at={updatedAt} /> },
]

export function FileImport({ stream }: { stream: string }) {
  const imports = useAnswer<{ imports: ImportAnswer[] }>('/imports', { everyMs: 2_000 })
  return (
    <Stack gap="md" miw={0}>
      <ImportForm stream={stream} />
      <Answer of={imports}>
        {(answer) => (
          <DataTable
            label="Imports"
            rows={answer.imports.filter((one) => one.stream === stream)}
            columns={COLUMNS}
            rowKey={({ source }) => source}
            height="420px"
            empty={
              <Empty title="No files yet">
                A CSV from Braze's dashboard, a segment export as zip, or files of your own: their rows become
                records of this stream.
              </Empty>
            }
          />
        )}
      </Answer>
    </Stack>
  )
}

function ImportForm({ stream }: { stream: string }) {
  const [location, setLocation] = useState('')
  const [format, setFormat] = useState('auto')
  const [time, setTime] = useState('')
  const [poll, setPoll] = useState<number | string>('')
  const begin = useChange<void, ImportAnswer>({
    method: 'POST',
    path: () => '/imports',
    body: () => ({
      location,
      format,
      ...(typeof poll === 'number' ? { pollSeconds: poll } : {}),
      rows: { stream, ...(time === '' ? {} : { timestampField: time }) },
    }),
    changes: ['/imports'],
    done: ({ source }) => {
      told(`The files are being read as ${source}.`)
      setLocation('')
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    begin.mutate()
  }
  return (
    <form className="tw-card" onSubmit={submit} aria-label="Import files">
      <Title order={2}>Import files</Title>
      <Text size="sm" c="dimmed" mb="xs">
        From a folder on the machine of the hub, or s3://bucket/prefix. What was read once is not read again.
      </Text>
      <Group align="flex-end" gap="sm">
        <TextInput
          label="Folder or file"
          placeholder="/data/exports/users.csv"
          value={location}
          required
          onChange={({ currentTarget }) => setLocation(currentTarget.value)}
          w={300}
        />
        <NativeSelect
          label="Format"
          data={FORMATS}
          value={format}
          onChange={({ currentTarget }) => setFormat(currentTarget.value)}
        />
        <TextInput
          label="Column with the time"
          placeholder="none: when it is read"
          value={time}
          onChange={({ currentTarget }) => setTime(currentTarget.value)}
        />
        <NumberInput
          label="Look again, in seconds"
          placeholder="never"
          min={5}
          max={86_400}
          value={poll}
          onChange={setPoll}
          w={200}
        />
        <Button type="submit" loading={begin.isPending} disabled={location.trim() === ''}>
          Read the files
        </Button>
      </Group>
      {begin.error !== null && <FailureNote error={begin.error} />}
    </form>
  )
}
