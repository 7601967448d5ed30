/** Every query engine keeps the same promises, each against its real server; Treasure Data against our double. */

import { queryEngineConformance } from './query-engine.ts'
import { CLICKHOUSE_SQL, startClickhouseEngine } from './query-engine-clickhouse.ts'
import { DUCKDB_SQL, startDuckdbEngine } from './query-engine-duckdb.ts'
import { MYSQL_SQL, startMysqlEngine } from './query-engine-mysql.ts'
import { POSTGRES_SQL, startPostgresEngine } from './query-engine-postgres.ts'
import { startTreasureDataEngine, TREASURE_DATA_SQL } from './query-engine-treasure-data.ts'

queryEngineConformance('duckdb', startDuckdbEngine, DUCKDB_SQL)
queryEngineConformance('postgres', startPostgresEngine, POSTGRES_SQL)
queryEngineConformance('mysql', startMysqlEngine, MYSQL_SQL)
queryEngineConformance('clickhouse', startClickhouseEngine, CLICKHOUSE_SQL)
queryEngineConformance('treasure-data', startTreasureDataEngine, TREASURE_DATA_SQL)
