/**
 * The demo: the hub with the vendors' doubles, simulated traffic and four launched currents, so that the whole loop can be watched without an
 * account anywhere. After a while one destination refuses some records and another one its credentials, on purpose: a dead letter and a
 * halt to mend.
 */

import type { CurrentDefinition } from './currents/current.ts'
import { CurrentDefinition as Definition } from './currents/current.ts'
import type { Hub } from './hub.ts'
import { DEMO, type Sandbox } from './sandbox/sandbox.ts'
import { simulatedSupply } from './sandbox/simulated-supply.ts'
import { createSimulation } from './sandbox/simulator/simulator.ts'

export const DEMO_SOURCE = 'braze'
/** Known to the simulated Braze and to the demo's source; worth nothing anywhere else. */
const SOURCE_TOKEN = 'thalweg-demo-currents-token'
const WEBHOOK_TOKEN = 'thalweg-demo-webhook-token'

export interface DemoOptions {
  readonly seed: number
  readonly eventsPerSecond: number
}

export const DEMO_DEFAULTS: DemoOptions = { seed: 7, eventsPerSecond: 60 }

/** When, after the start, each part of the story happens, in milliseconds. */
const REFUSALS_AT_MS = 30_000
const REFUSED_RECORDS = 5
const HALT_AT_MS = 60_000
const MENDED_AT_MS = 150_000

export interface Demo {
  /** Sentences for the screen, as the story unfolds. */
  onStory(tell: (sentence: string) => void): void
  stop(): void
}

/** Sets up what the demo needs, once: a second start finds it and goes on where the first one stopped. */
export async function startDemo(hub: Hub, sandbox: Sandbox, options: DemoOptions): Promise<Demo> {
  await ensureSource(hub)
  for (const definition of await definitions(hub, sandbox)) await ensureCurrent(hub, definition)
  sandbox.braze.vendor.startSender({
    name: 'demo',
    url: `${hub.url}/currents/${DEMO_SOURCE}`,
    token: SOURCE_TOKEN,
    supply: simulatedSupply(createSimulation({ ...options, clock: hub.clock })),
    waitMs: 1_000,
  })
  return tellStory(hub, sandbox)
}

async function ensureSource(hub: Hub): Promise<void> {
  if (hub.sources.find(DEMO_SOURCE) !== undefined) return
  await hub.sources.create({ name: DEMO_SOURCE, kind: 'braze-currents', settings: {}, token: SOURCE_TOKEN })
}

async function ensureAuthorization(
  hub: Hub,
  label: string,
  provider: string,
  credentials: Record<string, unknown>,
): Promise<string> {
  const known = (await hub.authorizations.list()).find((one) => one.label === label)
  if (known !== undefined) return known.id
  const made = await hub.authorizations.create({
    label,
    description: 'Made by the demo',
    provider,
    credentials,
  })
  return made.id
}

async function definitions(hub: Hub, sandbox: Sandbox): Promise<CurrentDefinition[]> {
  const common = {
    contactEmail: 'data-team@example.com',
    sources: [DEMO_SOURCE],
    delivery: { waitMs: 1_000 },
  }
  const { addresses } = sandbox
  return [
    {
      ...common,
      name: 'treasure-data',
      destination: {
        kind: 'treasure-data',
        settings: {
          form: 'records',
          host: addresses.treasureData,
          database: DEMO.database,
          table: DEMO.table,
        },
        authorization: await ensureAuthorization(hub, 'Demo: Treasure Data', 'treasure-data', {
          writeKey: DEMO.treasureDataKey,
        }),
      },
    },
    {
      ...common,
      name: 'segment',
      selection: { include: ['users.messages.*', 'users.campaigns.*', 'users.canvas.*'] },
      destination: {
        kind: 'segment',
        settings: { region: 'custom', host: `${addresses.segment}/v1` },
        authorization: await ensureAuthorization(hub, 'Demo: Segment', 'segment', {
          writeKey: DEMO.segmentWriteKey,
        }),
      },
    },
    {
      ...common,
      name: 'warehouse',
      externalId: 'optional',
      destination: { kind: 'warehouse' },
    },
    {
      ...common,
      name: 'webhook',
      selection: { include: ['channel:email', 'channel:push'] },
      externalId: 'optional',
      destination: {
        kind: 'http',
        settings: { url: `${addresses.http}/events` },
        authorization: await ensureAuthorization(hub, 'Demo: webhook', 'http', { token: WEBHOOK_TOKEN }),
      },
    },
  ].map((definition) => Definition.parse(definition))
}

async function ensureCurrent(hub: Hub, definition: CurrentDefinition): Promise<void> {
  const known = (await hub.currents.list()).find((current) => current.name === definition.name)
  if (known === undefined) {
    const draft = await hub.delivery.create(definition)
    await hub.delivery.launch(draft.number, 'now')
  } else if (known.state === 'draft') {
    await hub.delivery.launch(known.number, 'now')
  } else if (
    JSON.stringify(known.definition.destination.settings) !== JSON.stringify(definition.destination.settings)
  ) {
    // The doubles listen elsewhere than last time.
    await hub.delivery.revise(known.number, definition, 'the sandbox moved')
  }
}

function tellStory(hub: Hub, sandbox: Sandbox): Demo {
  let tell: (sentence: string) => void = () => undefined
  const cancels = [
    hub.clock.after(REFUSALS_AT_MS, () => {
      sandbox.treasureData.faults.set([
        {
          kind: 'refuse',
          property: 'event_type',
          equals: 'users.messages.email.Send',
          next: REFUSED_RECORDS,
        },
      ])
      tell(
        `Treasure Data refuses ${REFUSED_RECORDS} records, on purpose. They become dead letters, the others flow on: thalweg dead-letters list`,
      )
    }),
    hub.clock.after(HALT_AT_MS, () => {
      sandbox.http.faults.set([{ kind: 'status', status: 401, body: '{"error":"token expired"}' }])
      tell(
        'The webhook no longer accepts its token, on purpose. Its current halts and loses nothing: thalweg currents show webhook',
      )
    }),
    hub.clock.after(MENDED_AT_MS, () => {
      sandbox.http.faults.clear()
      tell(
        'The webhook is well again. Resume the current and see it catch up: thalweg currents resume webhook',
      )
    }),
  ]
  return {
    onStory: (listener) => {
      tell = listener
    },
    stop: () => {
      for (const cancel of cancels) cancel()
    },
  }
}
