/**
 * The functions of the language of mappings (Lytics, advanced mapping; qlbridge where that says more). None throws, looks at
 * a clock or keeps anything; what cannot be made of a value that is there is undefined, with the reason in the scope.
 */

import { hash } from 'node:crypto'
import { domainOf, urlFrom } from '../domains.ts'
import { type Layout, layoutOf } from './layouts.ts'
import { MOMENT_MAX, MOMENT_MIN, momentOf, relativeMoment, zoneOf } from './moments.ts'
import {
  boolOf,
  compared,
  type Evaluate,
  entriesOf,
  exists,
  firstOf,
  given,
  holds,
  isEqual,
  isObject,
  listOf,
  madeMoment,
  numberOf,
  type Scope,
  textOf,
  timeOf,
} from './scope.ts'
import type { Literal } from './syntax.ts'

/** What an expression gives where it gives anything. `moments`: a map whose values are lists of moments. */
export type Kind = 'any' | 'string' | 'number' | 'bool' | 'date' | 'list' | 'map' | 'moments'

export interface Argument {
  readonly evaluate: Evaluate
  /** Where it stands in the text itself. */
  readonly literal: Literal | undefined
}

export interface FunctionRule {
  /** Arguments at least, and at most. */
  readonly least: number
  readonly most: number
  readonly gives: Kind
  /** For the reference. */
  readonly form: string
  readonly does: string
  /** Throws TypeError with what is wrong with an argument that is a literal. */
  readonly make: (args: readonly Argument[]) => Evaluate
}

const ARGUMENTS_MAX = 100
/** Of a text that a function makes longer. */
const TEXT_CHARS_MAX = 1_000_000
const nothing: Evaluate = () => undefined

/** Of the first argument as text. */
function ofText(
  gives: Kind,
  form: string,
  does: string,
  make: (text: string, scope: Scope) => unknown,
): FunctionRule {
  return {
    least: 1,
    most: 1,
    gives,
    form,
    does,
    make([{ evaluate } = ABSENT]) {
      return (scope) => {
        const text = textOf(evaluate(scope), scope)
        return text === undefined ? undefined : make(text, scope)
      }
    },
  }
}

/** Of the first argument, and the second as text; where either is none, none. */
function withText(
  gives: Kind,
  form: string,
  does: string,
  make: (value: unknown, text: string, scope: Scope) => unknown,
): FunctionRule {
  return {
    least: 2,
    most: 2,
    gives,
    form,
    does,
    make([value = ABSENT, text = ABSENT]) {
      return (scope) => {
        const first = given(value.evaluate(scope))
        const second = textOf(text.evaluate(scope), scope)
        return first === undefined || second === undefined ? undefined : make(first, second, scope)
      }
    },
  }
}

function ofValues(
  form: string,
  does: string,
  range: readonly [least: number, most: number],
  gives: Kind,
  make: (values: readonly unknown[], scope: Scope) => unknown,
): FunctionRule {
  const [least, most] = range
  return {
    least,
    most,
    gives,
    form,
    does,
    make: (args) => (scope) =>
      make(
        args.map(({ evaluate }) => given(evaluate(scope))),
        scope,
      ),
  }
}

const ABSENT: Argument = { evaluate: nothing, literal: undefined }

const EMAIL_CHARS_MAX = 254
const EMAIL =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*@(?:[a-z0-9\u0080-\u{10ffff}](?:[a-z0-9\u0080-\u{10ffff}-]*[a-z0-9\u0080-\u{10ffff}])?\.)+[a-z\u0080-\u{10ffff}][a-z0-9\u0080-\u{10ffff}-]*$/u
const NAMED_EMAIL = /^([^<>]*)<([^<>]*)>$/

function emailOf(text: string, scope: Scope): string | undefined {
  const [, , inside] = NAMED_EMAIL.exec(text.trim()) ?? []
  const address = (inside ?? text).trim().toLowerCase()
  // Ahead of the pattern: it costs time in proportion to the text.
  const isEmail = address.length <= EMAIL_CHARS_MAX && !/\s/.test(address) && EMAIL.test(address)
  return isEmail ? address : scope.none('not_an_email')
}

function urlOf(text: string, scope: Scope): URL | undefined {
  return urlFrom(text) ?? scope.none('not_a_url')
}

function ofUrl(form: string, does: string, part: (url: URL) => string): FunctionRule {
  return ofText('string', form, does, (text, scope) => {
    const url = urlOf(text, scope)
    return url === undefined ? undefined : given(part(url))
  })
}

function hashOf(name: string): FunctionRule {
  return ofText('string', `hash.${name}(x)`, `hexadecimal ${name.toUpperCase()} of the text`, (text) =>
    hash(name, text),
  )
}

function comparison(name: string, sign: string, test: (sign: number) => boolean): FunctionRule {
  return ofValues(`${name}(a, b)`, `a ${sign} b`, [2, 2], 'bool', ([a, b]) => {
    const order = compared(firstOf(a), firstOf(b))
    return order !== undefined && test(order)
  })
}

/** The moment of a literal that is relative to the record's, of a text in a layout, or of whatever reads as one. */
function toDate(args: readonly Argument[]): Evaluate {
  const [first = ABSENT, second] = args
  if (second !== undefined) return inLayout(first, second)
  const { literal, evaluate } = first
  const relative = typeof literal === 'string' ? relativeMoment(literal) : undefined
  if (relative !== undefined)
    return (scope) => {
      const ms = relative(scope.at)
      return ms >= MOMENT_MIN && ms <= MOMENT_MAX ? new Date(ms) : scope.none('not_a_date')
    }
  return (scope) => dated(timeOf(evaluate(scope), scope))
}

function inLayout({ literal }: Argument, { evaluate }: Argument): Evaluate {
  const layout = typeof literal === 'string' ? layoutOf(literal) : undefined
  if (layout === undefined)
    throw new TypeError(
      'the layout is the moment 2006-01-02 15:04:05 as text in the form of the dates, with a year, a month and a day',
    )
  return (scope) => readIn(layout, evaluate, scope)
}

function readIn(layout: Layout, evaluate: Evaluate, scope: Scope): Date | undefined {
  const value = firstOf(evaluate(scope))
  if (value instanceof Date) return value
  const text = textOf(value, scope)
  return text === undefined ? undefined : dated(layout(text) ?? scope.none('not_a_date'))
}

function dated(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms)
}

function toDateIn(args: readonly Argument[]): Evaluate {
  const [value = ABSENT, zone = ABSENT] = args
  if (typeof zone.literal === 'string' && zoneOf(zone.literal) === undefined)
    throw new TypeError(`there is no time zone ${zone.literal}`)
  return (scope) => {
    const one = firstOf(value.evaluate(scope))
    const name = textOf(zone.evaluate(scope), scope)
    if (one instanceof Date || one === undefined) return one
    if (typeof one !== 'string' && typeof one !== 'number') return scope.none('not_a_date')
    const offset = name === undefined ? undefined : zoneOf(name)
    if (name !== undefined && offset === undefined) return scope.none('not_a_time_zone')
    return dated(madeMoment(momentOf(one, offset), scope))
  }
}

const HASHED = /^[0-9a-f]{64}$/i

/** Braze's field transformations leave one of these two in place of a value. */
function plainOf(text: string, scope: Scope): string | undefined {
  if (text === '[REDACTED]') return scope.none('redacted')
  return HASHED.test(text) ? scope.none('hashed') : text
}

function matchOf(args: readonly Argument[]): Evaluate {
  const prefixes = args.map(({ literal }) => {
    if (typeof literal !== 'string' || literal === '')
      throw new TypeError('a prefix is a text, and not empty')
    return literal
  })
  return ({ row }) => {
    const found = new Map<string, unknown>()
    for (const [key, value] of Object.entries(row)) {
      const prefix = prefixes.find((one) => key.length > one.length && key.startsWith(one))
      if (prefix !== undefined && given(value) !== undefined) found.set(key.slice(prefix.length), value)
    }
    return found.size === 0 ? undefined : found
  }
}

/** One entry for each key, if there is a key and a value. */
function mapOf(keys: unknown, value: unknown, scope: Scope): Map<string, unknown> | undefined {
  if (given(value) === undefined) return undefined
  const map = new Map<string, unknown>()
  for (const key of listOf(keys)) {
    const text = textOf(key, scope)
    if (text !== undefined) map.set(text, value)
  }
  return map.size === 0 ? undefined : map
}

function moment(args: readonly Argument[], scope: Scope): Date | undefined {
  const [, time] = args
  return time === undefined ? new Date(scope.at) : dated(timeOf(time.evaluate(scope), scope))
}

/** Every function by its name. */
export const FUNCTIONS: Readonly<Record<string, FunctionRule>> = {
  email: ofText('string', 'email(x)', 'the address, in lower case, also out of `Name <a@b.c>`', emailOf),
  emailname: ofText('string', 'emailname(x)', 'the name in `Name <a@b.c>`', (text) =>
    given(
      NAMED_EMAIL.exec(text.trim())?.[1]
        ?.trim()
        .replace(/^"(.*)"$/, '$1'),
    ),
  ),
  emaildomain: ofText('string', 'emaildomain(x)', 'what stands behind the @', (text, scope) =>
    emailOf(text, scope)?.replace(/^.*@/, ''),
  ),
  domain: ofUrl('domain(url)', 'the host without what is below the name that is bought', (url) =>
    domainOf(url.hostname),
  ),
  host: ofUrl('host(url)', 'the host, without a port', (url) => url.hostname),
  path: ofUrl('path(url)', 'the path', (url) => url.pathname),
  urlmain: ofUrl('urlmain(url)', 'host and path', (url) => `${url.host}${url.pathname}`),
  qs: withText('string', 'qs(url, name)', 'a parameter of the address', (value, name, scope) => {
    const text = textOf(value, scope)
    return text === undefined ? undefined : given(urlOf(text, scope)?.searchParams.get(name))
  }),
  urldecode: ofText('string', 'urldecode(x)', 'the text without its escapes (%20, +)', (text, scope) => {
    try {
      return decodeURIComponent(text.replaceAll('+', ' '))
    } catch (error) {
      if (error instanceof URIError) return scope.none('not_a_url')
      throw error
    }
  }),
  todate: {
    least: 1,
    most: 2,
    gives: 'date',
    form: 'todate(x), todate(layout, x)',
    does: 'the moment; a layout is 2006-01-02 15:04:05 in the form of the dates; a text in the mapping may be `now-3m`',
    make: toDate,
  },
  todatein: {
    least: 2,
    most: 2,
    gives: 'date',
    form: 'todatein(x, zone)',
    does: 'the moment, where x names no zone in this one (`Europe/Paris`)',
    make: toDateIn,
  },
  now: {
    least: 0,
    most: 0,
    gives: 'date',
    form: 'now()',
    does: 'the moment of the record',
    make: () => (scope) => new Date(scope.at),
  },
  set: ofValues('set(x, …)', 'a list of the values', [1, ARGUMENTS_MAX], 'list', (values) => {
    const list = values.flatMap(listOf)
    return list.length === 0 ? undefined : list
  }),
  count: ofValues('count(x)', '1 if there is a value', [1, 1], 'number', ([value]) =>
    exists(value) ? 1 : undefined,
  ),
  valuect: ofValues('valuect(x)', 'a map that counts 1 for the value', [1, 1], 'map', ([value], scope) =>
    mapOf(value, 1, scope),
  ),
  map: ofValues('map(key, value)', 'a map of one entry', [2, 2], 'map', ([key, value], scope) =>
    mapOf(key, firstOf(value), scope),
  ),
  maptime: {
    least: 1,
    most: 2,
    gives: 'map',
    form: 'maptime(key), maptime(key, moment)',
    does: 'a map of one moment, which is the record’s if none is given',
    make: (args) => (scope) => mapOf(args[0]?.evaluate(scope), moment(args, scope), scope),
  },
  times: {
    least: 1,
    most: 2,
    gives: 'moments',
    form: 'times(key), times(key, moment)',
    does: 'a map of one list of moments, as `maptime`: for what rules about events ask',
    make: (args) => (scope) => {
      const at = moment(args, scope)
      return mapOf(args[0]?.evaluate(scope), at === undefined ? undefined : [at], scope)
    },
  },
  match: {
    least: 1,
    most: ARGUMENTS_MAX,
    gives: 'map',
    form: 'match("prefix", …)',
    does: 'a map of the members whose name begins so, without the prefix',
    make: matchOf,
  },
  mapkeys: ofValues('mapkeys(map)', 'a list of its keys', [1, 1], 'list', ([value], scope) =>
    nonEmpty(entriesOf(value, scope).map(([key]) => key)),
  ),
  mapvalues: ofValues('mapvalues(map)', 'a list of its values', [1, 1], 'list', ([value], scope) =>
    nonEmpty(entriesOf(value, scope).map(([, one]) => one)),
  ),
  oneof: ofValues('oneof(a, b, …)', 'the first that is a value', [1, ARGUMENTS_MAX], 'any', (values) =>
    values.find(exists),
  ),
  plain: ofText(
    'string',
    'plain(x)',
    'the text, unless Braze has put `[REDACTED]` or a SHA-256 in its place',
    plainOf,
  ),
  tolower: ofText('string', 'tolower(x)', 'in lower case', (text) => text.toLowerCase()),
  toupper: ofText('string', 'toupper(x)', 'in upper case', (text) => text.toUpperCase()),
  strip: ofText('string', 'strip(x)', 'without blanks around it', (text) => given(text.trim())),
  split: withText('list', 'split(x, separator)', 'a list of the parts', (value, separator, scope) =>
    nonEmpty(listOf(textOf(value, scope)?.split(separator))),
  ),
  join: ofValues(
    'join(a, b, …, separator)',
    'the values in one text; of a list its values',
    [2, ARGUMENTS_MAX],
    'string',
    (values, scope) => {
      const separator = textOf(values.at(-1), scope) ?? ''
      const texts = values
        .slice(0, -1)
        .flatMap(listOf)
        .map((one) => textOf(one, scope))
        .filter((one) => one !== undefined)
      const chars = texts.reduce((sum, one) => sum + one.length + separator.length, 0)
      return chars > TEXT_CHARS_MAX ? scope.none('too_long') : given(texts.join(separator))
    },
  ),
  replace: ofValues(
    'replace(x, old), replace(x, old, new)',
    'with every old part replaced, or taken out',
    [2, 3],
    'string',
    ([value, old, by], scope) => {
      const text = textOf(value, scope)
      const part = textOf(old, scope)
      if (text === undefined || part === undefined) return text
      const parts = text.split(part)
      const other = textOf(by, scope) ?? ''
      const chars = text.length + (parts.length - 1) * (other.length - part.length)
      return chars > TEXT_CHARS_MAX ? scope.none('too_long') : given(parts.join(other))
    },
  ),
  len: ofValues(
    'len(x)',
    'characters of a text, values of a list, keys of a map',
    [1, 1],
    'number',
    ([value]) => lengthOf(value),
  ),
  hasprefix: withText('bool', 'hasprefix(x, text)', 'whether it begins so', (value, part, scope) =>
    textOf(value, scope)?.startsWith(part),
  ),
  hassuffix: withText('bool', 'hassuffix(x, text)', 'whether it ends so', (value, part, scope) =>
    textOf(value, scope)?.endsWith(part),
  ),
  contains: withText(
    'bool',
    'contains(x, text)',
    'whether the text stands in it; of a list, whether it is one of its values',
    (value, part, scope) =>
      Array.isArray(value) ? isEqual(value, part) : textOf(value, scope)?.includes(part),
  ),
  toint: ofValues('toint(x)', 'a whole number, cut towards zero', [1, 1], 'number', ([value], scope) => {
    const number = value instanceof Date ? value.getTime() : numberOf(value, scope)
    return number === undefined ? undefined : Math.trunc(number)
  }),
  tonumber: ofValues('tonumber(x)', 'a number', [1, 1], 'number', ([value], scope) =>
    value instanceof Date ? value.getTime() : numberOf(value, scope),
  ),
  tobool: ofValues(
    'tobool(x)',
    'true or false, also out of yes, no, 1, 0',
    [1, 1],
    'bool',
    ([value], scope) => boolOf(value, scope),
  ),
  tostring: ofText('string', 'tostring(x)', 'as text', (text) => text),
  'hash.md5': hashOf('md5'),
  'hash.sha1': hashOf('sha1'),
  'hash.sha256': hashOf('sha256'),
  'hash.sha512': hashOf('sha512'),
  'encoding.b64encode': ofText('string', 'encoding.b64encode(x)', 'in Base64', (text) =>
    Buffer.from(text).toString('base64'),
  ),
  'encoding.b64decode': ofText('string', 'encoding.b64decode(x)', 'out of Base64', (text, scope) =>
    /^[A-Za-z0-9+/_-]*={0,2}$/.test(text)
      ? given(Buffer.from(text, 'base64').toString())
      : scope.none('not_base64'),
  ),
  eq: ofValues('eq(a, b)', 'a == b', [2, 2], 'bool', ([a, b]) => isEqual(a, b)),
  ne: ofValues('ne(a, b)', 'a != b', [2, 2], 'bool', ([a, b]) => !isEqual(a, b)),
  gt: comparison('gt', '>', (sign) => sign > 0),
  ge: comparison('ge', '>=', (sign) => sign >= 0),
  lt: comparison('lt', '<', (sign) => sign < 0),
  le: comparison('le', '<=', (sign) => sign <= 0),
  any: ofValues('any(a, b, …)', 'whether one of them is true', [1, ARGUMENTS_MAX], 'bool', (values) =>
    values.some(holds),
  ),
  all: ofValues('all(a, b, …)', 'whether each of them is true', [1, ARGUMENTS_MAX], 'bool', (values) =>
    values.every(holds),
  ),
  not: ofValues('not(a)', 'whether it is not true', [1, 1], 'bool', ([value]) => !holds(value)),
  exists: ofValues('exists(x)', 'whether there is a value', [1, 1], 'bool', ([value]) => exists(value)),
}

function nonEmpty(list: readonly unknown[]): readonly unknown[] | undefined {
  return list.length === 0 ? undefined : list
}

function lengthOf(value: unknown): number | undefined {
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  if (value instanceof Map) return value.size
  return isObject(value) ? Object.keys(value).length : undefined
}
