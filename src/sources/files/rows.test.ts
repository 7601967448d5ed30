import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { Zip, ZipDeflate, ZipPassThrough, zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { tempFolder } from '../../../test/support/temp.ts'
import { type ReadBack, readBytes } from './reading.fixture.ts'
import { DOCUMENT_BYTES_MAX } from './row-reader.ts'
import { RowsSettings } from './row-settings.ts'
import { RowSnapshot } from './row-snapshot.ts'

const ROWS = RowsSettings.parse({ stream: 'users', timestampField: 'at' })
const PEOPLE = Array.from({ length: 300 }, (_, i) => ({ id: `u${i}`, city: i % 3 === 0 ? 'Köln' : 'Łódź' }))
const NDJSON = `${PEOPLE.map((row) => JSON.stringify(row)).join('\n')}\n`
const CSV = `id,city\n${PEOPLE.map(({ id, city }) => `${id},${city}`).join('\n')}\n`

function fieldsOf({ events }: ReadBack): unknown[] {
  return events.map(({ fields }) => fields)
}

/** As a program writes it that does not know sizes before: they stand behind the content. */
function streamedZip(files: Readonly<Record<string, string>>): Buffer {
  const pieces: Uint8Array[] = []
  const zip = new Zip((error, piece) => {
    if (error !== null) throw error
    pieces.push(piece)
  })
  for (const [name, text] of Object.entries(files)) {
    const entry = name.endsWith('.plain') ? new ZipPassThrough(name) : new ZipDeflate(name)
    zip.add(entry)
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 1_000)
      entry.push(bytes.subarray(at, at + 1_000), at + 1_000 >= bytes.length)
  }
  zip.end()
  return Buffer.concat(pieces)
}

function halves(): Record<string, string> {
  const lines = NDJSON.split('\n')
  return { '1.txt': lines.slice(0, 100).join('\n'), 'folder/2.plain': lines.slice(100).join('\n') }
}

const FILES: readonly [what: string, bytes: Buffer][] = [
  ['lines of JSON', Buffer.from(NDJSON)],
  ['CSV', Buffer.from(CSV)],
  ['CSV in UTF-16', Buffer.from(`\ufeff${CSV}`, 'utf16le')],
  ['an array', Buffer.from(JSON.stringify(PEOPLE, null, 1))],
  ['gzip', gzipSync(CSV)],
  ['zstd', zstdCompressSync(NDJSON)],
  ['a zip', Buffer.from(zipSync({ 'a.csv': Buffer.from(CSV) }))],
  ['a zip of several', streamedZip(halves())],
  [
    'a zip with a comment behind it and bytes before it',
    commented(
      Buffer.from(
        zipSync({
          'a.csv': Buffer.from(CSV),
          '__MACOSX/x': Buffer.from('x'),
          'empty/': Buffer.alloc(0),
          '.hidden': Buffer.from('x'),
        }),
      ),
    ),
  ],
]

function commented(zip: Buffer): Buffer {
  const comment = 'PK\x05\x06 is not the end'
  zip.writeUInt16LE(comment.length, zip.length - 2)
  return Buffer.concat([zip, Buffer.from(comment)])
}

describe.each(FILES)('rows in %s', (_what, bytes) => {
  test('are each read once, with what is known of them', async () => {
    const back = await readBytes(bytes, { rows: ROWS, name: 'people' })
    expect(fieldsOf(back)).toEqual(PEOPLE)
    expect(back.notes).toEqual([])
    expect(back.events[0]).toMatchObject({
      stream: 'users',
      timestamp_field: 'at',
      file: expect.stringMatching(/^people/),
    })
    expect(new Set(back.events.map(({ id }) => id)).size).toBe(PEOPLE.length)
  })

  test('are read on from any position, under the same ids', async () => {
    const whole = await readBytes(bytes, { rows: ROWS, itemsMax: 70 })
    let seen = 0
    for (const { to, count } of whole.chunks) {
      seen += count
      const rest = await readBytes(bytes, { rows: ROWS, from: to })
      expect(rest.events.map(({ fields }) => fields)).toEqual(PEOPLE.slice(seen))
    }
    expect(seen).toBe(PEOPLE.length)
  })
})

test('a delimiter, and a format that is said', async () => {
  const rows = { ...ROWS, delimiter: 't' }
  expect(fieldsOf(await readBytes(Buffer.from('{a\tb\n1\t2\n'), { rows, format: 'csv' }))).toEqual([
    { '{a': '1', b: '2' },
  ])
  expect(fieldsOf(await readBytes(Buffer.from('{"a":\n1}'), { rows, format: 'json' }))).toEqual([{ a: 1 }])
})

test('a bad row is noted with its line, and costs no other', async () => {
  const { notes, events } = await readBytes(Buffer.from('a,b\n1,2\n3\n4,5\n'), { rows: ROWS, name: 'x.csv' })
  expect(events.map(({ fields, line }) => [fields, line])).toEqual([
    [{ a: '1', b: '2' }, 2],
    [{ a: '4', b: '5' }, 4],
  ])
  expect(notes).toMatchObject([
    { problem: 'unreadable_record', message: 'line 3 of x.csv: row_broken', text: '3', record: 1 },
  ])
})

test('nothing is in an empty file, and in an empty zip', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from(zipSync({}))])
    expect(await readBytes(bytes, { rows: ROWS })).toMatchObject({ events: [], notes: [], chunks: [] })
})

test.each<[what: string, bytes: Buffer, message: string]>([
  ['ends early', Buffer.from(zipSync({ 'a.csv': Buffer.from(CSV) })).subarray(0, -40), 'the zip has no end'],
  [
    'has other bytes than it says',
    flipped(Buffer.from(zipSync({ 'a.csv': Buffer.from(CSV) }, { level: 0 })), 60),
    'a.csv is not what the zip says of it',
  ],
  ['is encrypted', encrypted(Buffer.from(zipSync({ 'a.csv': Buffer.from(CSV) }))), 'a.csv is encrypted'],
])('a zip that %s is damaged', async (_what, bytes, message) => {
  await expect(readBytes(bytes, { rows: ROWS })).rejects.toMatchObject({ code: 'FILES_DAMAGED', message })
})

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}

function encrypted(bytes: Buffer): Buffer {
  const at = bytes.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]))
  bytes.writeUInt16LE(1, at + 8)
  return bytes
}

test.each<[what: string, bytes: Buffer, code: string]>([
  ['columns that cannot be told apart', Buffer.from('a,a\n1,2\n'), 'INPUT_INVALID'],
  [
    'a document that is too large',
    Buffer.from(`[{"a":"${'x'.repeat(DOCUMENT_BYTES_MAX)}"}]`),
    'FILES_DAMAGED',
  ],
])('a file of rows with %s is not read', async (_what, bytes, code) => {
  await expect(readBytes(bytes, { rows: ROWS })).rejects.toMatchObject({ code })
})

test('a CSV of no stream is not read, and Avro has no rows', async () => {
  await expect(readBytes(Buffer.from('a\n1\n'), { format: 'csv' })).rejects.toMatchObject({
    code: 'FILES_DAMAGED',
  })
  await expect(readBytes(Buffer.from('a\n1\n'), { format: 'avro', rows: ROWS })).rejects.toMatchObject({
    code: 'FILES_DAMAGED',
  })
})

describe('where only changed rows are wanted', () => {
  const rows = { ...ROWS, onlyChanged: ['id'] }

  async function reader() {
    const snapshot = new RowSnapshot(join(await tempFolder(), 'rows', '1.db'), rows.onlyChanged)
    const read = async (text: string, from?: { at: number; record: number }) => {
      const back = await readBytes(Buffer.from(text), {
        rows,
        snapshot,
        ...(from === undefined ? {} : { from }),
      })
      return { back, taken: back.events.map(({ fields }) => Object.values(fields as object).join()) }
    }
    /** A file that is read to its end, and is in the log. */
    const done = async (text: string) => {
      const { taken } = await read(text)
      snapshot.commit()
      return taken
    }
    return { snapshot, read, done }
  }

  test('those are taken that are new or say something else than before', async () => {
    const { done, snapshot } = await reader()
    expect(await done('id,v\n1,a\n2,b\n')).toEqual(['1,a', '2,b'])
    expect(await done('id,v\n1,a\n2,c\n3,d\n')).toEqual(['2,c', '3,d'])
    // Nothing follows from rows that are gone, also for those that come again.
    expect(await done('id,v\n2,c\n')).toEqual([])
    expect(await done('id,v\n1,a\n2,b\n3,d\n')).toEqual(['2,b'])
    expect(await done('id,v\n2,b\n2,e\n2,b\n')).toEqual(['2,e', '2,b'])
    expect(await done('id,v\n2,b\n')).toEqual([])
    snapshot.close()
  })

  test('what a file that never ended well brought is taken again', async () => {
    const { done, read, snapshot } = await reader()
    await done('id,v\n1,a\n2,b\n')
    expect((await read('id,v\n1,x\n2,b\n')).taken).toEqual(['1,x'])
    expect(await done('id,v\n1,a\n2,b\n')).toEqual(['1,a'])
    snapshot.close()
  })

  test('rows that did not change are counted, also by a reader that goes on', async () => {
    const { done, read, snapshot } = await reader()
    await done(CSV)
    const { back } = await read(CSV.replace('u299', 'u999'))
    expect(back.chunks).toMatchObject([{ count: 1, passed: 299, to: { record: 300 } }])
    const { back: rest } = await read(CSV.replace('u299', 'u999'), { at: 0, record: 200 })
    expect(rest.chunks).toMatchObject([{ count: 1, passed: 99, to: { record: 300 } }])
    snapshot.close()
  })

  test('rows without a key are always taken, and columns that no row has are an error', async () => {
    const { done, read, snapshot } = await reader()
    for (let i = 0; i < 2; i++)
      expect(await done('id,v\n,a\n1,b\n')).toEqual(i === 0 ? [',a', '1,b'] : [',a'])
    await expect(read('ID,v\n1,a\n')).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    snapshot.close()
  })
})
