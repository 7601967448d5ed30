import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { tempFolder } from '../../../test/support/temp.ts'
import { type EncodeJob, Encoder } from './encoder.ts'

async function jobIn(folder: string, lines: string): Promise<EncodeJob> {
  const rows = join(folder, 'rows.ndjson')
  await writeFile(rows, lines)
  return {
    rows,
    target: join(folder, 'rows.parquet'),
    columns: [
      ['_offset', 'BIGINT'],
      ["it's", 'VARCHAR'],
    ],
    rowBytesMax: 1_048_576,
    whole: { rows: 1, first: 7, last: 7 },
    present: [],
  }
}

/** The processes that this one started and that run the encoder. */
function encoderProcesses(): number[] {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ')
  const isEncoder = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('encoder-process')
  return children.filter((pid) => pid !== '' && isEncoder(pid)).map(Number)
}

it('tells what the engine did not like, and goes on', async () => {
  const encoder = new Encoder()
  onTestFinished(() => encoder.close())
  const folder = await tempFolder()
  await expect(encoder.encode(await jobIn(folder, '{"_offset":"x"}\n'))).rejects.toThrow(/cast value/)
  const encoded = await encoder.encode(await jobIn(folder, '{"_offset":7,"it\'s":"a"}\n'))
  expect(encoded).toEqual({ rows: 1, first: 7, last: 7 })
  expect(readFileSync(join(folder, 'rows.parquet')).subarray(0, 4).toString()).toBe('PAR1')
})

it('fails the job whose process is killed, and does the next one in another', async () => {
  const encoder = new Encoder()
  onTestFinished(() => encoder.close())
  const job = await jobIn(await tempFolder(), '{"_offset":7}\n')
  await encoder.encode(job)
  const [pid = 0] = encoderProcesses()
  const broken = encoder.encode(job)
  process.kill(pid, 'SIGSTOP')
  process.kill(pid, 'SIGKILL')
  await expect(broken.then((encoded) => ({ ...encoded, late: true }))).rejects.toThrow(/ended before/)
  expect(await encoder.encode(job)).toEqual({ rows: 1, first: 7, last: 7 })
  expect(encoderProcesses()).not.toContain(pid)
})
