/** Where a ClickHouse server is, and who connects: shared by all that writes to it and all that asks it. */

import * as z from 'zod'
import { BaseAddress } from '../address.ts'
import { ServerCredentials, ServerName } from '../server.ts'

export const ClickhouseConnection = z.strictObject({
  url: BaseAddress.describe(
    'Address of the HTTP interface, for example https://clickhouse.example:8443 or http://127.0.0.1:8123.',
  ),
  database: ServerName.default('default').describe(
    'Database in which names without a database are looked up.',
  ),
})
export type ClickhouseConnection = z.infer<typeof ClickhouseConnection>

export const ClickhouseCredentials = ServerCredentials
export type ClickhouseCredentials = ServerCredentials
