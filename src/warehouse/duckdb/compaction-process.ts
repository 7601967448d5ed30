/** The process of compaction.ts. Ends with its parent. */

import { existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { syncDirectory } from '../../files/durable.ts'
import type { CompactionJob } from './compaction.ts'
import { ROW_GROUP_ROWS } from './database.ts'
import { textLiteral } from './names.ts'

process.on('disconnect', () => process.exit(1))

const { file, memoryBytesMax, threads, like } = JSON.parse(process.argv[2] ?? '{}') as CompactionJob
const fresh = `${file}.compact`
for (const left of [fresh, `${fresh}.wal`, `${fresh}.tmp`]) await rm(left, { recursive: true, force: true })

const instance = await DuckDBInstance.create(':memory:', {
  threads: String(threads),
  memory_limit: `${memoryBytesMax}B`,
  temp_directory: `${fresh}.tmp`,
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
})
const connection = await instance.connect()
const rowGroups = like === 'plain' ? '' : `, ROW_GROUP_SIZE ${ROW_GROUP_ROWS}`
for (const statement of [
  `ATTACH ${textLiteral(file)} AS old`,
  'CHECKPOINT old',
  `ATTACH ${textLiteral(fresh)} AS fresh (STORAGE_VERSION 'latest'${rowGroups})`,
  'COPY FROM DATABASE old TO fresh',
  'CHECKPOINT fresh',
  'DETACH fresh',
  'DETACH old',
])
  await connection.run(statement)
connection.closeSync()
instance.closeSync()

for (const log of [`${file}.wal`, `${fresh}.wal`])
  if (existsSync(log)) throw new Error(`${log} is left: the file is not whole without it`)
const handle = await open(fresh, 'r')
await handle.sync()
await handle.close()
await rename(fresh, file)
await syncDirectory(dirname(file))
await rm(`${fresh}.tmp`, { recursive: true, force: true })
process.exit(0)
