import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { textsOf } from './vector-texts.ts'

async function connect(file = ':memory:'): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(file, { threads: '1' })
  const connection = await instance.connect()
  onTestFinished(() => {
    connection.closeSync()
    instance.closeSync()
  })
  return connection
}

async function columnOf(connection: DuckDBConnection, sql: string): Promise<(string | null)[]> {
  const result = await connection.stream(sql)
  const texts: (string | null)[] = []
  for await (const chunk of result) texts.push(...textsOf(chunk, 0))
  return texts
}

const counted = <Text>(count: number, text: (i: number) => Text): Text[] =>
  Array.from({ length: count }, (_, i) => text(i))

describe('the texts of a column', () => {
  it.each([
    ['short and long by turns', "repeat('x', (range % 30)::int)", (i: number) => 'x'.repeat(i % 30)],
    [
      'none in every third row',
      "if(range % 3 = 0, null, 'text number ' || range)",
      (i: number) => (i % 3 === 0 ? null : `text number ${i}`),
    ],
    [
      'few in many rows',
      "if(range % 2 = 0, 'the even ones', 'the odd ones, longer')",
      (i: number) => (i % 2 === 0 ? 'the even ones' : 'the odd ones, longer'),
    ],
    [
      'of several bytes a letter',
      "'ü😀' || repeat('é', 10) || range",
      (i: number) => `ü😀${'é'.repeat(10)}${i}`,
    ],
  ] as const)('%s', async (_, expression, text) => {
    const connection = await connect()
    const texts = await columnOf(connection, `select ${expression} from range(2500)`)
    expect(texts).toEqual(counted(2_500, text))
  })

  it('that are larger than what is brought at once', async () => {
    const connection = await connect()
    const texts = await columnOf(
      connection,
      `select repeat(range::varchar, if(range % 2 = 0, 1500000, 20)) from range(6)`,
    )
    expect(texts).toEqual(counted(6, (i) => String(i).repeat(i % 2 === 0 ? 1_500_000 : 20)))
  })

  it('from a table on disk, compressed, in any order', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'thalweg-test-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const connection = await connect(join(folder, 'kept.duckdb'))
    await connection.run(
      `create table kept as select range as n, 'kind number ' || range % 17 as kind, md5(range::varchar) || range as other from range(10000)`,
    )
    await connection.run('checkpoint')
    const order = 'order by hash(n), n'
    for (const column of ['kind', 'other']) {
      const plain = await connection.runAndReadAll(`select ${column} from kept ${order}`)
      const texts = await columnOf(connection, `select ${column} from kept ${order}`)
      expect(texts.length).toBe(10_000)
      expect(texts).toEqual(plain.getColumns()[0])
      const scanned = await connection.runAndReadAll(`select ${column} from kept`)
      expect(await columnOf(connection, `select ${column} from kept`)).toEqual(scanned.getColumns()[0])
    }
  })

  it('whatever they are', async () => {
    const connection = await connect()
    const text = fc.option(fc.string({ unit: 'binary', maxLength: 40 }))
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 200 }), async (texts) => {
        await connection.run('create or replace table given (n integer, text varchar)')
        const appender = await connection.createAppender('given')
        for (const [n, one] of texts.entries()) {
          appender.appendInteger(n)
          if (one === null) appender.appendNull()
          else appender.appendVarchar(one)
          appender.endRow()
        }
        appender.closeSync()
        expect(await columnOf(connection, 'select text from given order by n')).toEqual(texts)
      }),
      { numRuns: 20 },
    )
  })
})
