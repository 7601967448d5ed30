import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.ts'
import { openEmbeddedLog } from '../../src/log/embedded-log.ts'
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
