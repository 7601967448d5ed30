import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readBytes } from './reading.fixture.ts'
import { TEXT_PIECE_BYTES_MAX } from './text-reader.ts'

const NOW = 1_780_000_000

function event(id: string | number, extra: object = {}) {
  return {
    event_type: 'users.messages.email.Open',
    id: `id-${id}`,
    time: NOW,
    user: { user_id: 'u' },
    properties: {},
    ...extra,
  }
}

const EVENTS = Array.from({ length: 25 }, (_, i) => event(i))
const IDS = EVENTS.map(({ id }) => id)
const lines = `${EVENTS.map((one) => JSON.stringify(one)).join('\n')}\n`

const SHAPES: readonly [shape: string, text: string][] = [
  ['lines', lines],
  ['lines that end in CRLF', lines.replaceAll('\n', '\r\n')],
  ['lines with empty ones between', lines.replaceAll('\n', '\n\n')],
  ['lines without the last end', lines.trimEnd()],
  [
    'lines of batches',
    `${JSON.stringify({ events: EVENTS.slice(0, 9) })}\n${JSON.stringify({ events: EVENTS.slice(9) })}\n`,
  ],
  ['an array', JSON.stringify(EVENTS)],
  ['an array over many lines', JSON.stringify(EVENTS, null, 2)],
  ['a batch', JSON.stringify({ events: EVENTS })],
  [
    'a batch over many lines, with other members',
    JSON.stringify({ sender: 'x', events: EVENTS, n: 1 }, null, 2),
  ],
  ['an array behind a byte order mark', `\ufeff${JSON.stringify(EVENTS)}`],
]

describe.each([
  ['as it is', (text: string) => Buffer.from(text)],
  ['with gzip', (text: string) => gzipSync(text)],
  [
    'with gzip in two members',
    (text: string) => Buffer.concat([gzipSync(text.slice(0, 100)), gzipSync(text.slice(100))]),
  ],
  ['with zstd', (text: string) => zstdCompressSync(text)],
] as const)('a file %s', (_, pack) => {
  test.each(SHAPES)('of %s gives every event once', async (_shape, text) => {
    const { events, notes, hours } = await readBytes(pack(text))
    expect(events).toEqual(EVENTS)
    expect(notes).toEqual([])
    expect(hours).toEqual(EVENTS.map(() => Math.floor(NOW / 3600)))
  })

  test.each(SHAPES)('of %s is read on from any of its positions', async (_shape, text) => {
    const whole = await readBytes(pack(text), { itemsMax: 4 })
    let seen = 0
    for (const { to, count } of whole.chunks) {
      seen += count
      // A position is of the content: what it is read as does not change on the way.
      const { events } = await readBytes(pack(text), { from: to })
      expect(events.map(({ id }) => id)).toEqual(IDS.slice(seen))
    }
    expect(seen).toBe(IDS.length)
  })
})

test('one bare event is a file, too', async () => {
  expect((await readBytes(Buffer.from(JSON.stringify(event(1))))).events).toEqual([event(1)])
  expect((await readBytes(Buffer.from(JSON.stringify(event(1), null, 2)))).events).toEqual([event(1)])
})

test('an empty file holds nothing', async () => {
  expect((await readBytes(Buffer.alloc(0))).events).toEqual([])
})

test('numbers stay as they were written', async () => {
  const text = '{"event_type":"a","id":"b","time":1,"properties":{"n":1.50,"big":12345678901234567890}}\n'
  expect((await readBytes(Buffer.from(text))).texts).toEqual([text.trimEnd()])
})

test('a bad line is noted with its position, and the rest goes on', async () => {
  const good = JSON.stringify(event('good'))
  const bad = ['{"event_type":', '"just text"', Buffer.from('{"a":"\xff"}', 'latin1'), ']']
  const content = Buffer.concat(
    bad.flatMap((line) => [Buffer.from(`${good}\n`), Buffer.from(line), Buffer.from('\n')]),
  )
  const { events, notes } = await readBytes(content, { name: 'a.ndjson' })
  expect(events).toHaveLength(bad.length)
  expect(notes.map(({ problem }) => problem)).toEqual([
    'truncated',
    'not_an_object',
    'invalid_utf8',
    'invalid_json',
  ])
  for (const [i, note] of notes.entries()) {
    const line = Buffer.from(bad[i] ?? '')
    expect(content.subarray(note.at, note.at + line.length).equals(line)).toBe(true)
  }
  expect(notes[0]?.text).toBe('{"event_type":')
})

test('a line that is too long is noted, and the rest goes on', async () => {
  const good = `${JSON.stringify(event('good'))}\n`
  const long = `{"a":"${'x'.repeat(TEXT_PIECE_BYTES_MAX)}"}\n`
  const { events, notes } = await readBytes(Buffer.from(`${good}${long}${good}`), { name: 'a.jsonl' })
  expect(events).toHaveLength(2)
  expect(notes).toMatchObject([{ at: good.length, problem: 'unreadable_record' }])
})

describe('a document that is too large to be read at once', () => {
  const filler = 'x, ]}[{"\\'.repeat(2_000)
  const many = Array.from({ length: 1_200 }, (_, i) => event(i, { properties: { filler } }))
  const ids = many.map(({ id }) => id)

  test.each([
    ['an array', JSON.stringify(many)],
    ['a batch', JSON.stringify({ sender: 'x', events: many })],
    ['an array over many lines', JSON.stringify(many, null, 1)],
  ])('is read element by element: %s', async (_, text) => {
    expect(text.length).toBeGreaterThan(TEXT_PIECE_BYTES_MAX)
    const { events, chunks, notes } = await readBytes(Buffer.from(text))
    expect(events.map(({ id }) => id)).toEqual(ids)
    expect(notes).toEqual([])
    const middle = chunks[chunks.length >> 1]
    const seen = chunks.slice(0, (chunks.length >> 1) + 1).reduce((sum, chunk) => sum + chunk.count, 0)
    const rest = await readBytes(Buffer.from(text), { from: middle?.to ?? { at: 0, record: 0 } })
    expect(rest.events.map(({ id }) => id)).toEqual(ids.slice(seen))
  })

  test('that ends early gives what is whole before it is called damaged', async () => {
    const text = JSON.stringify(many)
    await expect(readBytes(Buffer.from(text.slice(0, -40_000)))).rejects.toMatchObject({
      code: 'FILES_DAMAGED',
    })
  })
})

test.each([
  ['binary data', Buffer.from([0, 1, 2, 3, 4])],
  ['other text', Buffer.from('event,id\na,b\n')],
])('%s is not read', async (_, bytes) => {
  await expect(readBytes(bytes)).rejects.toMatchObject({ code: 'FILES_DAMAGED' })
})
