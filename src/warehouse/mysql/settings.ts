/** Where a MySQL or MariaDB server is, and who connects. */

import * as z from 'zod'
import {
  ServerCertificate,
  ServerCredentials,
  ServerHost,
  ServerName,
  ServerPort,
  ServerTls,
} from '../../destinations/server.ts'

export const MysqlConnection = z.strictObject({
  host: ServerHost.describe('Host name or IP address of the server, or the path of its Unix socket.'),
  port: ServerPort.default(3306).describe('Port of the server.'),
  database: ServerName.optional().describe('Database in which names without a database are looked up.'),
  tls: ServerTls,
  ca: ServerCertificate,
})
export type MysqlConnection = z.infer<typeof MysqlConnection>

export const MysqlCredentials = ServerCredentials
export type MysqlCredentials = ServerCredentials
