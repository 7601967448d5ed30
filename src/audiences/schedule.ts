/**
 * When an activation runs by itself. Pure: it says when the next run is due after a moment; the scheduler waits. Runs
 * that were missed while nothing ran are caught up by one run, however many they were.
 */

import { Cron } from 'croner'
import * as z from 'zod'
import { ThalwegError } from '../core/errors.ts'

export const INTERVAL_MINUTES_MAX = 525_600

const timeZone = z
  .string()
  .refine(isTimeZone, 'This is not the name of a time zone such as Europe/Berlin')
  .default('UTC')
  .describe('Time zone, for example Europe/Berlin. Clock changes are followed.')

export const Schedule = z
  .discriminatedUnion('when', [
    z.strictObject({ when: z.literal('manual') }),
    z.strictObject({ when: z.literal('once'), at: z.iso.datetime({ offset: true }).describe('The moment.') }),
    z.strictObject({
      when: z.literal('interval'),
      minutes: z.int().min(1).max(INTERVAL_MINUTES_MAX).describe('From one start to the next.'),
    }),
    z.strictObject({
      when: z.literal('cron'),
      cron: z
        .string()
        .max(200)
        .refine(isCron, 'This is not a cron expression of five fields such as 0 3 * * *')
        .describe('Minute, hour, day of month, month, day of week.'),
      timeZone,
    }),
    z.strictObject({
      when: z.literal('after'),
      activation: z.string().min(1).max(63).describe('Name of the activation whose success starts this one.'),
    }),
  ])
  .default({ when: 'manual' })
export type Schedule = z.infer<typeof Schedule>

/**
 * The first moment after `afterMs` at which a run is due; undefined when there is none. `sinceMs`: since when the schedule
 * has been in force; an interval counts from there.
 */
export function nextDue(schedule: Schedule, sinceMs: number, afterMs: number): number | undefined {
  switch (schedule.when) {
    case 'manual':
    case 'after':
      return undefined
    case 'once': {
      const at = Date.parse(schedule.at)
      return at > afterMs ? at : undefined
    }
    case 'interval': {
      const step = schedule.minutes * 60_000
      const passed = Math.floor((Math.max(afterMs, sinceMs) - sinceMs) / step)
      return sinceMs + (passed + 1) * step
    }
    case 'cron':
      return cronOf(schedule.cron, schedule.timeZone).nextRun(new Date(afterMs))?.getTime()
  }
}

/** In words, for lists. */
export function scheduleText(schedule: Schedule): string {
  switch (schedule.when) {
    case 'manual':
      return 'by hand'
    case 'once':
      return `once, ${schedule.at}`
    case 'interval':
      return `every ${schedule.minutes} min`
    case 'cron':
      return `${schedule.cron} (${schedule.timeZone})`
    case 'after':
      return `after ${schedule.activation}`
  }
}

function cronOf(expression: string, zone: string): Cron {
  try {
    return new Cron(expression, { timezone: zone, mode: '5-part' })
  } catch (error) {
    throw new ThalwegError(
      'INPUT_INVALID',
      `The cron expression ${JSON.stringify(expression)} cannot be used`,
      {
        cause: error,
      },
    )
  }
}

function isCron(expression: string): boolean {
  try {
    return cronOf(expression, 'UTC') !== undefined
  } catch {
    // What it threw says that the expression is none; that is the answer.
    return false
  }
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    // RangeError: no such zone; that is the answer.
    return false
  }
}
