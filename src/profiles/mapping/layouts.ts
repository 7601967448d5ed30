/**
 * Dates in a form that somebody wrote down: the moment 2006-01-02 15:04:05 in that form, as Go and so Lytics have it.
 * `02/01/2006` puts the day first.
 */

import { dayOf, inZone, offsetOf, timeOf, type ZoneOffset } from './moments.ts'

/** Undefined: the text is not of this form. */
export type Layout = (text: string, zone?: ZoneOffset) => number | undefined

type Part = 'year' | 'month' | 'named' | 'day' | 'hour' | 'minute' | 'second' | 'fraction' | 'half' | 'zone'

/** What stands in a layout, the longest first, what it matches, and what that is. */
const ELEMENTS: readonly (readonly [written: string, pattern: string, part: Part | undefined])[] = [
  ['January', '([a-z]{3,9})', 'named'],
  ['Jan', '([a-z]{3})', 'named'],
  ['Monday', '[a-z]{6,9}', undefined],
  ['Mon', '[a-z]{3}', undefined],
  ['MST', '[a-z]{3,5}', undefined],
  ['Z07:00', '(z|[+-]\\d\\d:\\d\\d)', 'zone'],
  ['Z0700', '(z|[+-]\\d{4})', 'zone'],
  ['-07:00', '([+-]\\d\\d:\\d\\d)', 'zone'],
  ['-0700', '([+-]\\d{4})', 'zone'],
  ['-07', '([+-]\\d\\d)', 'zone'],
  ['2006', '(\\d{4})', 'year'],
  ['15', '(\\d{1,2})', 'hour'],
  ['01', '(\\d{2})', 'month'],
  ['02', '(\\d{2})', 'day'],
  ['_2', '\\s?(\\d{1,2})', 'day'],
  ['03', '(\\d{2})', 'hour'],
  ['04', '(\\d{2})', 'minute'],
  ['05', '(\\d{2})', 'second'],
  ['06', '(\\d{2})', 'year'],
  ['.000', '\\.(\\d{1,9})', 'fraction'],
  ['.999', '\\.(\\d{1,9})', 'fraction'],
  ['PM', '(am|pm)', 'half'],
  ['pm', '(am|pm)', 'half'],
  ['1', '(\\d{1,2})', 'month'],
  ['2', '(\\d{1,2})', 'day'],
  ['3', '(\\d{1,2})', 'hour'],
  ['4', '(\\d{1,2})', 'minute'],
  ['5', '(\\d{1,2})', 'second'],
]
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
/** A year of two digits from here on is of the last century (Go, time). */
const CENTURY_TURN = 69

/** Undefined when the layout says no year, month and day. */
export function layoutOf(layout: string): Layout | undefined {
  const parts: Part[] = []
  let pattern = ''
  for (let at = 0; at < layout.length; ) {
    const element = ELEMENTS.find(([written]) => layout.startsWith(written, at))
    if (element === undefined) pattern += (layout[at] ?? '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    else {
      pattern += element[1]
      if (element[2] !== undefined) parts.push(element[2])
    }
    at += element?.[0].length ?? 1
  }
  if (!parts.includes('year') || !parts.includes('day')) return undefined
  if (!parts.includes('month') && !parts.includes('named')) return undefined
  const form = new RegExp(`^${pattern}$`, 'i')
  return (text, zone) => {
    const found = form.exec(text.trim())
    if (found === null) return undefined
    const said = new Map(parts.map((part, i) => [part, (found[i + 1] ?? '').toLowerCase()]))
    return momentOf(said, zone)
  }
}

function momentOf(said: ReadonlyMap<Part, string>, zone: ZoneOffset | undefined): number | undefined {
  const named = said.get('named')
  const month = named === undefined ? Number(said.get('month')) : MONTHS.indexOf(named.slice(0, 3)) + 1
  const date = dayOf(yearOf(said.get('year') ?? ''), month, Number(said.get('day')))
  const time = timeOf(
    Number(said.get('hour') ?? 0),
    Number(said.get('minute') ?? 0),
    Number(said.get('second') ?? 0),
    said.get('half'),
  )
  if (date === undefined || time === undefined) return undefined
  const local = date + time + Math.floor(Number(`0.${said.get('fraction') ?? 0}`) * 1000)
  const written = said.get('zone')
  if (written === undefined) return inZone(local, zone)
  const offset = offsetOf(written)
  return offset === undefined ? undefined : local - offset
}

function yearOf(text: string): number {
  const year = Number(text)
  if (text.length !== 2) return year
  return year < CENTURY_TURN ? 2000 + year : 1900 + year
}
