/**
 * Kill -9 of the hub in the middle of runs: each is taken up by the next process and comes to its end, nobody is lost, the numbers
 * close, and what was refused, cut or answered to nobody before does not show in the cohort.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ActivationDefinition } from '../../src/audiences/activation.ts'
import type { Run } from '../../src/audiences/run.ts'
import { type Random, seededRandom } from '../../src/core/random.ts'
import { testSeed } from '../../src/delivery/delivery.fixture.ts'
import { ADMIN_TOKEN_FILE } from '../../src/programs.ts'
import type { FaultRule } from '../../src/sandbox/faults.ts'
import { DEMO, type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { apiOf } from '../support/api-client.ts'
import { ENDED, expectClosed } from '../support/cohorts.ts'
import { eventually } from '../support/eventually.ts'
import { type Program, startProgram } from '../support/program.ts'
import { startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const REQUESTS = 1_000
/** Smaller requests than Braze takes, so that a thousand of them are made in seconds. */
const PER_REQUEST = 50
const PEOPLE = REQUESTS * PER_REQUEST
const KILLS = 3
const LATER_RUNS = 1
/** A life that is not ended by its requests. */
const LIFE_MS_MAX = 3_000

test('a run of 1,000 requests and those after it survive kills', async () => {
  const random = seededRandom(testSeed('cohort kill'))
  const sandbox = await startSandbox({ random })
  onTestFinished(() => sandbox.close())
  const { profiles } = sandbox.braze.vendor
  for (let i = 0; i < PEOPLE; i++) profiles.load({ externalId: `u${i}` }, 0)
  const dataDir = await tempFolder()
  await prepare(dataDir, sandbox)

  // The first run was left by the hub that prepared.
  const latency: FaultRule = { kind: 'latency', ms: 10, path: '/partners/' }
  sandbox.braze.faults.set([latency])
  const { tally } = sandbox.braze.vendor.cohorts
  const moments = Array.from({ length: KILLS }, () => Math.floor(random() * REQUESTS * 0.9)).sort(
    (a, b) => a - b,
  )
  for (const moment of moments) {
    const hub = await startProgram(dataDir)
    await eventually('so many requests were made', () => tally.requests >= moment, { withinMs: 60_000 })
    await killed(hub)
  }
  expect(tally.requests, 'it was killed in the middle').toBeLessThan(REQUESTS * 1.5)
  let hub = await startProgram(dataDir)
  const first = await ended(hub, dataDir, 1)
  expect(first).toMatchObject({ state: 'succeeded', report: { added: PEOPLE, accepted: PEOPLE } })
  expectCohort(sandbox, first, 0, PEOPLE)
  expect(tally.requests).toBeGreaterThanOrEqual(REQUESTS)

  for (let n = 2; n < 2 + LATER_RUNS; n++) {
    const from = Math.floor(random() * PEOPLE * 0.5)
    const to = from + Math.floor(random() * PEOPLE * 0.5)
    await ask(hub, dataDir, 'PUT', '', {
      definition: definitionOf(sandbox, await authorizationOf(hub, dataDir), from, to),
    })
    await ask(hub, dataDir, 'POST', '/runs', {})
    for (let kills = 0; kills < 2; kills++) {
      sandbox.braze.faults.set([latency, ...faults(random)])
      await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX))
      await killed(hub)
      hub = await startProgram(dataDir)
    }
    expectCohort(sandbox, await ended(hub, dataDir, n), from, to)
  }
  expect(sandbox.braze.vendor.excess).toEqual({ items: 0, rate: 0, bytes: 0 })
}, 240_000)

/** An activation, its first run just begun, and the hub that did so gone. */
async function prepare(dataDir: string, sandbox: Sandbox): Promise<void> {
  const { hub } = await startStack({ dataDir, beside: sandbox })
  const { id } = await hub.authorizations.create({
    label: 'braze',
    description: '',
    provider: 'braze-cohort',
    credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
  })
  const { current } = await hub.audiences.create(
    ActivationDefinition.parse(definitionOf(sandbox, id, 0, PEOPLE)),
  )
  const { definition } = await hub.currents.get(current)
  await hub.delivery.revise(
    current,
    { ...definition, delivery: { ...definition.delivery, recordsMax: PER_REQUEST } },
    '',
  )
  await hub.audiences.startRun('vip', { trigger: 'manual', by: 'test', dry: false })
  await hub.close()
}

function definitionOf(sandbox: Sandbox, authorization: string, from: number, to: number): object {
  return {
    name: 'vip',
    contactEmail: 'contact@example.com',
    query: { sql: `select 'u' || range as user_ids from range(${from}, ${to})` },
    operation: 'mirror',
    brake: { removedShareMax: 1 },
    destination: {
      kind: 'braze-cohort',
      settings: { instance: 'custom', host: sandbox.addresses.braze, cohortId: 'c1' },
      authorization,
    },
  }
}

function faults(random: Random): FaultRule[] {
  const path = '/partners/'
  const all: FaultRule[] = [
    { kind: 'drop_after', path, next: 2 },
    { kind: 'drop_before', path, next: 2 },
    { kind: 'status', status: 429, headers: { 'retry-after': '1' }, path, next: 1 },
    { kind: 'status', status: 423, path, next: 1 },
    { kind: 'status', status: 503, path, next: 1 },
  ]
  return all.filter(() => random() < 0.4)
}

async function killed({ child, gone }: Program): Promise<void> {
  child.kill('SIGKILL')
  await gone
}

async function ended(hub: Program, dataDir: string, number: number): Promise<Run> {
  return eventually(
    'the run has ended',
    async () => {
      const run = (await ask(hub, dataDir, 'GET', `/runs/${number}`)) as Run
      return ENDED.has(run.state) ? run : undefined
    },
    { withinMs: 90_000 },
  )
}

async function authorizationOf(hub: Program, dataDir: string): Promise<string> {
  const { definition } = (await ask(hub, dataDir, 'GET', '')) as { definition: ActivationDefinition }
  return definition.destination.authorization
}

/** Asks the API about the activation. */
function ask(hub: Program, dataDir: string, method: string, path: string, body?: object): Promise<unknown> {
  const token = readFileSync(join(dataDir, ADMIN_TOKEN_FILE), 'utf8').trim()
  return apiOf(hub.url, token)(method, `/activations/vip${path}`, body)
}

function expectCohort(sandbox: Sandbox, run: Run, from: number, to: number): void {
  expectClosed(run)
  expect(run.state).toBe('succeeded')
  const members = sandbox.braze.vendor.cohorts.get(DEMO.brazePartner, 'c1')?.members ?? new Set()
  const missing = []
  for (let i = from; i < to; i++) {
    const profile = sandbox.braze.vendor.profiles.byExternalId(`u${i}`)
    if (profile === undefined || !members.has(profile)) missing.push(`u${i}`)
  }
  expect([members.size, missing.slice(0, 10)]).toEqual([to - from, []])
}
