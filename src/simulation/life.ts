/** One life of a hub in a simulated world: from its opening on a data folder to the moment in which it is dropped. */

import { request as httpRequest, type Server } from 'node:http'
import { duplexPair } from 'node:stream'
import type { Alerts } from '../alerts/alerts.ts'
import type { Clock, Pause } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { readSettings, type Settings } from '../core/settings.ts'
import type { Currents } from '../currents/registry.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Transport } from '../delivery/transport.ts'
import type { Log } from '../log/log.ts'
import type { LogDisk } from '../log/open-log.ts'
import type { Sources } from '../sources/registry.ts'
import type { Authorizations } from '../store/authorizations.ts'
import type { Store } from '../store/store.ts'
import type { LifeDisk } from './disk.ts'
import type { DoorAnswer, Reachable } from './network.ts'
import type { LifeClock } from './time.ts'

/** What a hub is given in the place of the machine. */
export interface HubParts {
  readonly settings: Settings
  readonly clock: Clock
  readonly random: Random
  readonly pause: Pause
  readonly watchMs: number
  readonly checkpointsAside: boolean
  readonly transport: Transport
  readonly disk: LogDisk
  readonly through: (store: Store) => Store
}

/** What a simulation asks of a hub. */
export interface SimulatedHub {
  readonly server: Server
  readonly store: Store
  readonly log: Log
  readonly sources: Sources
  readonly authorizations: Authorizations
  readonly currents: Currents
  readonly delivery: Delivery
  readonly alerts: Alerts
  close(): Promise<void>
}

/** The program's own: rooms do not know what they are composed into. */
export type OpenHub = (parts: HubParts) => Promise<SimulatedHub>

export const SOURCE = 'braze'
export const SOURCE_TOKEN = 'simulated-currents-token'

const MIB = 1_048_576
const DAYS_KEPT = 7
const GATHER_TIMES = 600
const WATCH_MS = 300_000
/** Far more than the window of dedupe brings; the tables are made for each life. */
const DEDUPE_IDS = 200_000

export interface LifeParts {
  readonly number: number
  readonly disk: LifeDisk
  readonly clock: LifeClock
  readonly random: Random
  readonly transport: (life: Reachable) => Transport
  /** For tests: a hub with a fault of its own. */
  readonly sabotage?: ((store: Store) => Store) | undefined
}

export class Life implements Reachable {
  readonly number: number
  readonly disk: LifeDisk
  readonly hub: SimulatedHub
  readonly #clock: LifeClock
  readonly #dying: (() => void)[] = []
  #isOver = false

  static async open(openHub: OpenHub, parts: LifeParts): Promise<Life> {
    const { disk, clock, random, sabotage, number, transport } = parts
    const settings = readSettings(
      {},
      {
        dataDir: disk.folder,
        port: 0,
        logLevel: 'silent',
        segmentBytes: MIB,
        bodyBytesMax: MIB / 2,
        decompressedBytesMax: MIB / 2,
        dedupeMemoryIds: DEDUPE_IDS,
        retentionAgeMs: `${DAYS_KEPT}d`,
      },
    )
    // The hub's requests need to know whose they are before there is a hub.
    const self: { life: Life | undefined } = { life: undefined }
    const hub = await openHub({
      settings,
      clock,
      random,
      // Events come a thousand times more seldom than to a busy hub: what gathers company waits longer for it.
      pause: (ms) => clock.sleep(ms < 1_000 ? ms * GATHER_TIMES : ms),
      watchMs: WATCH_MS,
      // A thread would go by the machine's time.
      checkpointsAside: false,
      transport: transport({
        number,
        get isOver() {
          return self.life?.isOver ?? false
        },
        door: async () => undefined,
      }),
      disk,
      through: (store) => disk.through(sabotage?.(store) ?? store),
    })
    self.life = new Life(hub, parts)
    return self.life
  }

  private constructor(hub: SimulatedHub, { number, disk, clock }: LifeParts) {
    this.number = number
    this.disk = disk
    this.hub = hub
    this.#clock = clock
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** A request to the door over a connection without a socket. */
  door(body: Buffer): Promise<DoorAnswer | undefined> {
    const [near, far] = duplexPair()
    return new Promise((resolve) => {
      const end = (): void => {
        near.destroy()
        resolve(undefined)
      }
      this.#dying.push(end)
      const request = httpRequest({
        createConnection: () => near as never,
        method: 'POST',
        path: `/currents/${SOURCE}`,
        headers: {
          host: 'hub.sim',
          authorization: `Bearer ${SOURCE_TOKEN}`,
          'content-type': 'application/json',
          'content-length': body.length,
          'braze-currents-version': '1',
          connection: 'close',
        },
      })
      request.on('error', end)
      request.on('response', (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('error', end)
        response.on('end', () => {
          this.#dying.splice(this.#dying.indexOf(end), 1)
          resolve({ status: response.statusCode ?? 0, code: codeIn(Buffer.concat(pieces)) })
        })
      })
      this.hub.server.emit('connection', far)
      request.end(body)
    })
  }

  /** From here on nothing that this hub does reaches anybody. What the crash leaves lies in `folder` at once. */
  drop(folder: string, how: 'killed' | 'power'): void {
    this.disk.crash(folder, how)
    this.#isOver = true
    for (const die of this.#dying.splice(0)) die()
    this.#clock.end()
  }

  /** Clears away what is left of a dropped hub; of one that was not dropped, ends it in peace. In real time. */
  async clear(): Promise<void> {
    this.#clock.end()
    await this.hub.close()
  }
}

function codeIn(body: Buffer): string {
  try {
    const { error } = JSON.parse(body.toString()) as { error?: { code?: unknown } }
    return typeof error?.code === 'string' ? error.code : ''
  } catch {
    return ''
  }
}
