import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { VirtualClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { unavailable } from './outages.ts'
import { untilNoConflict } from './retry.ts'

function postgresError(code: string): Error {
  return Object.assign(new DatabaseError('no', 2, 'error'), { severity: 'ERROR', code })
}

function busy(): Error {
  return unavailable('locked', Object.assign(new Error('database is locked'), { errcode: 5 | (2 << 8) }))
}

/** Work that fails `times` times with what `make` gives, and how often it was run. */
function failing(times: number, make: () => Error): { work: () => Promise<string>; runs: () => number } {
  let runs = 0
  return {
    work: async () => {
      if (++runs <= times) throw make()
      return 'done'
    },
    runs: () => runs,
  }
}

test.each<[string, () => Error]>([
  ['a serialization failure', () => postgresError('40001')],
  ['a deadlock', () => postgresError('40P01')],
  ['a lock that was not to be had', () => postgresError('55P03')],
  ['a file that another process has locked', busy],
])('%s is tried again, six times in all', async (_, make) => {
  const clock = new VirtualClock(0)
  const five = failing(5, make)
  const done = untilNoConflict(five.work, { clock, random: () => 0.5 })
  await clock.advance(150) // 10 + 20 + 40 + 80 ms
  expect(await done).toBe('done')

  const six = failing(6, make)
  const refused = untilNoConflict(six.work, { clock, random: () => 0.5 }).catch((error: unknown) => error)
  await clock.advance(1000)
  expect(await refused).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: expect.any(Error) })
  expect(six.runs()).toBe(6)
})

test.each<[string, () => Error]>([
  ['a broken rule', () => new ThalwegError('CURRENT_STATE', 'no')],
  ['a mistake in a statement', () => postgresError('42601')],
  ['a row that is there already', () => postgresError('23505')],
  ['a full disk', () => unavailable('full', Object.assign(new Error('full'), { errcode: 13 }))],
  [
    'a lost connection: it may have been committed',
    () => unavailable('gone', new Error('Connection terminated')),
  ],
])('%s is not tried again', async (_, make) => {
  const once = failing(1, make)
  await expect(untilNoConflict(once.work, { clock: new VirtualClock(0), random: () => 0 })).rejects.toEqual(
    make(),
  )
  expect(once.runs()).toBe(1)
})
