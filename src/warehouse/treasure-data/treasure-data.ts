/**
 * Treasure Data as a query engine: its job API (REST v3), for Trino and Hive. What an operator says about it, and how it
 * is built. The engine runs queries that only read, streams their results, and never stores anything.
 */

import * as z from 'zod'
import { treasureDataSites } from '../../catalog/instances.ts'
import { ThalwegError } from '../../core/errors.ts'
import { type Random, systemRandom } from '../../core/random.ts'
import { BaseAddress } from '../../destinations/address.ts'
import { Name, TreasureDataCredentials } from '../../destinations/treasure-data/settings.ts'
import type { EngineKindDefinition } from '../engine-kind.ts'
import type { QueryEngine } from '../warehouse.ts'
import { PACE_DEFAULT, type Pace, TreasureDataEngine } from './engine.ts'
import { Jobs } from './jobs.ts'
import { type Means, Wire } from './wire.ts'

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
  open: (settings, credentials, { clock }) =>
    treasureDataEngine(settings, credentials, { clock, random: systemRandom }),
}

export interface TreasureDataMeans extends Means {
  /** Default PACE_DEFAULT. */
  readonly pace?: Pace
  /** Makes the domain key of a query; default: 128 random bits. */
  readonly domainKey?: () => string
}

/** Opens no connection before the first query. Throws INPUT_INVALID when the credentials lack the key that queries need. */
export function treasureDataEngine(
  settings: TreasureDataQuerySettings,
  credentials: TreasureDataCredentials,
  means: TreasureDataMeans,
): QueryEngine {
  const { apiKey } = credentials
  if (apiKey === undefined) {
    throw new ThalwegError(
      'INPUT_INVALID',
      'The authorization holds a write key only; queries need apiKey, a master or query key of Treasure Data',
    )
  }
  const wire = new Wire(baseOf(settings), apiKey, means)
  return new TreasureDataEngine({
    wire,
    jobs: new Jobs(wire, settings),
    settings,
    clock: means.clock,
    pace: means.pace ?? PACE_DEFAULT,
    domainKey: means.domainKey ?? (() => randomKey(means.random)),
  })
}

function baseOf(settings: TreasureDataQuerySettings): string {
  const base = settings.host ?? treasureDataSites.find(({ name }) => name === settings.site)?.api
  if (base === undefined) throw new ThalwegError('INPUT_INVALID', 'Treasure Data: give a site or a host')
  return base
}

function randomKey(random: Random): string {
  const words = Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  )
  return `thalweg-${words.join('')}`
}
