import { expect, test } from 'vitest'
import { nameOf, parseFaults, planFaults } from './faults.ts'
import { shrink, soak, type Trial } from './soak.ts'
import type { Outcome } from './world.ts'

const never = new AbortController().signal

/** Worlds in which a promise is broken when all of `causes` are among the faults of the first days. */
function worlds(seedThatFails: number, causes: readonly string[]) {
  const trials: Trial[] = []
  const run = async (trial: Trial): Promise<Outcome> => {
    trials.push(trial)
    const { seed, days, faults } = trial
    const planned = planFaults(seed, days, faults)
    const met = planned.filter((fault) => causes.includes(nameOf(fault)))
    const fails = seed === seedThatFails && met.length === causes.length
    const day = Math.max(1, ...met.map((fault) => fault.day))
    return {
      seed,
      days,
      rate: 20,
      sent: 0,
      acknowledged: 0,
      dropped: {},
      currents: [],
      faults: fails ? planned.filter((fault) => fault.day <= day) : planned,
      lives: 1,
      looks: 1,
      judged: [],
      digest: '',
      breach: fails ? { invariant: 'INV-12', what: 'they differ', day, atMs: 0 } : undefined,
    }
  }
  return { run, trials }
}

test('a soak goes from seed to seed and stops at the first that breaks a promise', async () => {
  const { run, trials } = worlds(12, [])
  const soaked = await soak(run, { seed: 9, days: 5, faults: parseFaults('all') }, never)
  expect(soaked).toMatchObject({ worlds: 4, outcome: { seed: 12, breach: { invariant: 'INV-12' } } })
  expect(trials.map(({ seed }) => seed)).toEqual([9, 10, 11, 12])
})

test('a soak ends when it is enough, and has run one seed at least', async () => {
  const { run } = worlds(12, [])
  const soaked = await soak(run, { seed: 1, days: 5, faults: parseFaults('all') }, AbortSignal.abort())
  expect(soaked).toMatchObject({ worlds: 1, outcome: { seed: 1 } })
})

test.each([
  ['one fault', 1],
  ['two that need each other', 2],
  ['none: the promise is broken without any', 0],
])('a failing world is shrunk to %s', async (_what, count) => {
  const plan = planFaults(7, 30, parseFaults('all'))
  const causes = plan
    .slice(10, 40)
    .filter((_fault, i) => i % 17 === 3)
    .slice(0, count)
    .map(nameOf)
  expect(causes).toHaveLength(count)
  const { run, trials } = worlds(7, causes)
  const failed = await run({ seed: 7, days: 30, faults: parseFaults('all') })
  const smallest = await shrink(run, failed, { runsMax: 100, signal: never })
  expect(smallest.faults.map(nameOf)).toEqual(causes)
  expect(smallest.days).toBe(Math.max(1, ...smallest.faults.map(({ day }) => day)))
  expect(smallest.breach?.invariant).toBe('INV-12')
  expect(trials.length).toBeLessThan(60)
})

test('a shrinking ends at its bound with a world that still breaks the promise', async () => {
  const [cause] = planFaults(7, 30, parseFaults('crash')).slice(-1).map(nameOf)
  const { run, trials } = worlds(7, [cause ?? ''])
  const failed = await run({ seed: 7, days: 30, faults: parseFaults('all') })
  const smallest = await shrink(run, failed, { runsMax: 5, signal: never })
  expect(trials).toHaveLength(6)
  expect(smallest.breach).toBeDefined()
  expect(smallest.faults.map(nameOf)).toContain(cause)
})
