/** How values are written for people, and how what people write is read. */

import { InvalidArgumentError } from 'commander'

/**
 * Text from outside on one line of a terminal: control characters, which could move the cursor or worse,
 * become visible; what is longer than `charsMax` is cut.
 */
export function clean(text: string, charsMax = 200): string {
  const cut = text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text
  return cut.replace(CONTROL, visible)
}

/** The same for text of several lines, uncut. */
export function cleanLines(text: string): string {
  return text.replace(CONTROL, (character) => (character === '\n' ? character : visible(character)))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

function visible(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

export function grouped(count: number): string {
  return count.toLocaleString('en')
}

const DASH = '–'

export function moment(ms: number | null): string {
  return ms === null
    ? DASH
    : new Date(ms)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, 'Z')
}

const SPANS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
]

/** Rounded to one digit behind the point: 2.5 s, 3 min, 1.2 d. */
export function span(ms: number): string {
  for (const [size, unit] of SPANS) if (ms >= size) return `${Number((ms / size).toFixed(1))} ${unit}`
  return `${Math.round(ms)} ms`
}

export function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let size = count
  let unit = 0
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${Number(size.toFixed(1))} ${units[unit]}`
}

const AGO_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `now`, an ISO time, milliseconds since the epoch, or so long ago: 90m, 2h, 3d. */
export function momentFrom(text: string, now: number): number {
  if (text === 'now') return now
  if (/^\d{12,14}$/.test(text)) return Number(text)
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const unitMs = AGO_MS[unit]
  if (amount !== undefined && unitMs !== undefined) return now - Number(amount) * unitMs
  const parsed = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(parsed)) {
    throw new InvalidArgumentError(
      `${JSON.stringify(text)} is not a time: write 2026-11-23T10:00:00Z, milliseconds, or 90m, 2h, 3d for so long ago.`,
    )
  }
  return parsed
}

/** A whole number within bounds, for options. */
export function wholeFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`)
  }
}

/** For options that may be given several times. */
export function collected(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** `name=value` pairs; a value that is JSON counts as that, anything else as text. */
export function settingsFrom(pairs: readonly string[]): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const pair of pairs) {
    const mark = pair.indexOf('=')
    if (mark <= 0) throw new InvalidArgumentError(`${JSON.stringify(pair)} is not of the form name=value.`)
    settings[pair.slice(0, mark)] = valueFrom(pair.slice(mark + 1))
  }
  return settings
}

function valueFrom(text: string): unknown {
  if (!/^(true|false|null|-?\d|["[{])/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text // it only began like JSON
  }
}
