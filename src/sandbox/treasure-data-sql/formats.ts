/**
 * The three ways in which time formats are spelt at Treasure Data, as strftime of DuckDB spells them:
 *
 *   date_format, date_parse    MySQL's letters: %Y-%m-%d %H:%i:%s
 *   TD_TIME_FORMAT             Java's letters: yyyy-MM-dd HH:mm:ss
 *   TD_TIME_STRING             short words: d, d!, h, …; anything else is taken as Java's letters
 *
 * A format that DuckDB has no letter for is undefined here, and an error in the query.
 */

import type { Unit } from './times.ts'

/** Where a format asks for the offset from UTC: strftime cannot know it, the macro puts +0900 there. */
export const OFFSET_MARK = '\u0001'

const MYSQL: Readonly<Record<string, string>> = {
  a: '%a',
  b: '%b',
  c: '%-m',
  d: '%d',
  e: '%-d',
  f: '%f',
  H: '%H',
  h: '%I',
  I: '%I',
  i: '%M',
  j: '%j',
  k: '%-H',
  l: '%-I',
  M: '%B',
  m: '%m',
  p: '%p',
  r: '%I:%M:%S %p',
  S: '%S',
  s: '%S',
  T: '%H:%M:%S',
  v: '%V',
  W: '%A',
  x: '%G',
  Y: '%Y',
  y: '%y',
  '%': '%%',
}

export function fromMysqlFormat(format: string): string | undefined {
  let known = true
  const pattern = format.replace(/%(.)/gsu, (_, letter: string) => {
    const spelt = MYSQL[letter]
    known &&= spelt !== undefined
    return spelt ?? ''
  })
  return known && !/%$/.test(format.replaceAll('%%', '')) ? pattern : undefined
}

/** By letter, then by how often it stands in a row; the last one serves all longer runs. */
const JAVA: Readonly<Record<string, readonly string[]>> = {
  y: ['%Y', '%y', '%Y'],
  Y: ['%Y', '%y', '%Y'],
  M: ['%-m', '%m', '%b', '%B'],
  d: ['%-d', '%d'],
  D: ['%-j', '%j'],
  H: ['%-H', '%H'],
  h: ['%-I', '%I'],
  m: ['%-M', '%M'],
  s: ['%-S', '%S'],
  S: ['%g'],
  E: ['%a', '%a', '%a', '%A'],
  u: ['%u'],
  w: ['%-V', '%V'],
  a: ['%p'],
  Z: [OFFSET_MARK],
  X: [OFFSET_MARK],
}

export function fromJavaFormat(format: string): string | undefined {
  let known = true
  const pattern = format.replace(
    /'((?:[^']|'')*)'|([A-Za-z])\2*|%/g,
    (run, quoted?: string, letter?: string) => {
      if (run === '%') return '%%'
      if (quoted !== undefined) return run === "''" ? "'" : quoted.replaceAll("''", "'").replaceAll('%', '%%')
      const spelt = JAVA[letter ?? '']
      known &&= spelt !== undefined
      return spelt?.[Math.min(run.length, spelt.length) - 1] ?? ''
    },
  )
  return known ? pattern : undefined
}

/** What TD_TIME_STRING prints for the short words that end in `!`; without it the whole moment, cut to the unit, with its offset. */
const SHORT: Readonly<Record<Unit, string>> = {
  y: '%Y',
  q: '%Y-%m',
  M: '%Y-%m',
  w: '%Y-%m-%d',
  d: '%Y-%m-%d',
  h: '%Y-%m-%d %H',
  m: '%Y-%m-%d %H:%M',
  s: '%Y-%m-%d %H:%M:%S',
}

export interface TimeString {
  /** The unit of time that the moment is cut to. */
  readonly unit: Unit
  readonly pattern: string
}

export function fromTimeString(format: string): TimeString | undefined {
  const short = /^([yqMwdhms])(!?)$/.exec(format)
  if (short === null) {
    const pattern = fromJavaFormat(format)
    return pattern === undefined ? undefined : { unit: 's', pattern }
  }
  const unit = short[1] as Unit
  return { unit, pattern: short[2] === '!' ? SHORT[unit] : `%Y-%m-%d %H:%M:%S${OFFSET_MARK}` }
}
