/** PostgreSQL as a query engine: what an operator says about it. How it is asked: engine.ts, read when it is. */

import { PostgresConnection, PostgresCredentials } from '../../destinations/postgres/settings.ts'
import type { EngineKindDefinition } from '../engine-kind.ts'

export const postgresEngine: EngineKindDefinition<PostgresConnection, PostgresCredentials> = {
  kind: 'postgres',
  title: 'PostgreSQL',
  description: 'A PostgreSQL database, asked in read-only transactions.',
  settings: PostgresConnection,
  credentials: PostgresCredentials,
  load: () => import('./engine.ts'),
}
