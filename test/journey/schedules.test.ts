/** Activations that run by themselves, on a clock that is moved by hand: the whole hub, its doubles and its restarts on one virtual time. */

import { expect, test } from 'vitest'
import { ActivationDefinition } from '../../src/audiences/activation.ts'
import { FINISHED } from '../../src/audiences/run.ts'
import { VirtualClock } from '../../src/core/clock.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { type Stack, startStack } from '../support/stack.ts'

/** Each run starts a process of its own: on a busy machine that is what takes the time. */
const PATIENCE = { withinMs: 60_000 }
const TIMEOUT = { timeout: 600_000 }
const MINUTE_MS = 60_000
/** Virtual time that passes while something real is waited for. */
const TICK_MS = 20
const WATCH_MS = 600_000

class Calendar {
  readonly clock: VirtualClock
  stack: Stack
  #authorization = ''

  private constructor(clock: VirtualClock, stack: Stack) {
    this.clock = clock
    this.stack = stack
  }

  static async from(start: string): Promise<Calendar> {
    const clock = new VirtualClock(Date.parse(start))
    const calendar = new Calendar(clock, await startStack({ clock, watchMs: WATCH_MS }))
    const { hub, sandbox } = calendar.stack
    sandbox.braze.vendor.profiles.load({ externalId: 'ann' }, 0)
    const { id } = await hub.authorizations.create({
      label: 'braze',
      description: '',
      provider: 'braze-cohort',
      credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
    })
    calendar.#authorization = id
    return calendar
  }

  async activate(name: string, schedule: object, sql = "select 'ann' as user_ids"): Promise<void> {
    await this.stack.hub.audiences.create(
      ActivationDefinition.parse({
        name,
        contactEmail: 'contact@example.com',
        query: { sql },
        operation: 'mirror',
        destination: {
          kind: 'braze-cohort',
          settings: { instance: 'custom', host: this.stack.sandbox.addresses.braze, cohortId: name },
          authorization: this.#authorization,
        },
        schedule,
      }),
    )
  }

  /** Until a moment, alarm by alarm. */
  async until(moment: string): Promise<void> {
    await this.clock.advance(Date.parse(moment) - this.clock.now())
  }

  /** Waits until so many runs of an activation are over; virtual time creeps on meanwhile. */
  async runs(name: string, count: number): Promise<void> {
    await eventually(
      `${count} runs of ${name}`,
      async () => {
        const runs = await this.#list(name)
        if (runs.length === count && runs.every(({ state }) => FINISHED.has(state))) return true
        await this.clock.advance(TICK_MS)
        return false
      },
      PATIENCE,
    )
  }

  /** When each run began, to the minute; with its state unless it succeeded. */
  async told(name: string): Promise<string[]> {
    const runs = await this.#list(name)
    return runs
      .map(({ createdAt, state }) => {
        const minute = new Date(createdAt).toISOString().slice(0, 16)
        return state === 'succeeded' ? minute : `${minute} ${state}`
      })
      .reverse()
  }

  /** The hub is away until a moment. */
  async down(until: string): Promise<void> {
    const { dataDir } = this.stack.hub.settings
    await this.stack.hub.close()
    await this.until(until)
    this.stack = await startStack({
      clock: this.clock,
      watchMs: WATCH_MS,
      dataDir,
      beside: this.stack.sandbox,
    })
  }

  async #list(name: string) {
    const { audiences } = this.stack.hub
    const { number } = await audiences.activations.get(name)
    return audiences.runs.list({ activation: number, limit: 100 })
  }
}

test(
  'cron follows its time zone through both changes of the clock; what was missed runs once',
  TIMEOUT,
  async () => {
    const calendar = await Calendar.from('2026-03-28T01:00:00Z')
    await calendar.activate('nightly', { when: 'cron', cron: '30 2 * * *', timeZone: 'Europe/Berlin' })
    // In Berlin 02:30 does not exist on 29 March: the run is at the change.
    const spring = ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']
    for (const [i, moment] of spring.entries()) {
      await calendar.until(`${moment}:00Z`)
      await calendar.runs('nightly', i + 1)
    }
    expect(await calendar.told('nightly')).toEqual(spring)

    // 207 nights are missed; one run makes up for them.
    await calendar.down('2026-10-23T12:00:00Z')
    await calendar.runs('nightly', 4)
    // 02:30 comes twice on 25 October, the run once.
    const autumn = ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30']
    for (const [i, moment] of autumn.entries()) {
      await calendar.until(`${moment}:00Z`)
      await calendar.runs('nightly', i + 5)
    }
    await calendar.until('2026-10-26T12:00:00Z')
    expect(await calendar.told('nightly')).toEqual([...spring, '2026-10-23T12:00', ...autumn])
  },
)

test('interval, once, and after another; a paused one, and one that was revised', TIMEOUT, async () => {
  const calendar = await Calendar.from('2026-06-01T00:00:00Z')
  await calendar.activate('often', { when: 'interval', minutes: 20 })
  await calendar.activate('follower', { when: 'after', activation: 'often' })
  await calendar.activate('failing', { when: 'once', at: '2026-06-01T02:25:00+02:00' }, 'select 1 as one')
  await calendar.activate('never', { when: 'after', activation: 'failing' })

  for (const [i, moment] of ['00:20', '00:40', '01:00'].entries()) {
    await calendar.until(`2026-06-01T${moment}:00Z`)
    await calendar.runs('often', i + 1)
    await calendar.runs('follower', i + 1)
  }
  expect(await calendar.told('often')).toEqual(['2026-06-01T00:20', '2026-06-01T00:40', '2026-06-01T01:00'])
  expect(await calendar.told('follower')).toEqual(await calendar.told('often'))
  await calendar.runs('failing', 1)
  // Only success is followed.
  expect([await calendar.told('failing'), await calendar.told('never')]).toEqual([
    ['2026-06-01T00:25 failed'],
    [],
  ])

  const { audiences } = calendar.stack.hub
  await audiences.setPaused('often', true)
  await calendar.until('2026-06-01T03:30:00Z')
  await audiences.setPaused('often', false)
  // Its step goes on; what was due while it was paused is not made up for.
  await calendar.until('2026-06-01T03:40:00Z')
  await calendar.runs('often', 4)
  const { definition } = await audiences.activations.get('often')
  await audiences.revise('often', { ...definition, schedule: { when: 'interval', minutes: 60 } }, '')
  // A new schedule counts from its revision.
  await calendar.until('2026-06-01T04:39:00Z')
  expect((await calendar.told('often')).slice(3)).toEqual(['2026-06-01T03:40'])
  await calendar.until('2026-06-01T04:41:00Z')
  await calendar.runs('often', 5)
  await calendar.runs('failing', 1)
})

test('a turn that finds the run before it under way, or held, is left out', TIMEOUT, async () => {
  const calendar = await Calendar.from('2026-06-01T00:00:00Z')
  const { hub, sandbox } = calendar.stack
  // A key that is refused stops the current: the run waits.
  sandbox.braze.faults.set([{ kind: 'status', status: 401, path: '/partners/' }])
  await calendar.activate('often', { when: 'interval', minutes: 10 })
  await calendar.until('2026-06-01T00:10:00Z')
  const waiting = (text: string) =>
    eventually(
      text,
      async () => {
        await calendar.clock.advance(TICK_MS)
        const [run] = await hub.audiences.runs.list({ limit: 1 })
        return run !== undefined && (await hub.audiences.run(run.activation, run.run)).report.waiting
      },
      PATIENCE,
    )
  expect(await waiting('the run waits')).toMatch(/halted/)
  await calendar.until('2026-06-01T00:55:00Z')
  sandbox.braze.faults.clear()
  // A halted current is tried again every five minutes: that must not take hundreds of looks.
  await eventually(
    'the run ends',
    async () => {
      await calendar.clock.advance(MINUTE_MS / 6)
      return (await calendar.told('often')).every((one) => !/running|queued/.test(one))
    },
    PATIENCE,
  )
  const first = await calendar.told('often')
  expect(first[0]).toBe('2026-06-01T00:10')
  // Ends shortly after 00:55: the turns from 00:20 to 00:50 left no run behind.
  expect(first.slice(1).every((one) => one >= '2026-06-01T01:00')).toBe(true)

  const { definition } = await hub.audiences.activations.get('often')
  const empty = { engine: 'warehouse', sql: "select 'ann' as user_ids where false" }
  await hub.audiences.revise('often', { ...definition, query: empty }, '')
  const before = first.length
  await eventually(
    'a run is held',
    async () => {
      await calendar.clock.advance(MINUTE_MS)
      return (await calendar.told('often')).some((one) => one.endsWith('held'))
    },
    PATIENCE,
  )
  await calendar.clock.advance(60 * MINUTE_MS)
  expect(await calendar.told('often')).toHaveLength(before + 1)
  await hub.audiences.cancel('often', before + 1, 'test')
  await calendar.clock.advance(10 * MINUTE_MS)
  await eventually(
    'the next turn',
    async () => (await calendar.told('often')).length === before + 2,
    PATIENCE,
  )
})
