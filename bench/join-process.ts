/** The bare comparison of a result with a roster's members, as the engine does it without anything of ours: the yardstick of cohorts.ts. */

import { constants, setPriority } from 'node:os'
import { DuckDBInstance } from '@duckdb/node-api'

const { roster, result, memoryBytesMax, threads } = JSON.parse(process.argv[2] ?? '{}') as {
  roster: string
  result: string
  memoryBytesMax: number
  threads: number
}
// As that of a roster.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
const instance = await DuckDBInstance.create(roster, {
  memory_limit: `${memoryBytesMax}B`,
  threads: String(threads),
  preserve_insertion_order: 'false',
})
const db = await instance.connect()
await db.run(`create temp table result as select 'u' || user_ids as person from read_parquet('${result}')`)
const cpuBefore = process.cpuUsage()
const startedAt = performance.now()
await db.run(`create temp table different as
  select coalesce(result.person, member.person) as person, member.person is null as enters
  from result full join (select person from roster where inside) member using (person)
  where result.person is null or member.person is null`)
const ms = performance.now() - startedAt
const { user, system } = process.cpuUsage(cpuBefore)
process.send?.({ ms, cpuMs: (user + system) / 1000 })
