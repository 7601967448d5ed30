import { describe, expect, it } from 'vitest'
import { nextDue, Schedule, scheduleText } from './schedule.ts'

const at = (text: string): number => Date.parse(text)
const due = (schedule: unknown, since: string, after: string): string | undefined => {
  const next = nextDue(Schedule.parse(schedule), at(since), at(after))
  return next === undefined ? undefined : new Date(next).toISOString()
}
const cron = (expression: string, timeZone = 'UTC') => ({ when: 'cron', cron: expression, timeZone })
const BERLIN = 'Europe/Berlin'
const START = '2026-01-01T00:00:00Z'

describe('next due', () => {
  const cases: [string, unknown, string, string | undefined][] = [
    ['by hand', { when: 'manual' }, START, undefined],
    ['after another', { when: 'after', activation: 'other' }, START, undefined],
    ['once, to come', { when: 'once', at: '2026-02-01T03:00:00+01:00' }, START, '2026-02-01T02:00:00.000Z'],
    ['once, gone', { when: 'once', at: '2025-12-01T00:00:00Z' }, START, undefined],
    ['interval', { when: 'interval', minutes: 15 }, START, '2026-01-01T00:15:00.000Z'],
    [
      'interval keeps its step',
      { when: 'interval', minutes: 15 },
      '2026-01-01T07:31:00Z',
      '2026-01-01T07:45:00.000Z',
    ],
    [
      'interval on the step itself',
      { when: 'interval', minutes: 15 },
      '2026-01-01T00:15:00Z',
      '2026-01-01T00:30:00.000Z',
    ],
    ['cron', cron('30 3 * * *'), START, '2026-01-01T03:30:00.000Z'],
    ['cron in a zone', cron('0 3 * * *', BERLIN), START, '2026-01-01T02:00:00.000Z'],
    ['in summer', cron('0 3 * * *', BERLIN), '2026-07-01T12:00:00Z', '2026-07-02T01:00:00.000Z'],
    ['weekdays', cron('0 9 * * 1-5', BERLIN), '2026-01-02T12:00:00Z', '2026-01-05T08:00:00.000Z'],
  ]
  it.each(cases)('%s', (_what, schedule, after, expected) =>
    expect(due(schedule, START, after)).toBe(expected),
  )

  it('an hour that the clock change leaves out has its run at the change', () => {
    // 02:30 does not exist in Berlin on 29 March 2026: at 01:00 UTC it becomes 03:00 there.
    expect(due(cron('30 2 * * *', BERLIN), START, '2026-03-28T12:00:00Z')).toBe('2026-03-29T01:00:00.000Z')
    expect(due(cron('30 2 * * *', BERLIN), START, '2026-03-29T12:00:00Z')).toBe('2026-03-30T00:30:00.000Z')
  })

  it('an hour that comes twice has one run', () => {
    // 02:30 comes twice in Berlin on 25 October 2026.
    const first = due(cron('30 2 * * *', BERLIN), START, '2026-10-24T12:00:00Z') ?? ''
    expect(first.slice(0, 10)).toBe('2026-10-25')
    expect(due(cron('30 2 * * *', BERLIN), START, first)).toBe('2026-10-26T01:30:00.000Z')
  })
})

describe('definitions', () => {
  it.each([
    ['no cron expression', cron('every day')],
    ['seconds', cron('0 0 3 * * *')],
    ['no time zone', cron('0 3 * * *', 'Middle/Earth')],
    ['no time', { when: 'once', at: 'tomorrow' }],
    ['a step of nothing', { when: 'interval', minutes: 0 }],
    ['an unknown kind', { when: 'sometimes' }],
  ])('refuses %s', (_what, schedule) => expect(Schedule.safeParse(schedule).success).toBe(false))

  it('is by hand unless told', () => expect(Schedule.parse(undefined)).toEqual({ when: 'manual' }))

  it('has words for lists', () => {
    const texts = [cron('0 3 * * *', BERLIN), { when: 'interval', minutes: 5 }].map((one) =>
      scheduleText(Schedule.parse(one)),
    )
    expect(texts).toEqual(['0 3 * * * (Europe/Berlin)', 'every 5 min'])
  })
})
