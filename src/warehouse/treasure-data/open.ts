/** Builds the engine that asks Treasure Data: its job API (REST v3), for Trino and Hive. It only reads, streams results, and never stores anything. */

import { treasureDataSites } from '../../catalog/instances.ts'
import { ThalwegError } from '../../core/errors.ts'
import { type Random, systemRandom } from '../../core/random.ts'
import type { TreasureDataCredentials } from '../../destinations/treasure-data/settings.ts'
import type { EngineParts } from '../engine-kind.ts'
import type { QueryEngine } from '../warehouse.ts'
import { PACE_DEFAULT, type Pace, TreasureDataEngine } from './engine.ts'
import { Jobs } from './jobs.ts'
import type { TreasureDataQuerySettings } from './treasure-data.ts'
import { type Means, Wire } from './wire.ts'

export function open(
  settings: TreasureDataQuerySettings,
  credentials: TreasureDataCredentials,
  { clock }: EngineParts,
): QueryEngine {
  return treasureDataEngine(settings, credentials, { clock, random: systemRandom })
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
