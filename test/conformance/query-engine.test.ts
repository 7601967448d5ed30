/** Every query engine keeps the same promises, each against its real server. */

import { queryEngineConformance } from './query-engine.ts'
import { POSTGRES_SQL, startPostgresEngine } from './query-engine-postgres.ts'

queryEngineConformance('postgres', startPostgresEngine, POSTGRES_SQL)
