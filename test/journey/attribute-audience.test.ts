/** An audience as an attribute of Braze profiles, for those without a partner key: /users/track, by difference, one word per person. */

import { describe, expect, test } from 'vitest'
import { ActivationDefinition } from '../../src/audiences/activation.ts'
import type { Run } from '../../src/audiences/run.ts'
import type { Person } from '../../src/sandbox/braze/profiles.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { ENDED, expectClosed } from '../support/cohorts.ts'
import { eventually } from '../support/eventually.ts'
import { type Stack, startStack } from '../support/stack.ts'

const PEOPLE: readonly Person[] = [
  { externalId: 'ann', custom: { audiences: ['older'] } },
  { externalId: 'bob', aliases: [{ label: 'mail', name: 'bob@x.io' }] },
  { externalId: 'cyd' },
  { devices: ['dev-1'], aliases: [{ label: 'mail', name: 'anonymous@x.io' }] },
]

/** Rows: external id, mail, device. */
type Row = readonly [string | null, string | null, string | null]

class Audience {
  readonly stack: Stack

  private constructor(stack: Stack) {
    this.stack = stack
  }

  static async of(rows: readonly Row[], settings: object): Promise<Audience> {
    const stack = await startStack()
    const { hub, sandbox } = stack
    for (const person of PEOPLE) sandbox.braze.vendor.profiles.load(person, 0)
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
        query: { sql: sqlOf(rows) },
        operation: 'mirror',
        aliases: ['mail'],
        brake: { removedShareMax: 1 },
        destination: {
          kind: 'braze-attribute',
          settings: {
            instance: 'custom',
            host: sandbox.addresses.braze,
            attribute: 'audiences',
            ...settings,
          },
          authorization: id,
        },
      }),
    )
    return new Audience(stack)
  }

  async becomes(rows: readonly Row[]): Promise<void> {
    const { audiences } = this.stack.hub
    const { definition } = await audiences.activations.get('vip')
    await audiences.revise('vip', { ...definition, query: { engine: 'warehouse', sql: sqlOf(rows) } }, '')
  }

  async ran(retryOf?: number): Promise<Run> {
    const { audiences } = this.stack.hub
    const how =
      retryOf === undefined ? { trigger: 'manual' as const } : { trigger: 'retry' as const, retryOf }
    const { run } = await audiences.startRun('vip', { ...how, by: 'test', dry: false })
    const ended = await eventually('the run has ended', async () => {
      const now = await audiences.run('vip', run)
      return ENDED.has(now.state) ? now : undefined
    })
    expectClosed(ended)
    return ended
  }

  /** The attribute of everybody, by external id; of the anonymous one under ''. */
  written(): Record<string, unknown> {
    const all = [...this.stack.sandbox.braze.vendor.profiles.all()]
    return Object.fromEntries(
      all.map(({ externalId = '', custom }) => [externalId, custom?.get('audiences')]),
    )
  }
}

function sqlOf(rows: readonly Row[]): string {
  const cell = (value: string | null): string => (value === null ? 'null::varchar' : `'${value}'`)
  return `select * from (values ${rows.map((row) => `(${row.map(cell).join(', ')})`).join(', ')}) as t(user_ids, mail, device_ids)`
}

const EVERYBODY: readonly Row[] = [
  ['ann', null, null],
  [null, 'bob@x.io', null],
  [null, 'anonymous@x.io', null],
  ['stranger', null, null],
  [null, null, 'dev-1'],
]

describe('array', () => {
  test('the value is added to and taken from the arrays of those who exist, by difference', async () => {
    const audience = await Audience.of(EVERYBODY, { value: 'vip' })
    const first = await audience.ran()
    expect(first.state).toBe('succeeded')
    expect(first.report).toMatchObject({ added: 4, accepted: 4, cost: { requests: 1, dataPoints: 4 } })
    expect(first.report.invalid.blank?.count).toBe(1)
    expect(first.report.notices).toEqual([
      'Column device_ids is ignored: this destination cannot find people by device.',
    ])
    expect(audience.written()).toEqual({ ann: ['older', 'vip'], bob: ['vip'], cyd: undefined, '': ['vip'] })

    await audience.becomes([['cyd', null, null]])
    expect((await audience.ran()).report).toMatchObject({ added: 1, removed: 4, accepted: 5 })
    expect(audience.written()).toEqual({ ann: ['older'], bob: [], cyd: ['vip'], '': [] })
    expect(audience.stack.sandbox.braze.vendor.excess).toEqual({ items: 0, rate: 0, bytes: 0 })
  })

  test('75 people a request, and no more', async () => {
    const audience = await Audience.of([['ann', null, null]], { value: 'vip' })
    const { profiles } = audience.stack.sandbox.braze.vendor
    for (let i = 0; i < 200; i++) profiles.load({ externalId: `u${i}` }, 0)
    await audience.becomes(Array.from({ length: 200 }, (_, i): Row => [`u${i}`, null, null]))
    expect((await audience.ran()).report).toMatchObject({ accepted: 200, cost: { requests: 3 } })
    expect(
      Object.values(audience.written()).filter((value) => Array.isArray(value) && value.includes('vip')),
    ).toHaveLength(200)
    expect(audience.stack.sandbox.braze.vendor.excess.items).toBe(0)
  })
})

test('boolean: true while somebody is in, false afterwards', async () => {
  const audience = await Audience.of(EVERYBODY.slice(0, 3), { form: 'boolean' })
  await audience.ran()
  expect(audience.written()).toEqual({ ann: true, bob: true, cyd: undefined, '': true })
  await audience.becomes([['ann', null, null]])
  await audience.ran()
  expect(audience.written()).toEqual({ ann: true, bob: false, cyd: undefined, '': false })
})

test('of a request that is taken in part, each person is told apart; the refused ones can be retried', async () => {
  const audience = await Audience.of(
    [
      ['ann', null, null],
      [null, 'bob@x.io', null],
      ['cyd', null, null],
    ],
    { value: 'vip' },
  )
  const { sandbox, hub } = audience.stack
  sandbox.braze.faults.set([
    { kind: 'refuse', ids: ['bob@x.io', 'cyd'], error: 'bad data', path: '/users/track' },
  ])
  const run = await audience.ran()
  expect([run.state, run.report.accepted, run.report.rejected]).toEqual(['partial', 1, 2])
  expect(audience.written()).toMatchObject({ ann: ['older', 'vip'], bob: undefined, cyd: undefined })
  const letters = await hub.delivery.letters.list({ limit: 10 })
  expect(letters.map(({ message }) => message)).toEqual([
    'Braze refuses this update: bad data',
    'Braze refuses this update: bad data',
  ])
  const requests = sandbox.braze.tally.requests
  sandbox.braze.faults.clear()
  expect((await audience.ran(run.run)).report).toMatchObject({ added: 2, accepted: 2 })
  expect(audience.written()).toMatchObject({ ann: ['older', 'vip'], bob: ['vip'], cyd: ['vip'] })
  expect(sandbox.braze.tally.requests - requests).toBe(1)
})
