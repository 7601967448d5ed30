/**
 * Moments that move with the clock (`now-3d`), and when a comparison with one can next come out otherwise.
 *
 * Months and years count by the calendar in UTC, and a day that the month does not have runs on into the next one, as in
 * Go and so in Lytics: a month before 31 March is 3 March. So within one month of the clock every unit is a constant number
 * of milliseconds, and at the first of a month the result may jump, also backwards.
 */

export const DAY_MS = 86_400_000

const FIXED_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
}
const MONTHS: Readonly<Record<string, number>> = { M: 1, y: 12 }

/** Milliseconds that are added to now; `months`: whole months of the calendar that are added instead. */
export interface Shift {
  readonly ms: number
  readonly months: number
}

const MATH = /^\s*now(?:\s*([+-])\s*(\d{1,6})\s*([smhdwMy]))?\s*$/
/** Of what is added to now: about 300 years, so that a moment stays one. */
const SHIFT_MS_MAX = 1e13
const SHIFT_MONTHS_MAX = 3_600

/** `now`, `now-3d`, `now+1M`; units s, m (minutes), h, d, w, M (months), y. Undefined for anything else. */
export function readShift(text: string): Shift | undefined {
  const math = MATH.exec(text)
  if (math === null) return undefined
  const [, sign, digits = '0', unit = 's'] = math
  const count = Number(digits) * (sign === '-' ? -1 : 1)
  const ms = (FIXED_MS[unit] ?? 0) * count || 0
  const months = (MONTHS[unit] ?? 0) * count || 0
  return Math.abs(ms) > SHIFT_MS_MAX || Math.abs(months) > SHIFT_MONTHS_MAX ? undefined : { ms, months }
}

export function shifted({ ms, months }: Shift, nowMs: number): number {
  return months === 0 ? nowMs + ms : nowMs + monthOffset(months, nowMs)
}

/**
 * The earliest whole millisecond after now at which `at` compares otherwise (before, equal, after) with what the shift makes of
 * the clock; Infinity: never.
 */
export function nextChange(at: number, shift: Shift, nowMs: number): number {
  if (shift.months !== 0) return nextChangeByCalendar(at, shift.months, nowMs)
  const meets = at - shift.ms
  if (nowMs < meets) return Math.ceil(meets)
  return nowMs === meets ? Math.floor(nowMs) + 1 : Infinity
}

/** Days in a month, on the average of the calendar; how far a whole number of months can be off, and more than that. */
const MONTH_DAYS = 30.436875
const MONTHS_OFF_DAYS = 6

function nextChangeByCalendar(at: number, months: number, nowMs: number): number {
  const least = (months * MONTH_DAYS - MONTHS_OFF_DAYS) * DAY_MS
  const most = (months * MONTH_DAYS + MONTHS_OFF_DAYS) * DAY_MS
  const before = Math.sign(at - nowMs - monthOffset(months, nowMs))
  if (before < 0 && nowMs + least > at) return Infinity
  if (before === 0) return Math.floor(nowMs) + 1
  // Until then nothing can change, whatever the months between.
  let from = Math.max(Math.floor(nowMs) + 1, before > 0 ? Math.floor(at - most) : 0)
  // Later than this the clock has passed it for good.
  while (from + least <= at) {
    const end = monthStart(from, 1)
    const offset = monthStart(from, months) - monthStart(from, 0)
    if (Math.sign(at - from - offset) !== before) return from
    const meets = Math.ceil(at - offset)
    if (before > 0 && meets < end) return meets
    from = end
  }
  return before > 0 ? from : Infinity
}

/** What whole months add within the clock's month. */
function monthOffset(months: number, nowMs: number): number {
  const known = offsets.get(months)
  if (known !== undefined && nowMs >= known.from && nowMs < known.to) return known.ms
  const from = monthStart(nowMs, 0)
  const ms = monthStart(nowMs, months) - from
  if (offsets.size >= OFFSETS_MAX) offsets.clear()
  offsets.set(months, { from, to: monthStart(nowMs, 1), ms })
  return ms
}

/** By number of months, of the month that was asked for last: millions are judged at one moment. */
const offsets = new Map<number, { readonly from: number; readonly to: number; readonly ms: number }>()
const OFFSETS_MAX = 1_000

/**
 * The first moment of the month of now, or of one so many months later. By the calendar of years that begin in March (Howard
 * Hinnant, `civil_from_days`), without a Date: rules ask several times for each birthday.
 */
function monthStart(nowMs: number, later: number): number {
  const day = Math.floor(nowMs / DAY_MS) + DAYS_TO_1970
  const era = Math.floor(day / ERA_DAYS)
  const ofEra = day - era * ERA_DAYS
  const years = Math.floor(
    (ofEra - Math.floor(ofEra / 1_460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * years + Math.floor(years / 4) - Math.floor(years / 100))
  const months = 12 * (era * 400 + years) + Math.floor((5 * ofYear + 2) / 153) + later
  const year = Math.floor(months / 12)
  const before = 365 * year + Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400)
  return (before + Math.floor((153 * (months - 12 * year) + 2) / 5) - DAYS_TO_1970) * DAY_MS
}

/** Days of 400 years, and from 1 March 0000 to 1 January 1970. */
const ERA_DAYS = 146_097
const DAYS_TO_1970 = 719_468
