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
