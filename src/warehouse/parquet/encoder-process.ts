/**
 * A process of its own that turns rows into Parquet files: the database engine that does it is native code, whose memory and faults shall not
 * be the hub's. It is told files by the hub and reads and writes nothing else; no text of an operator or a sender becomes SQL here. It ends
 * with the hub, however that ends.
 */

import { DuckDBInstance } from '@duckdb/node-api'
import { Traces } from '../../core/traces.ts'
import { forgetEvents } from '../duckdb/forgetting.ts'
import type { Encoded, EncodeJob, ForgetJob, Forgotten, Job } from './encoder.ts'

const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '512MB' })
const connection = await instance.connect()

process.on('disconnect', () => process.exit())
process.on('message', (job: Job) => {
  const work = 'encode' in job ? encode(job.encode) : forget(job.forget)
  work.then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  )
})

async function encode(job: EncodeJob): Promise<Encoded> {
  const source = sourceOf(job)
  if (job.present.length > 0) return encodeMissing(job, source)
  await connection.run(`copy (select * from ${source}) to ${text(job.target)} ${FORMAT}`)
  return job.whole
}

/** Through a table: the file is named after what is left. */
async function encodeMissing({ target, present }: EncodeJob, source: string): Promise<Encoded> {
  const isPresent = `_offset in (select _offset from read_parquet(${list(present)}))`
  await connection.run(`create temp table missing as select * from ${source} where not ${isPresent}`)
  try {
    const reader = await connection.runAndReadAll(
      'select count(*)::double, min(_offset)::double, max(_offset)::double from missing',
    )
    const [count, first, last] = reader.getRows()[0] ?? []
    if (Number(count) > 0) await connection.run(`copy missing to ${text(target)} ${FORMAT}`)
    return { rows: Number(count), first: Number(first), last: Number(last) }
  } finally {
    await connection.run('drop table missing')
  }
}

async function forget({ file, rewritten, identifiers }: ForgetJob): Promise<Forgotten> {
  await connection.run(
    `create temp table present as select * from read_parquet(${text(file)}, hive_partitioning = false)`,
  )
  try {
    const isDry = rewritten === undefined
    const { theirs, mentions } = await forgetEvents(connection, 'present', new Traces(identifiers), isDry)
    const [count] = (await connection.runAndReadAll('select count(*)::double from present')).getRows()
    const rows = Number(count?.[0])
    if (!isDry && theirs + mentions > 0 && rows > 0)
      await connection.run(`copy (from present) to ${text(rewritten)} ${FORMAT}`)
    return { theirs, mentions, rows }
  } finally {
    await connection.run('drop table present')
  }
}

const FORMAT = '(format parquet, compression zstd)'

function sourceOf({ rows, columns, rowBytesMax }: EncodeJob): string {
  const types = columns.map(([name, type]) => `${text(name)}: ${text(type)}`).join(', ')
  return `read_json(${text(rows)}, format = 'newline_delimited', columns = {${types}}, maximum_object_size = ${rowBytesMax})`
}

function list(paths: readonly string[]): string {
  return `[${paths.map(text).join(', ')}]`
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}
