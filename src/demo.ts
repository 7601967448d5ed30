/**
 * The demo: the hub with the vendors' doubles, simulated traffic and four launched currents, so that the whole loop can be watched without an
 * account anywhere. After a while one destination refuses some records and another one its credentials, on purpose: a dead letter and a
 * halt to mend.
 */

import { ActivationDefinition as Activation, type ActivationDefinition } from './audiences/activation.ts'
import type { CurrentDefinition } from './currents/current.ts'
import { CurrentDefinition as Definition } from './currents/current.ts'
import type { Hub } from './hub.ts'
import { AudienceDefinition } from './profiles/audiences/registry.ts'
import { ExportDefinition } from './profiles/exports/definition.ts'
import { DEMO, type Sandbox } from './sandbox/sandbox.ts'
import { simulatedSupply } from './sandbox/simulated-supply.ts'
import { createSimulation } from './sandbox/simulator/simulator.ts'
import type { World } from './sandbox/simulator/world.ts'

export const DEMO_SOURCE = 'braze'
/** Known to the simulated Braze and to the demo's source; worth nothing anywhere else. */
const SOURCE_TOKEN = 'thalweg-demo-currents-token'
const WEBHOOK_TOKEN = 'thalweg-demo-webhook-token'
const EVENT_STREAM = 'braze_events'
const READERS = 'eager_readers'
const READERS_EXPORT = 'eager-readers'

export interface DemoOptions {
  readonly seed: number
  readonly eventsPerSecond: number
}

export const DEMO_DEFAULTS: DemoOptions = { seed: 7, eventsPerSecond: 60 }

/** When, after the start, each part of the story happens, in milliseconds. */
const REFUSALS_AT_MS = 30_000
const REFUSED_RECORDS = 5
const HALT_AT_MS = 60_000
const MENDED_AT_MS = 120_000

export interface Demo {
  /** Sentences for the screen, as the story unfolds. */
  onStory(tell: (sentence: string) => void): void
  stop(): void
}

/** Sets up what the demo needs, once: a second start finds it and goes on where the first one stopped. */
export async function startDemo(hub: Hub, sandbox: Sandbox, options: DemoOptions): Promise<Demo> {
  await ensureSource(hub)
  for (const definition of await definitions(hub, sandbox)) await ensureCurrent(hub, definition)
  const simulation = createSimulation({ ...options, clock: hub.clock })
  populate(sandbox, simulation.world, hub.clock.now())
  await ensureActivation(hub, await activation(hub, sandbox))
  await ensureLoop(hub, sandbox)
  sandbox.braze.vendor.startSender({
    name: 'demo',
    url: `${hub.url}/currents/${DEMO_SOURCE}`,
    token: SOURCE_TOKEN,
    supply: simulatedSupply(simulation),
    waitMs: 1_000,
  })
  return tellStory(hub, sandbox)
}

/** The people that the simulated events are about live in the Braze double, too. */
function populate({ braze }: Sandbox, { users }: World, nowMs: number): void {
  for (const { brazeId, externalId, email, device, country, language } of users) {
    braze.vendor.profiles.load(
      { brazeId, externalId, devices: [device.id], fields: { email, country, language } },
      nowMs,
    )
  }
}

/** A cohort to try: who opened an e-mail. It runs when it is told to. */
async function activation(hub: Hub, { addresses }: Sandbox): Promise<ActivationDefinition> {
  return Activation.parse({
    name: 'email-openers',
    description: 'Who opened an e-mail, as a cohort in the Braze double',
    contactEmail: 'data-team@example.com',
    query: {
      sql: "select distinct external_user_id as user_ids from events where event_type = 'users.messages.email.Open' and external_user_id is not null",
    },
    operation: 'mirror',
    cohortName: 'E-mail openers',
    destination: {
      kind: 'braze-cohort',
      settings: {
        instance: 'custom',
        host: addresses.braze,
        partner: DEMO.brazePartner,
        cohortId: 'email-openers',
      },
      authorization: await ensureAuthorization(hub, 'Demo: Braze cohorts', 'braze-cohort', {
        importKey: DEMO.brazeImportKey,
        partnerKey: DEMO.brazePartnerKey,
      }),
    },
  })
}

async function ensureActivation({ audiences }: Hub, definition: ActivationDefinition): Promise<void> {
  const known = (await audiences.activations.list()).find(({ name }) => name === definition.name)
  if (known === undefined) {
    await audiences.create(definition)
    return
  }
  // A run that the last stop left behind goes on by itself; then its definition stays.
  if ((await audiences.runs.unfinished()).some(({ activation }) => activation === known.number)) return
  if (JSON.stringify(known.definition) !== JSON.stringify(definition))
    await audiences.revise(known.number, definition, 'the doubles listen elsewhere than last time')
  // The double forgets its cohorts when it stops.
  await audiences.resync(known.number)
}

/**
 * The way back: who opened three e-mails in seven days, by profiles that Currents feeds, as an element of an attribute in
 * the Braze double. The double has forgotten what an earlier demo told it, so the export is made anew.
 */
async function ensureLoop(hub: Hub, { addresses }: Sandbox): Promise<void> {
  const { profiles, exports } = hub
  const { definition } = profiles.schemas.present
  const streams = definition.streams.map((stream) =>
    stream.name === EVENT_STREAM ? { ...stream, active: true } : stream,
  )
  if (!definition.streams.some(({ name, active }) => name === EVENT_STREAM && active))
    await profiles.revise({ ...definition, streams }, 'profiles of whoever does something', 'demo')
  const known = (await profiles.audiences.list()).find(({ slug }) => slug === READERS)
  const audience =
    known ??
    (await profiles.audiences.create(
      AudienceDefinition.parse({
        slug: READERS,
        name: 'Eager readers',
        description: 'Who opened three e-mails in seven days',
        filter: 'FILTER timewindow(events.`users.messages.email.Open`, 3, 7)',
      }),
      'demo',
    ))
  const before = (await exports.registry.list()).find(({ name }) => name === READERS_EXPORT)
  if (before !== undefined) await exports.remove(before.number, 'leave')
  const made = await exports.create(
    ExportDefinition.parse({
      name: READERS_EXPORT,
      description: 'Eager readers, as an element of lytics_segments in the Braze double',
      contactEmail: 'data-team@example.com',
      audiences: [audience.number],
      identifiers: { externalIdField: 'external_id', brazeIdField: 'br_user_id' },
      existingUsers: true,
      waitMs: 2_000,
      destination: {
        settings: { instance: 'custom', host: addresses.braze },
        authorization: await ensureAuthorization(hub, 'Demo: Braze audiences', 'braze-audiences', {
          restKey: DEMO.brazeRestKey,
        }),
      },
    }),
    'demo',
  )
  await exports.begin(made.number)
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
