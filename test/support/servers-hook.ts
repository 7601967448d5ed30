/** vitest's hook around the whole run: names the folders of the test servers and takes the servers away afterwards. Costs nothing until a test asks for one. */

import { CLICKHOUSE } from './clickhouse.ts'
import { MARIADB } from './mariadb.ts'
import { POSTGRES } from './postgres.ts'
import { makeServerFolder, removeServer } from './servers.ts'

const KINDS = [POSTGRES, MARIADB, CLICKHOUSE]

export async function setup(): Promise<() => Promise<void>> {
  const folders = await Promise.all(KINDS.map(makeServerFolder))
  KINDS.forEach((kind, i) => {
    process.env[kind.variable] = folders[i]
  })
  return async () => {
    await Promise.all(KINDS.map((kind, i) => removeServer(kind, folders[i] ?? '')))
  }
}
