import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { heldStore, readBeside } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import type { ErrorCode } from '../core/errors.ts'
import { hashToken } from '../core/secret.ts'
import { openStore, type Store } from '../store/store.ts'
import { openSources, type Sources } from './registry.ts'
import { TOKENS_MAX } from './sources.ts'

let store: Store
let clock: VirtualClock
let sources: Sources

beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000)
  store = await openStore('sqlite::memory:', { clock })
  sources = await openSources(store, clock)
})

afterEach(() => store.close())

const braze = { name: 'braze-eu', kind: 'braze-currents', settings: {} } as const
const td = {
  name: 'td',
  kind: 'treasure-data',
  settings: { database: 'prod', table: 'braze_events', taskId: 'task-1' },
} as const

function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'fine'> {
  return promise.then(
    () => 'fine' as const,
    (error: { code: ErrorCode }) => error.code,
  )
}

test('what another node may have changed is read in turn with our own changes, and undoes none', async () => {
  const held = await heldStore(clock)
  const both = await openSources(held.store, clock)
  const { source } = await readBeside(
    held,
    () => both.refresh(),
    () => both.create(braze),
  )
  expect(both.list()).toEqual([source])
})

describe('creating', () => {
  test('gives the token back once and keeps only its digest', async () => {
    const { source, token } = await sources.create(braze)
    expect(source).toMatchObject({ name: 'braze-eu', kind: 'braze-currents', settings: {} })
    expect(token).toMatch(/^[A-Za-z0-9+/\-._~]{20,}=*$/)
    expect(sources.byName('braze-eu')?.digests).toEqual([hashToken(token)])
    const rows = await store.db.selectFrom('source_tokens').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(token)
    expect(JSON.stringify(sources.list())).not.toContain(token)
  })

  test('takes a token that the sender already has', async () => {
    const { token } = await sources.create({ ...td, token: '1234/0123456789abcdef' })
    expect(token).toBe('1234/0123456789abcdef')
    expect(sources.knowsDigest(hashToken('1234/0123456789abcdef'))).toBe(true)
  })

  test('fills what Treasure Data settings leave open', async () => {
    const { source } = await sources.create({ ...td, settings: { database: 'prod', table: 'events' } })
    expect(source.settings).toMatchObject({
      keyMode: 'strict',
      taskId: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
  })

  const refused: readonly [what: string, wanted: object, code: ErrorCode][] = [
    ['upper case name', { ...braze, name: 'Braze' }, 'INPUT_INVALID'],
    ['empty name', { ...braze, name: '' }, 'INPUT_INVALID'],
    ['long name', { ...braze, name: 'a'.repeat(65) }, 'INPUT_INVALID'],
    ['slash in the name', { ...braze, name: 'a/b' }, 'INPUT_INVALID'],
    ['unknown kind', { ...braze, kind: 'fax' }, 'INPUT_INVALID'],
    ['unknown setting', { ...braze, settings: { colour: 1 } }, 'INPUT_INVALID'],
    ['empty token', { ...braze, token: '' }, 'INPUT_INVALID'],
    ['token of = alone', { ...braze, token: '==' }, 'INPUT_INVALID'],
    ['token with a space', { ...braze, token: 'a b' }, 'INPUT_INVALID'],
    ['token with a letter beyond ASCII', { ...braze, token: 'schlüssel' }, 'INPUT_INVALID'],
    ['no table', { ...td, settings: { database: 'prod' } }, 'INPUT_INVALID'],
    ['upper case database', { ...td, settings: { database: 'Prod', table: 'abc' } }, 'INPUT_INVALID'],
    ['reserved database', { ...td, settings: { database: 'currents', table: 'abc' } }, 'INPUT_INVALID'],
    ['unknown key mode', { ...td, settings: { ...td.settings, keyMode: 'kind' } }, 'INPUT_INVALID'],
  ]
  test.each(refused)('refuses: %s', async (_, wanted, code) => {
    expect(await codeOf(sources.create(wanted as typeof braze))).toBe(code)
    expect(sources.list()).toEqual([])
  })

  const taken: readonly [what: string, wanted: object][] = [
    ['name', { ...braze, name: 'td' }],
    ['table', { ...td, name: 'other', settings: { ...td.settings, taskId: 'task-2' } }],
    ['task id', { ...td, name: 'other', settings: { ...td.settings, table: 'elsewhere' } }],
  ]
  test.each(taken)('refuses a %s that is taken', async (_, wanted) => {
    await sources.create(td)
    expect(await codeOf(sources.create(wanted as typeof braze))).toBe('SOURCE_NAME_TAKEN')
  })

  test('lets only one of two simultaneous creations have the name', async () => {
    const outcomes = await Promise.all([codeOf(sources.create(braze)), codeOf(sources.create(braze))])
    expect(outcomes).toEqual(['fine', 'SOURCE_NAME_TAKEN'])
  })
})

describe('finding', () => {
  test('by name, number, table and task, also after opening again', async () => {
    const { source } = await sources.create(td)
    await sources.create(braze)
    for (const index of [sources, await openSources(store, clock)]) {
      expect(index.byName('td')?.source).toEqual(source)
      expect(index.get(source.number)).toEqual(source)
      expect(index.byTable('prod', 'braze_events')?.source).toEqual(source)
      expect(index.byTask('task-1')?.source).toEqual(source)
      expect(index.list().map((each) => each.name)).toEqual(['braze-eu', 'td'])
    }
  })

  test('names what is missing', () => {
    expect(() => sources.get('nope')).toThrow(expect.objectContaining({ code: 'SOURCE_UNKNOWN' }))
    expect(sources.find('nope')).toBeUndefined()
    expect(sources.byTable('prod', 'nope')).toBeUndefined()
    expect(sources.byTask('nope')).toBeUndefined()
  })
})

describe('changing', () => {
  test('the settings move the address and keep the task id', async () => {
    await sources.create(td)
    await clock.advance(1000)
    const changed = await sources.update('td', { database: 'prod', table: 'moved', keyMode: 'lenient' })
    expect(changed.settings).toEqual({
      database: 'prod',
      table: 'moved',
      layout: 'flat',
      multipleTables: false,
      tables: {},
      keyMode: 'lenient',
      taskId: 'task-1',
    })
    expect(sources.byTable('prod', 'braze_events')).toBeUndefined()
    expect(sources.byTable('prod', 'moved')?.source.name).toBe('td')
  })

  test('a source may keep its own table, but not take another one', async () => {
    await sources.create(td)
    await sources.create({ ...td, name: 'td-2', settings: { database: 'prod', table: 'second' } })
    expect(await codeOf(sources.update('td', td.settings))).toBe('fine')
    expect(await codeOf(sources.update('td-2', { database: 'prod', table: 'braze_events' }))).toBe(
      'SOURCE_NAME_TAKEN',
    )
    expect(await codeOf(sources.update('nope', {}))).toBe('SOURCE_UNKNOWN')
  })

  test('tokens come and go without a gap', async () => {
    const { token: first } = await sources.create(braze)
    await clock.advance(1000)
    const { id, token: second } = await sources.addToken('braze-eu', 'next quarter')
    expect(sources.byName('braze-eu')?.digests).toEqual([hashToken(first), hashToken(second)])
    const [before] = sources.get('braze-eu').tokens
    await sources.revokeToken('braze-eu', before?.id ?? '')
    expect(sources.byName('braze-eu')?.digests).toEqual([hashToken(second)])
    expect(sources.knowsDigest(hashToken(first))).toBe(false)
    expect(sources.get('braze-eu').tokens).toMatchObject([{ id, label: 'next quarter' }])
    expect(await codeOf(sources.revokeToken('braze-eu', before?.id ?? ''))).toBe('TOKEN_UNKNOWN')
  })

  test('has a bound on tokens', async () => {
    await sources.create(braze)
    for (let i = 1; i < TOKENS_MAX; i++) await sources.addToken('braze-eu', `token ${i}`)
    expect(await codeOf(sources.addToken('braze-eu', 'one too many'))).toBe('INPUT_INVALID')
  })
})

describe('removing', () => {
  test('is refused while a current reads from the source', async () => {
    await sources.create(braze)
    await expect(sources.remove('braze-eu', () => ['to-segment'])).rejects.toMatchObject({
      code: 'SOURCE_IN_USE',
      message: expect.stringContaining('to-segment'),
    })
    expect(sources.list()).toHaveLength(1)
  })

  test('closes the doors, frees the name and never gives the number out again', async () => {
    const { source, token } = await sources.create(braze)
    await sources.remove('braze-eu', () => [])
    expect(sources.list()).toEqual([])
    expect(sources.knowsDigest(hashToken(token))).toBe(false)
    const again = await sources.create(braze)
    expect(again.source.number).not.toBe(source.number)
    expect(again.token).not.toBe(token)
  })
})
