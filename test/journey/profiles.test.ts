/** Records of a stream become profiles: through the door, the log and the process, once each, whatever happens to the process. On every ground. */

import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { Overrides } from '../../src/core/settings.ts'
import type { Hub } from '../../src/hub.ts'
import { eventually } from '../support/eventually.ts'
import { onEachGround } from '../support/grounds.ts'
import { startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const TOKEN = 'lytics-token'

async function begun(settings: Overrides, dataDir?: string): Promise<Hub> {
  const { hub } = await startStack(dataDir === undefined ? { settings } : { settings, dataDir })
  if (hub.sources.find('lytics') === undefined)
    await hub.sources.create({ name: 'lytics', kind: 'lytics', settings: { account: '1' }, token: TOKEN })
  return hub
}

async function send(hub: Hub, records: readonly object[], stream = 'braze_users'): Promise<void> {
  const answer = await fetch(`${hub.url}/collect/json/${stream}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: TOKEN },
    body: JSON.stringify(records),
  })
  expect(answer.status).toBe(200)
}

async function applied(hub: Hub): Promise<void> {
  await eventually(
    'the profiles have applied the log',
    () => {
      const { position } = hub.profiles.status()
      return position !== undefined && position >= hub.log.head
    },
    { withinMs: 30_000 },
  )
}

onEachGround((ground) => {
  test('two records with a common identifier are one person, whoever asks by whichever', async () => {
    const hub = await begun(await ground.settings())
    await send(hub, [
      { braze_id: 'b1', email: 'Ada@Example.com', first_name: 'Ada', city: 'London' },
      { external_id: 'u1', email: 'ada@example.com', last_name: 'Lovelace', date_of_birth: '1815-12-10' },
      { external_id: 'u2', first_name: 'Charles' },
      { city: 'nobody is named' },
    ])
    await applied(hub)

    const ada = await hub.profiles.find('email', ' ADA@example.com')
    expect(ada.fields).toMatchObject({
      external_id: 'u1',
      br_user_id: 'b1',
      email: 'ada@example.com',
      first_name: 'Ada',
      last_name: 'Lovelace',
      birth_date: Date.UTC(1815, 11, 10),
    })
    for (const [field, value] of [
      ['external_id', 'u1'],
      ['br_user_id', 'b1'],
    ] as const)
      expect((await hub.profiles.find(field, value)).id).toBe(ada.id)
    expect((await hub.profiles.search('ADA@example.com')).map(({ id }) => id)).toEqual([ada.id])
    expect(await hub.profiles.search('nobody@example.com')).toEqual([])
    expect(await hub.profiles.desk.counts()).toMatchObject({ profiles: 2, identifiers: 4 })
    expect(hub.profiles.status().counts).toEqual({ applied: 3, no_identifier: 1 })
  })

  test('what arrival made is what all records at once give, where they do not conflict', async () => {
    const hub = await begun(await ground.settings())
    await send(hub, [
      { external_id: 'u1', email: 'a@example.com' },
      { external_id: 'u2', email: 'b@example.com' },
    ])
    await applied(hub)
    expect(await hub.profiles.drift()).toMatchObject({ profiles: 2, rebuilt: 2, changed: 0, records: 2 })
  })

  test('a join is undone by hand, and the next record does not bring it back', async () => {
    const hub = await begun(await ground.settings())
    await send(hub, [
      { external_id: 'u1', first_name: 'Ada' },
      { email: 'shared@example.com', city: 'Paris' },
    ])
    await applied(hub)
    const before = await hub.profiles.find('email', 'shared@example.com')
    await send(hub, [{ external_id: 'u1', email: 'shared@example.com' }])
    await applied(hub)
    const [merge] = await hub.profiles.desk.merges({ limit: 10 })
    expect(merge).toMatchObject({ loser: before.id, undoneAt: null })
    const id = merge?.id ?? 0

    const plan = await hub.profiles.desk.undo(id, '', true, hub.clock.now())
    expect(plan.differences).toHaveLength(2)
    expect((await hub.profiles.find('email', 'shared@example.com')).id).not.toBe(before.id)

    await hub.profiles.desk.undo(id, 'a family address', false, hub.clock.now())
    const parted = await hub.profiles.find('email', 'shared@example.com')
    expect(parted.id).toBe(before.id)
    expect(parted.fields).toEqual({ email: 'shared@example.com', city: 'Paris' })
    expect((await hub.profiles.find('external_id', 'u1')).fields).toEqual({
      external_id: 'u1',
      first_name: 'Ada',
    })

    await send(hub, [{ external_id: 'u1', email: 'shared@example.com', last_name: 'Lovelace' }])
    await applied(hub)
    expect((await hub.profiles.find('email', 'shared@example.com')).id).toBe(before.id)
    expect(await hub.profiles.desk.conflicts({ limit: 10 })).toMatchObject([{ reason: 'never_link' }])
    await expect(hub.profiles.desk.undo(id, '', false, hub.clock.now())).rejects.toMatchObject({
      code: 'PROFILE_MERGE_STATE',
    })
  })

  test('a new schema counts from the next record on', async () => {
    const hub = await begun(await ground.settings())
    await send(hub, [{ external_id: 'u1', plan: 'gold' }])
    await applied(hub)
    const { definition } = hub.profiles.schemas.present
    await hub.profiles.revise(
      {
        ...definition,
        fields: [...definition.fields, { name: 'plan', type: 'string', personal: false, description: '' }],
        streams: definition.streams.map((stream) =>
          stream.name === 'braze_users'
            ? { ...stream, mappings: [...stream.mappings, { field: 'plan', expression: 'tolower(plan)' }] }
            : stream,
        ),
      },
      'plans',
      'test',
    )
    await send(hub, [{ external_id: 'u2', plan: 'GOLD' }])
    await applied(hub)
    expect((await hub.profiles.find('external_id', 'u1')).fields).toEqual({ external_id: 'u1' })
    expect((await hub.profiles.find('external_id', 'u2')).fields).toEqual({ external_id: 'u2', plan: 'gold' })
  })

  test('a changed mapping is given to what the log still holds, exactly, whatever is killed meanwhile', async () => {
    const hub = await begun(await ground.settings())
    const rows = (round: number) =>
      Array.from({ length: 50 }, (_, n) => ({ external_id: `u${n}`, plan: `P${round}`, spent: round + n }))
    const mapped = (plan: string, spent: string) => {
      const { definition } = hub.profiles.schemas.present
      const fields = definition.fields.filter(({ name }) => name !== 'plan' && name !== 'spent')
      return hub.profiles.revise(
        {
          ...definition,
          fields: [
            ...fields,
            { name: 'plan', type: 'string', personal: false, description: '' },
            { name: 'spent', type: 'int', merge: 'sum', personal: false, description: '' },
          ],
          streams: definition.streams.map((stream) =>
            stream.name === 'braze_users'
              ? {
                  ...stream,
                  mappings: [
                    ...stream.mappings.filter(({ field }) => field !== 'plan' && field !== 'spent'),
                    { field: 'plan', expression: plan },
                    { field: 'spent', expression: spent },
                  ],
                }
              : stream,
          ),
        },
        '',
        'test',
      )
    }
    await mapped('plan', 'spent')
    for (let round = 0; round < 4; round++) await send(hub, rows(round))
    await applied(hub)
    expect((await hub.profiles.find('external_id', 'u7')).fields).toMatchObject({ plan: 'P3', spent: 34 })

    await mapped('tolower(plan)', 'toint(spent)')
    const history = await hub.profiles.readAgain('braze_users', ['plan', 'spent'], false)
    expect(history).toMatchObject({ from: 0, end: 200 })
    const pid = await hub.profiles.client.pid()
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    await send(hub, rows(4))
    await eventually(
      'the history was read',
      async () =>
        (await hub.profiles.desk.readingAgain()).length === 0 && hub.profiles.status().position === 250,
      { withinMs: 30_000 },
    )
    expect((await hub.profiles.find('external_id', 'u7')).fields).toMatchObject({ plan: 'p4', spent: 45 })
    await expect(hub.profiles.readAgain('braze_users', ['email_of_nobody'], true)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    })
  })

  describe('killed', () => {
    test('every record counts once, also when the process is killed again and again', async () => {
      const hub = await begun(await ground.settings())
      const { definition } = hub.profiles.schemas.present
      await hub.profiles.revise(
        {
          ...definition,
          fields: [
            ...definition.fields,
            { name: 'visits', type: 'int', merge: 'count', personal: false, description: '' },
          ],
          streams: definition.streams.map((stream) =>
            stream.name === 'braze_users'
              ? { ...stream, mappings: [...stream.mappings, { field: 'visits', expression: 'count(visit)' }] }
              : stream,
          ),
        },
        '',
        'test',
      )
      const PEOPLE = 200
      const ROUNDS = 12
      for (let round = 0; round < ROUNDS; round++) {
        await send(
          hub,
          Array.from({ length: PEOPLE }, (_, n) => ({ external_id: `u${n}`, visit: `v${round}` })),
        )
        if (round % 3 === 1) {
          const pid = await hub.profiles.client.pid()
          if (pid !== undefined) process.kill(pid, 'SIGKILL')
        }
      }
      await applied(hub)
      for (const n of [0, 57, PEOPLE - 1])
        expect((await hub.profiles.find('external_id', `u${n}`)).fields.visits).toBe(ROUNDS)
      expect(await hub.profiles.desk.counts()).toMatchObject({ profiles: PEOPLE, merges: 0 })
    })

    test('a hub that starts again goes on where it was', async () => {
      const dataDir = await tempFolder()
      const settings = await ground.settings()
      const first = await begun(settings, dataDir)
      await send(first, [{ external_id: 'u1', first_name: 'Ada' }])
      await applied(first)
      await send(first, [{ external_id: 'u1', last_name: 'Lovelace' }])
      await first.close()
      const second = await begun(settings, dataDir)
      await applied(second)
      expect((await second.profiles.find('external_id', 'u1')).fields).toMatchObject({
        first_name: 'Ada',
        last_name: 'Lovelace',
      })
    })
  })
})

test('without a source that feeds a stream there is no process', async () => {
  const { hub, post } = await startStack()
  await post([
    { id: 'e1', event_type: 'users.messages.email.Open', time: 1, user: { user_id: 'b' }, properties: {} },
  ])
  expect(await hub.profiles.client.pid()).toBeUndefined()
  expect(await readFile(`${hub.settings.dataDir}/profiles/profiles.db`).catch(() => 'none')).toBe('none')
})
