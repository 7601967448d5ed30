/** Treasure Data as a query engine: what an operator says about it. How it is asked: engine.ts, read when it is. */

import * as z from 'zod'
import { treasureDataSites } from '../../catalog/instances.ts'
import { BaseAddress } from '../../destinations/address.ts'
import { Name, TreasureDataCredentials } from '../../destinations/treasure-data/settings.ts'
import type { EngineKindDefinition } from '../engine-kind.ts'

export const TreasureDataQuerySettings = z
  .strictObject({
    site: z
      .enum(treasureDataSites.map(({ name }) => name))
      .optional()
      .describe(
        `Site of the Treasure Data account: ${treasureDataSites.map(({ name, title }) => `${name} (${title})`).join(', ')}. A key of one site is refused by the others.`,
      ),
    host: BaseAddress.optional().describe(
      'Base address of the REST API instead of a site, for a proxy or a double, for example http://127.0.0.1:7081.',
    ),
    database: Name.describe('Database that names of tables without one mean.'),
    engine: z
      .enum(['trino', 'presto', 'hive'])
      .default('trino')
      .describe('Which engine runs the queries. presto is the older name of trino.'),
    poolName: z.string().min(1).max(128).optional().describe('Resource pool, when the account has several.'),
    priority: z.int().min(-2).max(2).default(0).describe('Of the jobs among others of the account, -2 to 2.'),
  })
  .superRefine((settings, context) => {
    if ((settings.site === undefined) === (settings.host === undefined))
      context.addIssue({ code: 'custom', path: ['site'], message: 'Give a site or a host, one of the two' })
  })
export type TreasureDataQuerySettings = z.infer<typeof TreasureDataQuerySettings>

export const treasureDataKind: EngineKindDefinition<TreasureDataQuerySettings, TreasureDataCredentials> = {
  kind: 'treasure-data',
  title: 'Treasure Data',
  description: 'Tables at Treasure Data, asked by its job API in Trino, Presto or Hive.',
  settings: TreasureDataQuerySettings,
  // The destination's: one authorization of the provider serves both.
  credentials: TreasureDataCredentials,
  load: () => import('./open.ts'),
}
