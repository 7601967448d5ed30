/** A whole Thalweg in this process: real hub, real store and log in a temporary folder, the vendors' doubles on real sockets. */

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { type Overrides, readSettings } from '../../src/core/settings.ts'
import { type Current, CurrentDefinition, type LaunchFrom } from '../../src/currents/current.ts'
import { type Hub, hubLogger, startHub } from '../../src/hub.ts'
import { DEMO, type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts'
import { eventually } from './eventually.ts'
import { layStore } from './store.ts'
import { tempFolder } from './temp.ts'

export const SOURCE = 'braze'
export const TOKEN = 'test-source-token'
const SEGMENT_BYTES = 4_194_304
const DEDUPE_MEMORY_IDS = 250_000

export interface StackOptions {
  readonly clock?: Clock
  readonly sandbox?: SandboxOptions
  /** Doubles that run already; unset: new ones. */
  readonly beside?: Sandbox
  readonly dataDir?: string
  readonly haltedRetryMs?: number
  /** How often the hub looks at what nobody tells it of, such as outages that last; for tests in which days pass. */
  readonly watchMs?: number
  /** Beside those of every test. */
  readonly settings?: Overrides
}

export interface Stack {
  readonly hub: Hub
  readonly sandbox: Sandbox
  /** A launched current on the test's source; no wait for company unless asked for. */
  launch(
    name: string,
    destination: Destination,
    also?: Record<string, unknown>,
    from?: LaunchFrom,
  ): Promise<Current>
  /** Posts a body to the Currents door; throws unless the answer is 200. */
  post(
    events: readonly unknown[] | string,
  ): Promise<{ accepted: number; duplicates: number; quarantined: number }>
  /** Waits until nothing is pending in any current. */
  settled(): Promise<void>
}

export interface Destination {
  readonly kind: string
  readonly settings: Readonly<Record<string, unknown>>
  /** Undefined: it needs no authorization. */
  readonly credentials: Readonly<Record<string, unknown>> | undefined
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const clock = options.clock ?? systemClock
  const sandbox =
    options.beside ?? (await startSandbox({ clock, random: seededRandom(1), ...options.sandbox }))
  if (options.beside === undefined) onTestFinished(() => sandbox.close())
  const dataDir = options.dataDir ?? (await tempFolder())
  if (options.dataDir === undefined && options.settings?.store === undefined)
    await layStore(join(dataDir, 'store.db'))
  const hub = await startHub(
    {
      settings: readSettings(
        {},
        {
          dataDir,
          port: 0,
          segmentBytes: SEGMENT_BYTES,
          dedupeMemoryIds: DEDUPE_MEMORY_IDS,
          decompressedBytesMax: 1_048_576,
          bodyBytesMax: 1_048_576,
          ...options.settings,
        },
      ),
      clock,
      random: seededRandom(2),
      logger: hubLogger('silent'),
      ...(options.haltedRetryMs === undefined ? {} : { haltedRetryMs: options.haltedRetryMs }),
      ...(options.watchMs === undefined ? {} : { watchMs: options.watchMs }),
    },
    async () => ({
      handle: (_request, response) => response.writeHead(404).end(),
      close: async () => undefined,
    }),
  )
  onTestFinished(() => hub.close())
  if (hub.sources.find(SOURCE) === undefined) {
    await hub.sources.create({ name: SOURCE, kind: 'braze-currents', settings: {}, token: TOKEN })
  }
  return stackOf(hub, sandbox)
}

/** What is done with a hub that has the test's source. */
export function stackOf(hub: Hub, sandbox: Sandbox): Stack {
  return {
    hub,
    sandbox,
    launch: (name, destination, also, from) => launch(hub, name, destination, also, from),
    post: (events) => post(hub, events),
    settled: () => settled(hub),
  }
}

async function launch(
  hub: Hub,
  name: string,
  destination: Destination,
  also: Record<string, unknown> = {},
  from: LaunchFrom = 'now',
): Promise<Current> {
  const { credentials, ...where } = destination
  const authorization =
    credentials === undefined
      ? null
      : (
          await hub.authorizations.create({
            label: name,
            description: '',
            provider: destination.kind,
            credentials,
          })
        ).id
  const definition = CurrentDefinition.parse({
    name,
    contactEmail: 'contact@example.com',
    sources: [SOURCE],
    delivery: { waitMs: 0 },
    ...also,
    destination: { ...where, authorization },
  })
  const draft = await hub.delivery.create(definition)
  return hub.delivery.launch(draft.number, from)
}

async function post(hub: Hub, events: readonly unknown[] | string) {
  const answer = await fetch(`${hub.url}/currents/${SOURCE}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'braze-currents-version': '1',
    },
    body: typeof events === 'string' ? events : JSON.stringify({ events }),
  })
  if (answer.status !== 200) throw new Error(`the door answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as { accepted: number; duplicates: number; quarantined: number }
}

function settled(hub: Hub): Promise<void> {
  return eventually(
    'every current has settled all it accepted',
    async () => {
      const currents = await hub.currents.list()
      const statuses = await Promise.all(currents.map((current) => hub.delivery.status(current.number)))
      return statuses.every((status) => status.pending === 0)
    },
    { withinMs: 20_000 },
  ).then(() => undefined)
}

export function treasureDataRecords(sandbox: Sandbox): Destination {
  return {
    kind: 'treasure-data',
    settings: {
      form: 'records',
      host: sandbox.addresses.treasureData,
      database: DEMO.database,
      table: DEMO.table,
    },
    credentials: { writeKey: DEMO.treasureDataKey },
  }
}

export function treasureDataPostback(sandbox: Sandbox): Destination {
  return {
    kind: 'treasure-data',
    settings: {
      form: 'postback-v3',
      url: `${sandbox.addresses.treasureData}/postback/v3/event/${DEMO.database}/${DEMO.table}`,
    },
    credentials: { writeKey: DEMO.treasureDataKey },
  }
}

export function segment(sandbox: Sandbox, also: Record<string, unknown> = {}): Destination {
  return {
    kind: 'segment',
    settings: { region: 'custom', host: `${sandbox.addresses.segment}/v1`, ...also },
    credentials: { writeKey: DEMO.segmentWriteKey },
  }
}

export function httpSink(sandbox: Sandbox): Destination {
  return { kind: 'http', settings: { url: `${sandbox.addresses.http}/events` }, credentials: {} }
}

export function embeddedWarehouse(settings: Record<string, unknown> = {}): Destination {
  return { kind: 'warehouse', settings, credentials: undefined }
}

/** An event as Braze sends it, with this id. */
export function event(
  id: string,
  also: {
    type?: string
    user?: Record<string, unknown>
    properties?: Record<string, unknown>
    time?: number
  } = {},
) {
  return {
    event_type: also.type ?? 'users.messages.email.Open',
    id,
    time: also.time ?? 1_780_000_000,
    user: also.user ?? { user_id: '0123456789abcdef01234567', external_user_id: `user-${id}` },
    properties: also.properties ?? {
      campaign_id: '11234567-89ab-cdef-0123-456789abcdef',
      email_address: `${id}@example.com`,
    },
  }
}
