/** What an operator says about loading into the embedded warehouse. It needs no credentials: it is a part of this installation. */

import * as z from 'zod'

/** As Treasure Data names databases and tables. Names that begin with an underscore are ours; a few others are the engine's. */
export const WarehouseName = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{2,127}$/,
    'lower-case letters, digits and underscores, 3 to 128, beginning with a letter',
  )
  .refine((text) => !ENGINE_NAMES.has(text), 'this name belongs to the engine')

const ENGINE_NAMES: ReadonlySet<string> = new Set([
  'information_schema',
  'main',
  'pg_catalog',
  'system',
  'temp',
  'warehouse',
])

export const WarehouseSettings = z.strictObject({
  database: WarehouseName.default('braze').describe('Database of the tables; made when missing.'),
  table: WarehouseName.default('events').describe(
    'Table of the events; the raw batches lie beside it, in a table of this name with `_raw` behind it.',
  ),
  shape: z
    .enum(['both', 'events', 'raw'])
    .default('both')
    .describe(
      'events: one row per event, in typed columns. raw: one row per received request, all its events in one JSON column, as Treasure Data keeps them. both: side by side.',
    ),
  tablePerType: z
    .boolean()
    .default(false)
    .describe(
      'Each event type has a table of its own, called like the type with underscores for dots, instead of all of them in one.',
    ),
  sourceTable: z
    .boolean()
    .default(false)
    .describe('Events of a source that has a database and table of its own go there.'),
})
export type WarehouseSettings = z.infer<typeof WarehouseSettings>

export const WarehouseCredentials = z.strictObject({})
export type WarehouseCredentials = z.infer<typeof WarehouseCredentials>
