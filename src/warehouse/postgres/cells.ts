/** PostgreSQL's values, as their text arrives, by the number of their type (pg_type.oid). */

import { floatOrText, isoTime, wholeOrText } from '../cells.ts'
import type { Cell } from '../warehouse.ts'

type Parser = (text: string) => Cell

const PARSERS: ReadonlyMap<number, Parser> = new Map<number, Parser>([
  [16, (text) => text === 't'], // bool
  [20, wholeOrText], // int8
  [21, Number], // int2
  [23, Number], // int4
  [26, Number], // oid
  [700, floatOrText], // float4
  [701, floatOrText], // float8
  [1700, wholeOrText], // numeric
  [1114, (text) => isoTime(text, '')], // timestamp: no zone is known
  [1184, (text) => isoTime(text.replace(/\+00$/, ''), 'Z')], // timestamptz; the session's zone is UTC
])

/** All else (bytea in hexadecimal, arrays, JSON, intervals, …) is its text in PostgreSQL's own form. */
export const CELL_TYPES = {
  getTypeParser: (oid: number): Parser => PARSERS.get(oid) ?? asItIs,
}

function asItIs(text: string): Cell {
  return text
}
