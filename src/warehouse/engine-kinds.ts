/** The kinds of query engine that an operator can connect to. A new one is a folder beside these and a line here. */

import { clickhouseEngine } from './clickhouse/clickhouse.ts'
import type { EngineKindDefinition } from './engine-kind.ts'
import { mysqlEngine } from './mysql/mysql.ts'
import { postgresEngine } from './postgres/postgres.ts'
import { treasureDataKind } from './treasure-data/treasure-data.ts'

export const engineKinds: readonly EngineKindDefinition[] = [
  postgresEngine,
  mysqlEngine,
  clickhouseEngine,
  treasureDataKind,
]
