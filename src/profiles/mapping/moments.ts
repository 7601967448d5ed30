/**
 * Moments out of what senders write, leniently where only one reading is possible (docs/profiles.md lists the forms). Numbers
 * are seconds, milliseconds, microseconds or nanoseconds since the epoch by their size; eight digits that are a day, and
 * fourteen that are a second of one, are read as such. What names no zone is of UTC, or of the zone that the caller gives.
 */

import { DAY_MS, readShift, shifted } from '../date-math.ts'

/** Why a text is no moment. `ambiguous_date`: day and month could be either way round. */
export type DateProblem = 'not_a_date' | 'ambiguous_date'

/** Milliseconds that a zone is ahead of UTC at a moment. */
export type ZoneOffset = (ms: number) => number

/** 1000-01-01 to the end of 9999. */
export const MOMENT_MIN = Date.UTC(1000, 0, 1)
export const MOMENT_MAX = Date.UTC(10_000, 0, 1) - 1

/** Longer texts are no dates. */
const CHARS_MAX = 64
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const MONTH = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*'
const ZONE = '(?:z|utc|gmt|ut|est|edt|cst|cdt|mst|mdt|pst|pdt)?\\s*(?:[+-]\\d{1,2}(?::?\\d{2})?)?'

const NUMBER = /^[+-]?\d{1,19}(?:\.\d{1,9})?$/
const COMPACT = /^(\d{4})(\d{2})(\d{2})(?:(?:t| )?(\d{2})(\d{2})(\d{2}))?(z)?$/
const YEAR_FIRST = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:(?:t|\s+)(.+))?$/
const YEAR_LAST = /^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:(?:t|,?\s+)(.+))?$/
const WEEKDAY = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+/
const DAY_FIRST = new RegExp(
  `^(\\d{1,2})(?:st|nd|rd|th)?[\\s-]+${MONTH}\\.?,?[\\s-]+(\\d{4})(?:,?\\s+(.+))?$`,
)
const MONTH_FIRST = new RegExp(
  `^${MONTH}\\.?\\s+(\\d{1,2})(?:st|nd|rd|th)?,?\\s+(\\d{4})(?:,?\\s+(?:at\\s+)?(.+))?$`,
)
/** As ctime and Ruby write it: the year comes last. */
const CTIME = new RegExp(`^${MONTH}\\s+(\\d{1,2})\\s+(\\d{1,2}:\\d{2}:\\d{2}(?:\\s+${ZONE})?)\\s+(\\d{4})$`)
const TIME = new RegExp(
  `^(\\d{1,2})(?::(\\d{2})(?::(\\d{2})(?:[.,:](\\d{1,9}))?)?)?\\s*(am|pm)?\\s*(${ZONE})(?:\\s+([a-z]{3,4}))?$`,
)
const NAMED_ZONES: Readonly<Record<string, number>> = {
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
}

/** `zone` is asked where the text names none. */
export function momentOf(value: string | number, zone?: ZoneOffset): number | DateProblem {
  if (typeof value === 'number') return ofNumber(value, zone)
  const text = value.trim().toLowerCase()
  if (text.length > CHARS_MAX) return 'not_a_date'
  if (NUMBER.test(text)) return ofNumber(Number(text), zone)
  const parts = YEAR_FIRST.exec(text)
  if (parts !== null) return made(Number(parts[1]), Number(parts[3]), Number(parts[4]), parts[5], zone)
  return ofOtherForms(text, zone)
}

function ofOtherForms(text: string, zone: ZoneOffset | undefined): number | DateProblem {
  const last = YEAR_LAST.exec(text)
  if (last !== null)
    return ofYearLast(Number(last[1]), last[2] ?? '', Number(last[3]), Number(last[4]), last[5], zone)
  const compact = COMPACT.exec(text)
  if (compact !== null) {
    const [, year, month, day, hour, minute, second, utc = ''] = compact
    const time = hour === undefined ? undefined : `${hour}:${minute}:${second}${utc}`
    return made(Number(year), Number(month), Number(day), time, zone)
  }
  const words = text.replace(WEEKDAY, '')
  const dayFirst = DAY_FIRST.exec(words)
  if (dayFirst !== null)
    return made(Number(dayFirst[3]), monthOf(dayFirst[2]), Number(dayFirst[1]), dayFirst[4], zone)
  const monthFirst = MONTH_FIRST.exec(words)
  if (monthFirst !== null)
    return made(Number(monthFirst[3]), monthOf(monthFirst[1]), Number(monthFirst[2]), monthFirst[4], zone)
  const ctime = CTIME.exec(words)
  if (ctime !== null) return made(Number(ctime[4]), monthOf(ctime[1]), Number(ctime[2]), ctime[3], zone)
  return 'not_a_date'
}

/** With dots the day comes first, as where dots are used. Otherwise one of the two must tell. */
function ofYearLast(
  first: number,
  separator: string,
  second: number,
  year: number,
  time: string | undefined,
  zone: ZoneOffset | undefined,
): number | DateProblem {
  if (separator === '.' || first > 12 || first === second) return made(year, second, first, time, zone)
  if (second > 12) return made(year, first, second, time, zone)
  return 'ambiguous_date'
}

/** How many of these digits are a day, or a second of one. */
const DAYS_FROM = 18_000_101
const DAYS_TO = 21_991_231
const SECONDS_FROM = DAYS_FROM * 1_000_000
const SECONDS_TO = (DAYS_TO + 1) * 1_000_000

function ofNumber(value: number, zone: ZoneOffset | undefined): number | DateProblem {
  const digits =
    Number.isInteger(value) &&
    ((value >= DAYS_FROM && value <= DAYS_TO) || (value >= SECONDS_FROM && value < SECONDS_TO))
  const written = digits ? ofOtherForms(String(value), zone) : 'not_a_date'
  if (typeof written === 'number') return written
  const size = Math.abs(value)
  const ms = size < 1e11 ? value * 1000 : size < 1e14 ? value : size < 1e17 ? value / 1e3 : value / 1e6
  return ms >= MOMENT_MIN && ms <= MOMENT_MAX ? Math.round(ms) : 'not_a_date'
}

function monthOf(name = ''): number {
  return MONTHS.indexOf(name) + 1
}

function made(
  year: number,
  month: number,
  day: number,
  time: string | undefined,
  zone: ZoneOffset | undefined,
): number | DateProblem {
  const date = dayOf(year, month, day)
  if (date === undefined) return 'not_a_date'
  if (time === undefined) return inZone(date, zone)
  const [, hour = '', minute = '0', second = '0', fraction = '', half, named = '', besides] =
    TIME.exec(time) ?? []
  const ms = timeOf(Number(hour), Number(minute), Number(second), half)
  if (hour === '' || ms === undefined) return 'not_a_date'
  // Behind an offset a zone may be named as well; alone, its name is not known.
  if (besides !== undefined && !/\d/.test(named)) return 'not_a_date'
  const local = date + ms + Math.floor(Number(`0.${fraction || '0'}`) * 1000)
  if (named.trim() === '') return inZone(local, zone)
  const offset = offsetOf(named)
  return offset === undefined ? 'not_a_date' : local - offset
}

/** Midnight UTC; undefined when there is no such day. */
export function dayOf(year: number, month: number, day: number): number | undefined {
  if (year < 1000 || month < 1 || month > 12 || day < 1 || day > 31) return undefined
  const ms = Date.UTC(year, month - 1, day)
  return new Date(ms).getUTCDate() === day ? ms : undefined
}

/** Milliseconds of the day; undefined when there is no such time. */
export function timeOf(hour: number, minute: number, second: number, half?: string): number | undefined {
  if (half !== undefined && (hour < 1 || hour > 12)) return undefined
  const hours = half === undefined ? hour : (hour % 12) + (half === 'pm' ? 12 : 0)
  // A leap second is the next one's beginning.
  if (hours > 23 || minute > 59 || second > 60) return undefined
  return ((hours * 60 + minute) * 60 + second) * 1000
}

/** Milliseconds ahead of UTC, of `z`, `+02:00`, `gmt+7`, `est`. */
export function offsetOf(zone: string): number | undefined {
  const [, name = '', sign = '', hours = '0', minutes = '0'] =
    /^\s*([a-z]*)\s*(?:([+-])(\d{1,2})(?::?(\d{2}))?)?\s*$/.exec(zone) ?? []
  const base = NAMED_ZONES[name] ?? 0
  if (base !== 0) return sign === '' ? base * 3_600_000 : undefined
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000
  return ms > DAY_MS ? undefined : sign === '-' ? -ms : ms
}

/** The moment at which clocks of the zone show this; where they show it twice, the earlier or the later, but always the same. */
export function inZone(local: number, zone: ZoneOffset | undefined): number {
  if (zone === undefined) return local
  const near = local - zone(local)
  return local - zone(near)
}

const zones = new Map<string, ZoneOffset>()
/** There are about 600 of them. */
const ZONES_MAX = 1_000

/** By its name in the IANA database, `Europe/Paris`; undefined when there is none. */
export function zoneOf(name: string): ZoneOffset | undefined {
  const known = zones.get(name)
  if (known !== undefined) return known
  const offset = offsetsIn(name)
  if (offset !== undefined && zones.size < ZONES_MAX) zones.set(name, offset)
  return offset
}

function offsetsIn(timeZone: string): ZoneOffset | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    return (ms) => {
      const parts: Record<string, string> = {}
      for (const { type, value } of format.formatToParts(ms)) parts[type] = value
      const { year, month, day, hour, minute, second } = parts
      const shown = Date.UTC(
        Number(year),
        Number(month) - 1,
        Number(day),
        Number(hour),
        Number(minute),
        Number(second),
      )
      return shown - Math.floor(ms / 1000) * 1000
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** A moment relative to another, in the words of date-math.ts; undefined when the text is none. */
export function relativeMoment(text: string): ((now: number) => number) | undefined {
  const shift = readShift(text)
  return shift && ((now) => shifted(shift, now))
}
