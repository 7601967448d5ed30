/** ClickHouse as a query engine: what an operator says about it. How it is asked: engine.ts, read when it is. */

import { ClickhouseConnection, ClickhouseCredentials } from '../../destinations/clickhouse/settings.ts'
import type { EngineKindDefinition } from '../engine-kind.ts'

export const clickhouseEngine: EngineKindDefinition<ClickhouseConnection, ClickhouseCredentials> = {
  kind: 'clickhouse',
  title: 'ClickHouse',
  description: 'A ClickHouse server, asked over HTTP in read-only mode.',
  settings: ClickhouseConnection,
  credentials: ClickhouseCredentials,
  load: () => import('./engine.ts'),
}
