/** Numbers and times as people read them. */

const WHOLE = new Intl.NumberFormat('en')
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' })
const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const BYTES = ['B', 'kB', 'MB', 'GB', 'TB']

export const count = (n: number): string => WHOLE.format(n)
/** 1 row, 2,000 rows. */
export const counted = (n: number, word: string): string => `${count(n)} ${word}${n === 1 ? '' : 's'}`
/** 12.4K: for pictures; where there is room, `count`. */
export const short = (n: number): string => SHORT.format(n)
export const dateTime = (ms: number): string => DATE.format(ms)
export const day = (ms: number): string => DAY.format(ms)
export const timeOfDay = (ms: number): string => TIME.format(ms)

/** 1 kB = 1,000 bytes. */
export function bytes(n: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(n, 1)) / 3), BYTES.length - 1)
  const value = n / 1_000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTES[power]}`
}

/** 950 ms, 4.2 s, 3 min, 5 h, 12 d. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} d`
}

export const rate = (perSecond: number): string =>
  `${perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : short(Math.round(perSecond))}/s`

/** 12.3 %; what is not nothing and not all is not rounded to it. */
export function share(part: number, whole: number): string {
  if (whole === 0) return '–'
  const percent = (part / whole) * 100
  if (part > 0 && percent < 0.1) return '< 0.1 %'
  if (part < whole && percent > 99.9) return '> 99.9 %'
  return `${percent.toFixed(part === 0 || part === whole ? 0 : 1)} %`
}

/** deferred-long → Deferred long. */
export const spoken = (word: string): string => {
  const text = word.replaceAll(/[-_]/g, ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
