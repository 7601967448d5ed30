/** MySQL and MariaDB as a query engine: what an operator says about it. How it is asked: engine.ts, read when it is. */

import type { EngineKindDefinition } from '../engine-kind.ts'
import { MysqlConnection, MysqlCredentials } from './settings.ts'

export const mysqlEngine: EngineKindDefinition<MysqlConnection, MysqlCredentials> = {
  kind: 'mysql',
  title: 'MySQL and MariaDB',
  description: 'A MySQL or MariaDB server, asked in read-only transactions.',
  settings: MysqlConnection,
  credentials: MysqlCredentials,
  load: () => import('./engine.ts'),
}
