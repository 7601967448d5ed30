import { describeEventTable } from './event-tables.ts'
import { openClickhouseTable, storedByOldClickhouse } from './event-tables-clickhouse.ts'
import { openDuckdbTable } from './event-tables-duckdb.ts'
import { openParquetTable, storedInParquet } from './event-tables-parquet.ts'
import { openPostgresTable } from './event-tables-postgres.ts'

describeEventTable('DuckDB', openDuckdbTable, { unlike: ['NUL and half pairs'] })
describeEventTable('PostgreSQL', openPostgresTable)
describeEventTable('ClickHouse', openClickhouseTable, { stored: storedByOldClickhouse })
describeEventTable('Parquet', openParquetTable, { stored: storedInParquet })
