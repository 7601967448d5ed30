/** The registry of engines, over a real store, with engines that only count. */

import { expect, test } from 'vitest'
import * as z from 'zod'
import { freshStore } from '../../test/support/store.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { systemClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { Authorizations } from '../store/authorizations.ts'
import { openSealer } from '../store/sealing.ts'
import type { EngineKindDefinition } from './engine-kind.ts'
import { Engines } from './engines.ts'
import type { QueryEngine } from './warehouse.ts'

async function start() {
  const store = await freshStore()
  const sealer = await openSealer(store, { dataDir: await tempFolder(), key: undefined })
  const authorizations = new Authorizations({ store, sealer, clock: systemClock })
  const opened: unknown[] = []
  const closed: unknown[] = []
  const kind: EngineKindDefinition<{ host: string }, { user: string }> = {
    kind: 'postgres',
    title: 'Counted',
    description: '',
    settings: z.strictObject({ host: z.string() }),
    credentials: z.strictObject({ user: z.string() }),
    load: async () => ({
      open(settings, credentials) {
        const what = { ...settings, ...credentials }
        opened.push(what)
        return { kind: 'postgres', close: async () => void closed.push(what) } as unknown as QueryEngine
      },
    }),
  }
  const parts = {
    store,
    authorizations,
    clock: systemClock,
    logger: { warn: () => undefined },
    kinds: [kind],
  }
  const engines = new Engines({
    ...parts,
    builtIn: new Map([['warehouse', { kind: 'duckdb' } as QueryEngine]]),
  })
  const { id } = await authorizations.create({
    label: 'a',
    provider: 'postgres',
    credentials: { user: 'u1' },
  })
  const definition = {
    name: 'one',
    kind: 'postgres',
    authorization: id,
    settings: { host: 'h1' },
    description: '',
  }
  return { engines, authorizations, opened, closed, definition, parts }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const outcome = await work.catch((error: unknown) => error)
  if (outcome instanceof ThalwegError) return outcome.code
  throw new Error('expected a refusal', { cause: outcome })
}

test('an engine is opened once, and anew when definition or credentials have changed', async () => {
  const { engines, authorizations, opened, closed, definition } = await start()
  await engines.create(definition)
  expect(opened).toEqual([])
  const [first, second] = await Promise.all([engines.open('one'), engines.open('one')])
  expect(first).toBe(second)
  await engines.change('one', { settings: { host: 'h2' } })
  expect(await engines.open('one')).not.toBe(first)
  await authorizations.rotate(definition.authorization, { user: 'u2' })
  await engines.open('one')
  expect(opened).toEqual([
    { host: 'h1', user: 'u1' },
    { host: 'h2', user: 'u1' },
    { host: 'h2', user: 'u2' },
  ])
  await engines.remove('one')
  expect(closed).toEqual(opened)
  expect(await codeOf(engines.open('one'))).toBe('ENGINE_UNKNOWN')
})

test('what does not hold together is refused before anything is kept', async () => {
  const { engines, authorizations, definition } = await start()
  const other = await authorizations.create({ label: 'b', provider: 'http', credentials: {} })
  const cases: readonly (readonly [object, string])[] = [
    [{ kind: 'oracle' }, 'INPUT_INVALID'],
    [{ authorization: 'nosuch' }, 'AUTHORIZATION_UNKNOWN'],
    [{ authorization: other.id }, 'INPUT_INVALID'],
    [{ settings: { port: 1 } }, 'INPUT_INVALID'],
    [{ name: 'No Name' }, 'INPUT_INVALID'],
    [{ name: 'warehouse' }, 'ENGINE_NAME_TAKEN'],
  ]
  for (const [over, code] of cases)
    expect(await codeOf(engines.create({ ...definition, ...over })), JSON.stringify(over)).toBe(code)
  await engines.create(definition)
  expect(await codeOf(engines.create(definition))).toBe('ENGINE_NAME_TAKEN')
  expect((await engines.list()).map(({ name, builtIn }) => [name, builtIn])).toEqual([
    ['warehouse', true],
    ['one', false],
  ])
  expect(await codeOf(engines.remove('warehouse'))).toBe('INPUT_INVALID')
  expect(await engines.usersOf(definition.authorization)).toEqual(['one'])
})

test('what is built in is given out as it is', async () => {
  const { engines } = await start()
  expect((await engines.open('warehouse')).kind).toBe('duckdb')
  expect(await engines.get('warehouse')).toMatchObject({ builtIn: true, authorization: null })
})
