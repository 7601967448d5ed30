/**
 * The grounds that a hub can stand on: where its state and its log are. What delivery, activations and profiles promise does not
 * depend on it, so their suites are written once and run on each.
 */

import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { Overrides } from '../../src/core/settings.ts'
import { openTestLog } from '../../src/delivery/delivery.fixture.ts'
import { openJetStreamLog } from '../../src/log/jetstream/jetstream.ts'
import type { Log } from '../../src/log/log.ts'
import type { Dialect } from '../../src/store/columns.ts'
import { TestNats } from './nats.ts'
import { freshStoreUrl } from './store.ts'
import { tempFolder } from './temp.ts'

export interface Ground {
  readonly dialect: Dialect
  /** Of a random test: `THALWEG_TEST_RUNS` on every ground; otherwise so many on what a single hub stands on, and so many on each of the others. */
  runs(embedded: number, others: number): number
  /** For a hub and its later lives on the same data folder: a fresh store, and a log of its own. */
  settings(): Promise<Overrides>
  /** An empty log; closed when the test has finished. */
  openLog(clock: Clock): Promise<Log>
}

interface Row {
  readonly name: string
  readonly dialect: Dialect
  /** 0: the embedded log. */
  readonly natsServers: 0 | 3
}

const ROWS: readonly Row[] = [
  { name: 'SQLite and the embedded log', dialect: 'sqlite', natsServers: 0 },
  { name: 'PostgreSQL and the embedded log', dialect: 'postgres', natsServers: 0 },
  { name: 'PostgreSQL and three NATS servers', dialect: 'postgres', natsServers: 3 },
]

/** Runs a suite on every ground. */
export function onEachGround(suite: (ground: Ground) => void): void {
  for (const row of ROWS) describe(`on ${row.name}`, () => suite(groundOf(row)))
}

/** Within a `describe`: servers are started before its tests, and stopped after them. */
function groundOf({ dialect, natsServers }: Row): Ground {
  let nats: TestNats | undefined
  if (natsServers === 3) {
    beforeAll(async () => {
      nats = await TestNats.start({ servers: natsServers })
    })
    afterAll(() => nats?.close())
  }
  const { THALWEG_TEST_RUNS: asked } = process.env
  return {
    dialect,
    runs: (embedded, others) => Number(asked ?? (dialect === 'sqlite' ? embedded : others)),
    settings: async () => ({
      ...(dialect === 'sqlite' ? {} : { store: await freshStoreUrl(dialect) }),
      ...(nats === undefined ? {} : { log: nats.address() }),
    }),
    openLog: (clock) => (nats === undefined ? openTestLog(clock) : openReplicated(nats)),
  }
}

/** By real time, as servers and their answers go. */
async function openReplicated(nats: TestNats): Promise<Log> {
  const log = await openJetStreamLog({
    directory: await tempFolder(),
    clock: systemClock,
    address: nats.parsed(),
    credentials: {},
    stretchBytes: 262_144,
    tailBytesMax: 1_048_576,
  })
  onTestFinished(() => log.close())
  return log
}
