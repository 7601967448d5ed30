/** The kinds of vendor that we can write to. A new one is a folder beside these and a line here. */

import { brazeAttribute } from './braze/attribute.ts'
import { brazeAudiences } from './braze/audience-attribute.ts'
import { brazeCohort } from './braze/cohort.ts'
import { clickhouse } from './clickhouse/clickhouse.ts'
import type { Destination } from './destination.ts'
import { http } from './http/http.ts'
import { parquet } from './parquet/parquet.ts'
import { postgres } from './postgres/postgres.ts'
import { segment } from './segment/segment.ts'
import { treasureData } from './treasure-data/treasure-data.ts'
import { warehouse } from './warehouse/warehouse.ts'

export const destinations: readonly Destination[] = [
  treasureData,
  segment,
  http,
  warehouse,
  postgres,
  clickhouse,
  parquet,
  brazeCohort,
  brazeAttribute,
  brazeAudiences,
]

/** undefined: no destination has this name. */
export function destinationNamed(name: string): Destination | undefined {
  return destinations.find((destination) => destination.name === name)
}
