/** A person who is in every store, and the look through every byte afterwards. */

import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ActivationDefinition } from '../../src/audiences/activation.ts'
import type { SubjectIdentifier } from '../../src/core/traces.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { ENDED } from './cohorts.ts'
import { eventually } from './eventually.ts'
import { embeddedWarehouse, event, httpSink, type Stack } from './stack.ts'

export const JANE = {
  externalId: 'customer-jane-4711',
  brazeId: 'aaaa5678aaaa5678aaaa5678',
  email: 'jane.doe+news@example.com',
  /** Her profile alone knows it. */
  privateEmail: 'jane@home.example',
  phone: '+491512345678',
  device: 'jane-device-0001',
} as const

export const GIVEN: readonly SubjectIdentifier[] = [
  { kind: 'external_id', label: '', value: JANE.externalId },
]

/** Words by which a file would betray her. */
const WORDS = ['jane', JANE.brazeId, '1512345678']

/** Files below the folder that hold one of her identifiers, in any letters. */
export async function filesHolding(folder: string, words: readonly string[] = WORDS): Promise<string[]> {
  const held: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = (await readFile(path)).toString('latin1').toLowerCase()
    if (words.some((word) => bytes.includes(word))) held.push(relative(folder, path))
  }
  return held.sort()
}

/** Event n of hers. */
export function hers(n: number, properties: Record<string, unknown> = {}) {
  return event(`hers-${n}`, {
    user: { user_id: JANE.brazeId, external_user_id: JANE.externalId, device_id: JANE.device },
    properties: { campaign_id: 'c1', ...properties },
  })
}

export function others(n: number, properties: Record<string, unknown> = {}) {
  return event(`others-${n}`, {
    user: { user_id: `bbbb${String(n).padStart(20, '0')}`, external_user_id: `customer-${n}` },
    properties: { campaign_id: 'c1', email_address: `other-${n}@example.com`, ...properties },
  })
}

export interface Populated {
  /** Of the REST key for Braze. */
  readonly authorization: string
  readonly currents: readonly number[]
}

/** Events in the log, both shapes of the warehouse, Parquet files, dead letters, quarantine, samples; she is in a cohort and at Braze. */
export async function populate(stack: Stack): Promise<Populated> {
  const { hub, sandbox } = stack
  const { profiles } = sandbox.braze.vendor
  profiles.load({ externalId: JANE.externalId, brazeId: JANE.brazeId, devices: [JANE.device] }, 0)
  for (let n = 0; n < 3; n++) profiles.load({ externalId: `customer-${n}` }, 0)
  sandbox.http.faults.set([{ kind: 'refuse', property: 'properties.verdict', equals: 'refuse' }])
  const warehouse = await stack.launch('tables', embeddedWarehouse())
  const parquet = await stack.launch('files', {
    kind: 'parquet',
    settings: { flushSeconds: 1 },
    credentials: undefined,
  })
  const http = await stack.launch('receiver', httpSink(sandbox), { delivery: { waitMs: 0, recordsMax: 10 } })
  for (let round = 0; round < 10; round++) {
    const at = round * 10
    await stack.post([
      hers(at, { email_address: JANE.email }),
      ...Array.from({ length: 8 }, (_, i) => others(at + i)),
      hers(at + 1, { to_phone_number: JANE.phone, [`field_${round}`]: JANE.email.toUpperCase() }),
    ])
  }
  await stack.post([
    hers(100, { verdict: 'refuse' }),
    others(100, { verdict: 'refuse', note: `writes to ${JANE.email}` }),
    others(101, { verdict: 'refuse' }),
    others(102, { note: `brought by ${JANE.externalId}; paid` }),
  ])
  // Repeats that dedupe drops stay in the bytes of their request.
  await stack.post([others(103), hers(100, { verdict: 'refuse' })])
  await stack.post(
    `{"events":[{"id":"q1","event_type":1,"user":{"external_user_id":"${JANE.externalId}"}},7]}`,
  )
  await populateProfiles(stack)
  await stack.settled()
  const { id } = await hub.authorizations.create({
    label: 'braze',
    description: '',
    provider: 'braze-attribute',
    credentials: { restKey: DEMO.brazeRestKey },
  })
  await hub.audiences.create(
    ActivationDefinition.parse({
      name: 'vip',
      contactEmail: 'contact@example.com',
      query: { sql: 'select distinct external_user_id as user_ids from events' },
      operation: 'mirror',
      destination: {
        kind: 'braze-attribute',
        settings: { instance: 'custom', host: sandbox.addresses.braze, attribute: 'audiences', value: 'vip' },
        authorization: id,
      },
    }),
  )
  const run = await hub.audiences.startRun('vip', { trigger: 'manual', by: 'test', dry: false })
  await eventually(
    'the run has ended',
    async () => ENDED.has((await hub.audiences.run('vip', run.run)).state),
    {
      withinMs: 20_000,
    },
  )
  await hub.savedQueries.create(
    'her-orders',
    {
      engine: 'warehouse',
      sql: `select * from events where external_user_id = '${JANE.externalId}'`,
      description: `asked by ${JANE.email}`,
    },
    'test',
  )
  await eventually('the accounts are at the end of the log', async () => {
    const { head } = hub.log
    const people = hub.profiles.status().position ?? 0
    return hub.drift.position >= head && hub.delivery.intake.position >= head && people >= head
  })
  return { authorization: id, currents: [warehouse.number, parquet.number, http.number] }
}

async function populateProfiles({ hub }: Stack): Promise<void> {
  const token = 'lytics-token'
  await hub.sources.create({ name: 'lytics', kind: 'lytics', settings: { account: '1' }, token })
  const records = [
    { external_id: JANE.externalId, email: JANE.privateEmail, first_name: 'Jane', city: 'London' },
    { external_id: 'customer-1', email: 'one@example.com', first_name: `friend of ${JANE.externalId}` },
    { external_id: 'customer-2', email: 'two@example.com' },
  ]
  const answer = await fetch(`${hub.url}/collect/json/braze_users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: token },
    body: JSON.stringify(records),
  })
  if (answer.status !== 200) throw new Error(`the door answered ${answer.status}`)
}
