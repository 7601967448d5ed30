/** Where a PostgreSQL database is, and who connects: shared by all that writes to it and all that asks it. */

import * as z from 'zod'
import {
  ServerCertificate,
  ServerCredentials,
  ServerHost,
  ServerName,
  ServerPort,
  ServerTls,
} from '../server.ts'

export const PostgresConnection = z.strictObject({
  host: ServerHost.describe('Host name or IP address of the server, or the folder of its Unix socket.'),
  port: ServerPort.default(5432).describe('Port of the server.'),
  database: ServerName.describe('Database to connect to.'),
  tls: ServerTls,
  ca: ServerCertificate,
})
export type PostgresConnection = z.infer<typeof PostgresConnection>

export const PostgresCredentials = ServerCredentials
export type PostgresCredentials = ServerCredentials

/** A name of our choice inside the database: quoted wherever it stands, so any will do that PostgreSQL does not cut. */
const Identifier = z
  .string()
  .regex(/^[^\p{Cc}"]{1,63}$/u, 'A name is 1 to 63 characters without quotes or control characters')

export const PostgresSettings = PostgresConnection.extend({
  schema: Identifier.default('public').describe('Schema of the tables.'),
  table: Identifier.default('events').describe('Table with one row for each event.'),
  create: z
    .boolean()
    .default(true)
    .describe(
      'Make the schema and the tables when they are missing, and add a column when a field is seen for the first time. Off: what is missing halts the current; fields without a column stay in "properties".',
    ),
})
export type PostgresSettings = z.infer<typeof PostgresSettings>
