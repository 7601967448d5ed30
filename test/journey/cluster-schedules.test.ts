/** Three hubs on one store and one log, on one virtual clock: what is due runs once, on whichever has the schedules. */

import { expect, onTestFinished, test } from 'vitest'
import { ActivationDefinition } from '../../src/audiences/activation.ts'
import { FINISHED } from '../../src/audiences/run.ts'
import { VirtualClock } from '../../src/core/clock.ts'
import type { Hub } from '../../src/hub.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { TestNats } from '../support/nats.ts'
import { type Stack, startStack } from '../support/stack.ts'
import { freshStoreUrl } from '../support/store.ts'

const TICK_MS = 20
const KEY = Buffer.alloc(32, 3).toString('base64')

test('a schedule fires once with three nodes, and goes on when the node that has it leaves', async () => {
  const clock = new VirtualClock(Date.parse('2026-03-02T08:59:00Z'))
  const store = await freshStoreUrl('postgres')
  const nats = await TestNats.start({ servers: 1 })
  onTestFinished(() => nats.close())
  const log = nats.address()
  const stacks: Stack[] = []
  for (const node of ['a', 'b', 'c'])
    stacks.push(
      await startStack({
        clock,
        settings: { store, log, node, key: KEY, leaseMs: '2s' },
        ...(stacks[0] === undefined ? {} : { beside: stacks[0].sandbox }),
      }),
    )
  const [{ sandbox }] = stacks as [Stack]
  sandbox.braze.vendor.profiles.load({ externalId: 'ann' }, 0)
  const holders = (): Hub[] => stacks.map(({ hub }) => hub).filter(({ cluster }) => cluster.has('schedule'))
  const holder = await eventually('one has the schedules', () => holders()[0])
  expect(holders().length).toBe(1)

  const { id } = await holder.authorizations.create({
    label: 'braze',
    description: '',
    provider: 'braze-cohort',
    credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
  })
  await holder.audiences.create(
    ActivationDefinition.parse({
      name: 'often',
      contactEmail: 'contact@example.com',
      query: { sql: "select 'ann' as user_ids" },
      operation: 'mirror',
      destination: {
        kind: 'braze-cohort',
        settings: { instance: 'custom', host: sandbox.addresses.braze, cohortId: 'often' },
        authorization: id,
      },
      schedule: { when: 'cron', cron: '0 * * * *', timeZone: 'UTC' },
    }),
  )
  const over = (count: number): Promise<unknown> =>
    eventually(
      `${count} runs are over`,
      async () => {
        const { audiences } = holders()[0] ?? holder
        const { number } = await audiences.activations.get('often')
        const runs = await audiences.runs.list({ activation: number, limit: 100 })
        if (runs.length === count && runs.every(({ state }) => FINISHED.has(state))) return runs
        await clock.advance(TICK_MS)
        return false
      },
      { withinMs: 60_000 },
    )

  await clock.advance(2 * 60_000)
  await over(1)
  await clock.advance(60 * 60_000)
  await over(2)
  await holder.close()
  await eventually('another has the schedules', () => holders().length === 1 && holders()[0] !== holder)
  await clock.advance(60 * 60_000)
  await over(3)
}, 180_000)
