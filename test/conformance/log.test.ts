import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { openEmbeddedLog } from '../../src/log/embedded-log.ts'
import { openJetStreamLog } from '../../src/log/jetstream/jetstream.ts'
import { TestNats } from '../support/nats.ts'
import { logConformance } from './log.ts'

const SEGMENT_BYTES = 65_536

const memory = [
  { name: 'embedded, readers served from memory', tailBytesMax: 4_000_000 },
  { name: 'embedded, readers served from disk', tailBytesMax: 0 },
]

for (const { name, tailBytesMax } of memory) {
  logConformance(name, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'thalweg-log-'))
    const log = await openEmbeddedLog({
      directory,
      clock: systemClock,
      segmentBytes: SEGMENT_BYTES,
      tailBytesMax,
    })
    return {
      log,
      severalUnitsBytes: SEGMENT_BYTES * 6,
      cleanUp: async () => {
        await log.close()
        await rm(directory, { recursive: true })
      },
    }
  })
}

let nats: TestNats

beforeAll(async () => {
  nats = await TestNats.start({ servers: 3 })
})
afterAll(() => nats.close())

const replicated = [
  { name: 'three copies on NATS JetStream, readers served from memory', tailBytesMax: 4_000_000, query: '' },
  {
    name: 'one copy on NATS JetStream, readers served from the servers',
    tailBytesMax: 0,
    query: '?replicas=1',
  },
]

for (const { name, tailBytesMax, query } of replicated) {
  logConformance(name, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'thalweg-log-'))
    const log = await openJetStreamLog({
      directory,
      clock: systemClock,
      address: nats.parsed(undefined, query),
      credentials: {},
      stretchBytes: SEGMENT_BYTES,
      tailBytesMax,
      pollMs: 100,
    })
    return {
      log,
      severalUnitsBytes: SEGMENT_BYTES * 6,
      cleanUp: async () => {
        await log.close()
        await rm(directory, { recursive: true })
      },
    }
  })
}
