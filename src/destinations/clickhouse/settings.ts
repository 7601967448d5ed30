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

/** A name of our choice: quoted wherever it stands. */
const Identifier = z
  .string()
  .regex(/^[^\p{Cc}`\\]{1,128}$/u, 'A name is 1 to 128 characters without `, \\ or control characters')

export const ClickhouseSettings = ClickhouseConnection.extend({
  table: Identifier.default('events').describe('Table with one row for each event, in the database above.'),
  create: z
    .boolean()
    .default(true)
    .describe(
      'Make the database and the table when they are missing, and add a column when a field is seen for the first time. Off: what is missing halts the current; fields without a column stay in "properties".',
    ),
})
export type ClickhouseSettings = z.infer<typeof ClickhouseSettings>
