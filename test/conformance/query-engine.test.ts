/** Every query engine keeps the same promises, each against its real server. */

import { queryEngineConformance } from './query-engine.ts'
import { CLICKHOUSE_SQL, startClickhouseEngine } from './query-engine-clickhouse.ts'
import { MYSQL_SQL, startMysqlEngine } from './query-engine-mysql.ts'
import { POSTGRES_SQL, startPostgresEngine } from './query-engine-postgres.ts'

queryEngineConformance('postgres', startPostgresEngine, POSTGRES_SQL)
queryEngineConformance('mysql', startMysqlEngine, MYSQL_SQL)
queryEngineConformance('clickhouse', startClickhouseEngine, CLICKHOUSE_SQL)
