/** The one place that chooses the log. */

import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { DurableWrite } from './appender.ts'
import { openEmbeddedLog } from './embedded-log.ts'
import type { LogCredentials } from './jetstream/address.ts'
import type { Gap, Log } from './log.ts'
import type { FreeBytes } from './segment-supply.ts'

export interface LogChoice {
  /** `embedded`, or an address as in jetstream/address.ts. */
  readonly address: string
  readonly credentials: LogCredentials
  readonly dataDir: string
  readonly clock: Clock
  /** Of a segment file, or of the messages that are trimmed together. */
  readonly segmentBytes: number
  readonly slabBytesMax: number
  readonly offsetMin: number
  readonly onTrouble: (error: ThalwegError) => void
  readonly onCorrupt: (gap: Gap) => void
  /** Of the embedded log. For fault tests. */
  readonly disk?: LogDisk | undefined
}

export interface LogDisk {
  readonly durableWrite: DurableWrite
  readonly freeBytes: FreeBytes
}

export interface OpenedLog {
  readonly log: Log
  /** Where the ids of this log are remembered: they name its offsets, and mean nothing beside another one. */
  readonly dedupeDirectory: string
}

/** Throws what the chosen log throws when it is opened, and SETTINGS_INVALID for an address that is none. */
export async function openLog(choice: LogChoice): Promise<OpenedLog> {
  const { address: text, credentials, dataDir, segmentBytes, disk, ...rest } = choice
  if (text === 'embedded') {
    const log = await openEmbeddedLog({ ...rest, ...disk, directory: join(dataDir, 'log'), segmentBytes })
    return { log, dedupeDirectory: join(dataDir, 'dedupe') }
  }
  // Only who uses it loads the client.
  const [{ openJetStreamLog }, { parseLogAddress }] = await Promise.all([
    import('./jetstream/jetstream.ts'),
    import('./jetstream/address.ts'),
  ])
  const address = parseLogAddress(text)
  if (address === undefined)
    throw new ThalwegError(
      'SETTINGS_INVALID',
      'THALWEG_LOG is no address of NATS servers: see docs/cluster.md',
    )
  const folder = join(dataDir, 'log-nats', address.name)
  const log = await openJetStreamLog({
    ...rest,
    directory: join(folder, 'index'),
    address,
    credentials,
    stretchBytes: segmentBytes,
  })
  return { log, dedupeDirectory: join(folder, 'dedupe') }
}
