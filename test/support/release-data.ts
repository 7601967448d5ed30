/**
 * What a release leaves behind, so that later ones can be shown to open it: a hub with something of everything, stopped in the middle
 * of its work. scripts/release-data.ts makes it once for each release and keeps it in test/releases; test/journey/upgrade.test.ts opens a copy.
 * What is told of it (`tell`) lies beside it, so it names things as that release did: add to it, and change nothing in it.
 */

import { ActivationDefinition } from '../../src/audiences/activation.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { readSettings } from '../../src/core/settings.ts'
import { CurrentDefinition } from '../../src/currents/current.ts'
import type { BookCheck } from '../../src/delivery/books.ts'
import { HttpTransport, type Transport } from '../../src/delivery/transport.ts'
import { type Hub, hubLogger, startHub } from '../../src/hub.ts'
import { AudienceDefinition } from '../../src/profiles/audiences/registry.ts'
import { DEMO, type Sandbox } from '../../src/sandbox/sandbox.ts'
import { eventually } from './eventually.ts'
import { warehouseRows } from './warehouse-rows.ts'

export const RELEASE_TOKEN = 'release-source-token'
export const RELEASE_KEY = 'release-lytics-key'
/** Unchanged until told otherwise, it is delivered in two batches; the vendor refuses one event of the first and is away for the second. */
const FIRST = 40
const LATER = 10
export const REFUSED = 'e7'
const PATIENCE = { withinMs: 60_000 }

/** Beside the data folder: of the making. */
export interface ReleaseNote {
  readonly version: string
  readonly dialect: 'sqlite' | 'postgres'
  /** Milliseconds since the epoch; the copy is opened as if a minute had passed. */
  readonly madeAt: number
  readonly told: Told
}

/** Addresses of vendors that no machine has: the sink is here, Braze is the double. */
export class ReleaseVendors implements Transport {
  readonly #http = new HttpTransport()
  readonly #braze: string
  /** Ids that the sink took, in order. */
  readonly taken: string[] = []
  isAway = false
  refuses: string | undefined = REFUSED

  constructor({ addresses }: Sandbox) {
    this.#braze = addresses.braze
  }

  send: Transport['send'] = async (request, signal, mayStart) => {
    const url = request.url.replace('https://braze.example', this.#braze)
    if (url !== request.url) return this.#http.send({ ...request, url }, signal, mayStart)
    return { status: this.#take(request.body), headers: {}, body: new Uint8Array() }
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  #take(body: Uint8Array | readonly Uint8Array[] = []): number {
    if (this.isAway) return 503
    const bytes = body instanceof Uint8Array ? body : Buffer.concat(body)
    const { events } = JSON.parse(Buffer.from(bytes).toString()) as { events: { id: string }[] }
    if (events.some(({ id }) => id === this.refuses)) return 400
    this.taken.push(...events.map(({ id }) => id))
    return 200
  }
}

export interface ReleaseHub {
  readonly dataDir: string
  /** undefined: in the data folder. */
  readonly store: string | undefined
  readonly transport: Transport
  readonly clock?: Clock
}

export function startReleaseHub({
  dataDir,
  store,
  transport,
  clock = systemClock,
}: ReleaseHub): Promise<Hub> {
  const settings = readSettings(
    {},
    {
      dataDir,
      store,
      port: 0,
      // On PostgreSQL a node of another name would be another node.
      node: 'release',
      segmentBytes: 1_048_576,
      decompressedBytesMax: 524_288,
      bodyBytesMax: 524_288,
      dedupeMemoryIds: 65_536,
    },
  )
  return startHub({ settings, clock, transport, logger: hubLogger('silent') }, async () => ({
    handle: (_request, response) => response.writeHead(404).end(),
    close: async () => undefined,
  }))
}

export async function postEvents(
  { url }: Hub,
  ids: readonly string[],
): Promise<{ accepted: number; duplicates: number }> {
  const answer = await fetch(`${url}/currents/braze`, {
    method: 'POST',
    headers: { authorization: `Bearer ${RELEASE_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events: ids.map(eventOf) }),
  })
  if (answer.status !== 200) throw new Error(`the door answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as { accepted: number; duplicates: number }
}

function eventOf(id: string): object {
  return {
    id,
    event_type: 'users.messages.email.Open',
    time: 1_780_000_000,
    user: { user_id: '0123456789abcdef01234567', external_user_id: `user-${id}` },
    properties: { campaign_id: '11234567-89ab-cdef-0123-456789abcdef' },
  }
}

/** Records of people; those of one city are an audience. */
export async function postPeople({ url }: Hub, people: readonly object[]): Promise<void> {
  const answer = await fetch(`${url}/collect/json/braze_users`, {
    method: 'POST',
    headers: { authorization: RELEASE_KEY, 'content-type': 'application/json' },
    body: JSON.stringify(people),
  })
  if (answer.status !== 200) throw new Error(`the door answered ${answer.status}: ${await answer.text()}`)
}

/** The people that the activation is to bring into its cohort. */
export function activationOf(people: readonly string[], authorization: string): ActivationDefinition {
  return ActivationDefinition.parse({
    name: 'vip',
    contactEmail: 'contact@example.com',
    query: { sql: `select * from (values ${people.map((id) => `('${id}')`).join(', ')}) as t(user_ids)` },
    operation: 'mirror',
    destination: {
      kind: 'braze-cohort',
      settings: { instance: 'custom', host: 'https://braze.example', cohortId: 'vip' },
      authorization,
    },
  })
}

/** Runs the activation to its end. */
export async function runActivation({ audiences }: Hub): Promise<number> {
  const { run } = await audiences.startRun('vip', { trigger: 'manual', by: 'release', dry: false })
  await eventually(
    'the run has succeeded',
    async () => {
      const { state, report } = await audiences.run('vip', run)
      if (state !== 'succeeded') throw new Error(`it is ${state}: ${report.waiting ?? report.error ?? ''}`)
      return true
    },
    PATIENCE,
  )
  return run
}

/** Fills a new hub; when it resolves, the sink is away and owes LATER events. */
export async function furnish(hub: Hub, vendors: ReleaseVendors): Promise<void> {
  await hub.sources.create({ name: 'braze', kind: 'braze-currents', settings: {}, token: RELEASE_TOKEN })
  await hub.sources.create({ name: 'crm', kind: 'lytics', settings: { account: '1' }, token: RELEASE_KEY })
  const { id: authorization } = await hub.authorizations.create({
    label: 'Braze',
    description: '',
    provider: 'braze-cohort',
    credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
  })
  for (const [name, destination] of [
    ['sink', { kind: 'http', settings: { url: 'https://sink.example/in' } }],
    ['rows', { kind: 'warehouse', settings: {} }],
    ['draft', { kind: 'http', settings: { url: 'https://sink.example/draft' } }],
  ] as const) {
    const definition = CurrentDefinition.parse({
      name,
      contactEmail: 'contact@example.com',
      sources: ['braze'],
      delivery: { waitMs: 0 },
      destination,
    })
    const { number } = await hub.delivery.create(definition)
    if (name !== 'draft') await hub.delivery.launch(number, 'now')
  }
  await hub.profiles.audiences.create(
    AudienceDefinition.parse({ slug: 'in_ulm', filter: 'FILTER city = "Ulm"' }),
    'release',
  )
  await postPeople(hub, [
    { external_id: 'ann', email: 'ann@example.com', city: 'Ulm' },
    { external_id: 'bob', email: 'bob@example.com', city: 'Bonn' },
    { braze_id: 'b1', email: 'ann@example.com', first_name: 'Ann' },
  ])
  await hub.audiences.create(activationOf(['ann', 'bob', 'cyd'], authorization))
  await runActivation(hub)
  await postEvents(hub, idsOf(0, FIRST))
  await settled(hub, ['sink', 'rows'])
  vendors.isAway = true
  await postEvents(hub, idsOf(FIRST, FIRST + LATER))
  await settled(hub, ['rows'])
}

/** What the sink still owes. */
export const OWED = idsOf(FIRST, FIRST + LATER)

export function idsOf(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `e${from + i}`)
}

/** Waits until nothing is pending in these currents, and the profiles have applied the log. */
export async function settled(hub: Hub, names: readonly string[]): Promise<void> {
  await eventually(
    `${names.join(', ')} have settled all`,
    async () => {
      for (const name of names) {
        const { number } = await hub.currents.get(name)
        if ((await hub.delivery.status(number)).pending > 0) return false
      }
      const { position } = hub.profiles.status()
      return position !== undefined && position >= hub.log.head
    },
    PATIENCE,
  )
}

function booksOf({ checkpoint, accepted, delivered, dead, pending, balanced }: BookCheck) {
  return { checkpoint, accepted, delivered, dead, pending, balanced }
}

/** What a hub has, as far as anybody can ask: plain values only. */
export async function tell(hub: Hub) {
  const currents = []
  for (const { number, name, state, version } of await hub.currents.list()) {
    const books = await hub.delivery.checkBooks(number)
    currents.push({ number, name, state, version, books: books === undefined ? null : booksOf(books) })
  }
  const letters = await hub.delivery.letters.list({ limit: 10 })
  const { state, report } = await hub.audiences.run('vip', 1)
  const { added, removed, accepted, membersAfter } = report
  const [rows] = await warehouseRows(hub, 'select count(*), count(distinct id) from braze.events')
  const { size } = await hub.profiles.audiences.get('in_ulm')
  const { fields } = await hub.profiles.find('email', 'ann@example.com')
  return {
    sources: hub.sources.list().map(({ name, kind }) => ({ name, kind })),
    authorizations: (await hub.authorizations.list()).map(({ label, provider }) => ({ label, provider })),
    currents,
    letters: letters.map(({ eventId, status, attempts, state }) => ({ eventId, status, attempts, state })),
    run: { state, added, removed, accepted, membersAfter },
    profiles: { counts: await hub.profiles.desk.counts(), ann: fields, inUlm: size },
    rows: rows?.map(Number),
    log: { tail: hub.log.tail, head: hub.log.head },
  }
}

export type Told = Awaited<ReturnType<typeof tell>>
