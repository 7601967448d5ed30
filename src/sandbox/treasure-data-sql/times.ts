/**
 * Treasure Data's words for times: zones, moments and intervals, as far as a query writes them out. Times are Unix
 * seconds. Units: s m h d w M q y; weeks begin on Monday.
 *
 * TD_INTERVAL(time, interval), at 2018-08-14 01:23:45 (TD docs, "Supported Presto and TD functions"):
 *
 *   -7d              the 7 whole days before today      [08-07 00:00, 08-14 00:00)
 *   1d               from the beginning of today, 1 day [08-14 00:00, 08-15 00:00)
 *   -1h/now          since the last hour, up to now     [08-14 00:00, 08-14 01:23:45)
 *   -1h/0d           the hour before today              [08-13 23:00, 08-14 00:00)
 *   -7d/2015-12-25   the 7 days before that day         [2015-12-18, 2015-12-25)
 *   -10d/-1M         the 10 days before the last month  [06-21, 07-01)
 */

/** Abbreviations as Java knows them; one of a zone with summer time means that zone. */
export const ZONES: Readonly<Record<string, string>> = {
  UTC: 'UTC',
  GMT: 'UTC',
  Z: 'UTC',
  JST: 'Asia/Tokyo',
  KST: 'Asia/Seoul',
  IST: 'Asia/Kolkata',
  CET: 'Europe/Paris',
  CEST: 'Europe/Paris',
  BST: 'Europe/London',
  EST: 'America/New_York',
  EDT: 'America/New_York',
  CST: 'America/Chicago',
  CDT: 'America/Chicago',
  MST: 'America/Denver',
  MDT: 'America/Denver',
  PST: 'America/Los_Angeles',
  PDT: 'America/Los_Angeles',
}

export type Unit = 's' | 'm' | 'h' | 'd' | 'w' | 'M' | 'q' | 'y'

export interface Duration {
  readonly count: number
  readonly unit: Unit
}

const FIXED_S: Readonly<Partial<Record<Unit, number>>> = { s: 1, m: 60, h: 3600 }
const DAY_S = 86_400

/** The name in the time zone database of a name, an abbreviation or a whole-hour offset; undefined for anything else. */
export function zoneOf(text: string): string | undefined {
  const offset = /^([+-])(\d{1,2})(?::?00)?$/.exec(text)
  // In the database the signs of these are the other way round.
  if (offset !== null) return `Etc/GMT${offset[1] === '+' ? '-' : '+'}${Number(offset[2])}`
  const zone = ZONES[text.toUpperCase()] ?? text
  try {
    formatOf(zone)
    return zone
  } catch {
    // RangeError: there is no such zone.
    return undefined
  }
}

/** A date, a date with hours, minutes, perhaps seconds, perhaps with a zone behind; undefined for anything else. */
export function momentOf(text: string, zone: string): number | undefined {
  const found =
    /^\s*(\d{4})-(\d{1,2})(?:-(\d{1,2}))?(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*([A-Za-z][A-Za-z_/]*|[+-]\d{1,2}(?::?\d{2})?)?\s*$/.exec(
      text,
    )
  if (found === null) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => (part === undefined ? undefined : Number(part)))
  const stated = found[7] === undefined ? zone : zoneOf(found[7])
  const local = Date.UTC(year, month - 1, day, hour, minute, second) / 1000
  return stated === undefined ? undefined : moment(local, stated)
}

export function durationOf(text: string): Duration | undefined {
  const found = /^([+-]?)(\d{1,6})([smhdwMqy])$/.exec(text)
  if (found === null) return undefined
  return { count: Number(`${found[1]}${found[2]}`), unit: found[3] as Unit }
}

/** [from, to) of an interval; undefined for text that is none. */
export function intervalOf(
  text: string,
  zone: string,
  nowS: number,
): { from: number; to: number } | undefined {
  const slash = text.indexOf('/')
  const duration = durationOf(slash < 0 ? text : text.slice(0, slash))
  if (duration === undefined) return undefined
  const { count, unit } = duration
  const anchor = slash < 0 ? cut(nowS, unit, zone) : anchorOf(text.slice(slash + 1), zone, nowS)
  if (anchor === undefined) return undefined
  const bound = later(cut(anchor, unit, zone), count, unit, zone)
  return text.startsWith('-') || count === 0 ? { from: bound, to: anchor } : { from: anchor, to: bound }
}

function anchorOf(text: string, zone: string, nowS: number): number | undefined {
  if (text === 'now') return nowS
  const duration = durationOf(text)
  if (duration === undefined) return momentOf(text, zone)
  return later(cut(nowS, duration.unit, zone), Math.min(0, duration.count), duration.unit, zone)
}

/** The beginning of the unit that a moment lies in. */
function cut(t: number, unit: Unit, zone: string): number {
  const local = new Date((t + offsetS(t, zone)) * 1000)
  const year = local.getUTCFullYear()
  const month = local.getUTCMonth()
  const day = local.getUTCDate()
  switch (unit) {
    case 'y':
      return moment(Date.UTC(year, 0) / 1000, zone)
    case 'q':
      return moment(Date.UTC(year, month - (month % 3)) / 1000, zone)
    case 'M':
      return moment(Date.UTC(year, month) / 1000, zone)
    case 'w':
      return moment(Date.UTC(year, month, day - ((local.getUTCDay() + 6) % 7)) / 1000, zone)
    case 'd':
      return moment(Date.UTC(year, month, day) / 1000, zone)
    default: {
      const seconds = FIXED_S[unit] ?? 1
      const localS = Math.floor(local.getTime() / 1000)
      return t - (localS - Math.floor(localS / seconds) * seconds)
    }
  }
}

function later(t: number, count: number, unit: Unit, zone: string): number {
  const seconds = FIXED_S[unit]
  if (seconds !== undefined) return t + count * seconds
  const local = t + offsetS(t, zone)
  if (unit === 'd' || unit === 'w') return moment(local + count * DAY_S * (unit === 'w' ? 7 : 1), zone)
  return moment(monthsLater(local, count * (unit === 'y' ? 12 : unit === 'q' ? 3 : 1)), zone)
}

/** The same day of a later month, or its last day where it is shorter. */
function monthsLater(localS: number, months: number): number {
  const date = new Date(localS * 1000)
  const first = new Date(date)
  first.setUTCDate(1)
  first.setUTCMonth(first.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate()
  first.setUTCDate(Math.min(date.getUTCDate(), lastDay))
  return first.getTime() / 1000
}

/** The moment at which clocks of the zone show `localS`; asked twice because the offset itself depends on the moment. */
function moment(localS: number, zone: string): number {
  return localS - offsetS(localS - offsetS(localS, zone), zone)
}

function offsetS(t: number, zone: string): number {
  if (zone === 'UTC') return 0
  const parts = formatOf(zone).formatToParts(new Date(t * 1000))
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value)
  const local = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  )
  return local / 1000 - Math.floor(t)
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(zone, format) // there are only as many as zones
  return format
}
