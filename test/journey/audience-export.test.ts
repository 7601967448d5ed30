/** From a record at the door to the array at Braze: audiences of profiles exported by an operator, through kills, renames and joins. */

import { expect, test } from 'vitest'
import { type CliStack, startCli } from '../../src/cli/cli.fixture.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { ATTRIBUTE, elementsOf } from '../support/exports.ts'

const TOKEN = 'lytics-token'
const TIMEOUT = { timeout: 90_000 }
const WAIT_MS = 300

interface World extends CliStack {
  send(records: readonly object[]): Promise<void>
  /** The array of each at Braze, by external id, becomes this. */
  held(expected: Readonly<Record<string, readonly string[]>>): Promise<void>
}

async function begun(): Promise<World> {
  const stack = await startCli({ haltedRetryMs: 500 })
  const { hub, sandbox, thalweg } = stack
  await hub.sources.create({ name: 'lytics', kind: 'lytics', settings: { account: '1' }, token: TOKEN })
  const { profiles } = sandbox.braze.vendor
  for (const externalId of ['ann', 'bob', 'cyd', 'cyd2']) profiles.load({ externalId }, 0)
  for (const [slug, city] of [
    ['romans', 'Rome'],
    ['parisians', 'Paris'],
  ])
    await thalweg(['audiences', 'create', '-'], { stdin: `FILTER city = "${city}" ALIAS ${slug}` })
  const key = await thalweg(
    ['authorizations', 'create', '--label', 'braze', '--provider', 'braze-audiences', '--json'],
    { stdin: JSON.stringify({ restKey: DEMO.brazeRestKey }) },
  )
  const definition = {
    name: 'to-braze',
    contactEmail: 'contact@example.com',
    audiences: [1, 2],
    identifiers: { externalIdField: 'external_id', brazeIdField: 'br_user_id' },
    existingUsers: true,
    waitMs: WAIT_MS,
    destination: {
      settings: { instance: 'custom', host: sandbox.addresses.braze },
      authorization: key.json.id,
    },
  }
  const made = await thalweg(['exports', 'create', '-'], { stdin: JSON.stringify(definition) })
  expect([made.code, made.err]).toEqual([0, ''])
  return {
    ...stack,
    async send(records) {
      const answer = await fetch(`${hub.url}/collect/json/braze_users`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: TOKEN },
        body: JSON.stringify(records),
      })
      expect(answer.status).toBe(200)
    },
    async held(expected) {
      const now = () =>
        Object.fromEntries(
          Object.keys(expected).map((id) => [
            id,
            elementsOf(profiles.byExternalId(id)?.custom?.get(ATTRIBUTE)).join(),
          ]),
        )
      const wanted = Object.fromEntries(Object.entries(expected).map(([id, slugs]) => [id, slugs.join()]))
      await eventually(
        `Braze holds ${JSON.stringify(wanted)}`,
        () => {
          expect(now()).toEqual(wanted)
          return true
        },
        { withinMs: 20_000 },
      )
    },
  }
}

test(
  'people enter and leave, are renamed, joined and split, and nothing stale is left',
  TIMEOUT,
  async () => {
    const { hub, thalweg, send, held } = await begun()
    await send([
      { external_id: 'ann', city: 'Rome' },
      { external_id: 'bob', city: 'Paris' },
      { external_id: 'nobody-at-braze', city: 'Rome' },
      { email: 'no-id@example.com', city: 'Rome' },
    ])
    await eventually('the audience has three members', async () => {
      const shown = await thalweg(['audiences', 'show', 'romans', '--json'])
      return shown.json.size === 3
    })
    const preview = await thalweg(['exports', 'preview', 'to-braze', '--json'])
    expect(preview.json).toMatchObject({ members: 3, people: 3, omitted: 1, requests: 1, dataPoints: 3 })
    expect((await thalweg(['exports', 'preview', 'to-braze'])).out).toContain('3 people are sent')
    expect((await thalweg(['exports', 'start', 'to-braze'])).out).toContain('is running')
    await held({ ann: ['romans'], bob: ['parisians'], cyd: [] })
    await eventually('why tells what was carried', async () => {
      const why = await thalweg(['audiences', 'why', 'romans', 'external_id=ann'])
      return why.out.includes('The export to-braze knows ann: the slug is wanted, accepted, settled')
    })
    expect((await thalweg(['audiences', 'show', 'romans'])).out).toMatch(/needed by +the export to-braze/)

    // Moves, with a process of the profiles that is killed among them.
    await send([{ external_id: 'ann', city: 'Paris' }])
    const pid = await hub.profiles.client.pid()
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    await send([
      { external_id: 'bob', city: 'Oslo' },
      { external_id: 'cyd', city: 'Rome' },
    ])
    await held({ ann: ['parisians'], bob: [], cyd: ['romans'] })

    await thalweg(['audiences', 'revise', 'romans', '-', '--slug', 'eternal'], {
      stdin: 'FILTER city = "Rome"',
    })
    await held({ ann: ['parisians'], cyd: ['eternal'] })
    const inUse = await thalweg(['audiences', 'delete', 'eternal', '--yes'])
    expect([inUse.code, inUse.err]).toEqual([1, expect.stringContaining('to-braze')])

    const people = await thalweg(['exports', 'people', 'to-braze', '--value', 'cyd', '--json'])
    expect(people.json.people).toMatchObject([{ sent: ['eternal'], state: 'settled', wanted: [1] }])
    expect((await thalweg(['exports', 'people', 'to-braze'])).out).toContain('eternal')
    const log = await thalweg(['exports', 'log', 'to-braze', '--json'])
    expect(log.json.entries.at(-1)).toMatchObject({ lane: 'backfill', people: 3, added: 3, status: 201 })
    expect((await thalweg(['exports', 'log', 'to-braze'])).out).toContain('backfill')
    const shown = await thalweg(['exports', 'show', 'to-braze'])
    expect(shown.out).toContain('external id external_id, then Braze id br_user_id')
  },
)

test(
  'what stands otherwise at Braze is found and mended, and a deleted export cleans up',
  TIMEOUT,
  async () => {
    const { sandbox, thalweg, send, held } = await begun()
    await send([
      { external_id: 'ann', city: 'Rome' },
      { external_id: 'bob', city: 'Paris' },
    ])
    await thalweg(['exports', 'start', 'to-braze'])
    await held({ ann: ['romans'], bob: ['parisians'] })

    const { profiles } = sandbox.braze.vendor
    profiles.byExternalId('ann')?.custom?.set(ATTRIBUTE, ['other', 'parisians'])
    const found = await thalweg(['exports', 'reconcile', 'to-braze'])
    expect(found.code).toBe(1)
    expect(found.out).toMatch(/missing +1 people/)
    expect(found.out).toContain('- romans + parisians')
    expect((await thalweg(['exports', 'reconcile', 'to-braze', '--repair'])).code).toBe(0)
    await held({ ann: ['other', 'romans'] })
    expect((await thalweg(['exports', 'reconcile', 'to-braze', '--json'])).json).toMatchObject({
      missing: 0,
      stale: 0,
    })

    // A refusal: kept, told, tried again.
    sandbox.braze.faults.set([{ kind: 'refuse', ids: ['bob'], error: 'not this one' }])
    await send([{ external_id: 'bob', city: 'Rome' }])
    await eventually('bob is refused', async () => {
      const { json } = await thalweg(['exports', 'refused', 'to-braze', '--json'])
      return json.people.length === 1
    })
    expect((await thalweg(['exports', 'refused', 'to-braze'])).out).toContain('not this one')
    sandbox.braze.faults.clear()
    expect((await thalweg(['exports', 'retry', 'to-braze'])).out).toContain('1 people')
    await held({ bob: ['romans'] })

    // A key that is refused halts it; the alert names it.
    sandbox.braze.faults.set([{ kind: 'status', status: 403, path: '/users/track' }])
    await send([{ external_id: 'cyd', city: 'Rome' }])
    await eventually('it is halted', async () => {
      const { json } = await thalweg(['exports', 'show', 'to-braze', '--json'])
      return json.state === 'halted'
    })
    const alerts = await thalweg(['alerts', '--open', '--json'])
    expect(alerts.json.alerts).toMatchObject([{ export: 'to-braze', current: null, kind: 'halted' }])
    sandbox.braze.faults.clear()
    await held({ cyd: ['romans'] })

    const asked = await thalweg(['exports', 'delete', 'to-braze'], { terminal: true, stdin: 'y\n' })
    expect(asked.out + asked.err).toContain('the slugs of 3 people are removed: 1 requests, 3 data points')
    await held({ ann: ['other'], bob: [], cyd: [] })
    await eventually('it is gone', async () => {
      const { json } = await thalweg(['exports', 'list', '--json'])
      return json.exports.length === 0
    })
  },
)
