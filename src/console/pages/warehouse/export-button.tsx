/** The whole result as a file. */

import { Button, Group, Menu, Text } from '@mantine/core'
import { useRef, useState } from 'react'
import { send } from '../../api/client.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { bytes } from '../../elements/words.ts'

const FORMATS = [
  ['csv', 'CSV'],
  ['ndjson', 'NDJSON'],
  ['parquet', 'Parquet'],
] as const
type Format = (typeof FORMATS)[number][0]

export interface ExportButtonProps {
  readonly sql: string
  readonly engine: string
  readonly writesParquet: boolean
}

export function ExportButton({ sql, engine, writesParquet }: ExportButtonProps) {
  const [received, setReceived] = useState<number>()
  const [error, setError] = useState<Error>()
  const leave = useRef<AbortController>(undefined)
  const download = async (format: Format): Promise<void> => {
    const leaving = new AbortController()
    leave.current = leaving
    setError(undefined)
    setReceived(0)
    try {
      const { signal } = leaving
      const response = await send('POST', '/sql/export', { body: { sql, engine, format }, signal })
      keep(await wholeOf(response, setReceived), `query.${format}`)
    } catch (failure) {
      if (!leaving.signal.aborted)
        setError(failure instanceof Error ? failure : new Error('The file broke off before its end'))
    } finally {
      setReceived(undefined)
    }
  }
  if (received !== undefined)
    return (
      <Group gap="xs">
        <Text size="sm" className="tw-number" role="status">
          {bytes(received)} received
        </Text>
        <Button size="xs" variant="default" onClick={() => leave.current?.abort()}>
          Stop
        </Button>
      </Group>
    )
  return (
    <>
      {error !== undefined && <FailureNote error={error} />}
      <Menu>
        <Menu.Target>
          <Button size="xs" variant="default">
            Export
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {FORMATS.map(([format, label]) => (
            <Menu.Item
              key={format}
              disabled={format === 'parquet' && !writesParquet}
              onClick={() => void download(format)}
            >
              {label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </>
  )
}

/** The browser keeps large ones on disk. Throws when the transfer breaks off: a file that is not whole is none. */
async function wholeOf(response: Response, progress: (received: number) => void): Promise<Blob> {
  let received = 0
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, out) {
      received += piece.length
      progress(received)
      out.enqueue(piece)
    },
  })
  return new Response(response.body?.pipeThrough(counted)).blob()
}

function keep(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}
