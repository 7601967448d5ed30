/** The values of MySQL and MariaDB, as their text arrives, and what the types are called. From MySQL's protocol, column definition. */

import mysql from 'mysql2'
import { floatOrText, isoTime, wholeOrText } from '../cells.ts'
import type { Cell } from '../warehouse.ts'

/** The part of a column's definition that is used. */
export interface Definition {
  readonly name: string
  readonly columnType?: number
  readonly characterSet?: number
  readonly flags: number | string[]
}

/** A value that has just arrived; it can be read once, and must be. NULL is null. */
export interface Value {
  string(encoding: 'latin1' | 'utf8'): string | null
  buffer(): Buffer | null
}

type Parser = (value: Value) => Cell

// Node finds no named exports in this package.
const { Types } = mysql

const UNSIGNED = 32
const ENUM = 256
const SET = 2048
/** The character set that means "bytes". */
const BINARY = 63

interface Shape {
  readonly type: string
  readonly parse: Parser
  /** What it is called, and how read, when its character set is "bytes". */
  readonly binary?: string
}

const whole = ofAscii(wholeOrText)
const float = ofAscii(floatOrText)
const text: Parser = (value) => value.string('utf8')
const json = ofBytes((bytes) => bytes.toString('utf8'))
const hexadecimal = ofBytes((bytes) => `0x${bytes.toString('hex')}`)
const bits = ofBytes((bytes) => wholeOrText(BigInt(`0x${bytes.toString('hex') || '0'}`).toString()))

const SHAPES: ReadonlyMap<number, Shape> = new Map<number, Shape>([
  [Types.TINY, { type: 'tinyint', parse: whole }],
  [Types.SHORT, { type: 'smallint', parse: whole }],
  [Types.INT24, { type: 'mediumint', parse: whole }],
  [Types.LONG, { type: 'int', parse: whole }],
  [Types.LONGLONG, { type: 'bigint', parse: whole }],
  [Types.YEAR, { type: 'year', parse: whole }],
  [Types.DECIMAL, { type: 'decimal', parse: whole }],
  [Types.NEWDECIMAL, { type: 'decimal', parse: whole }],
  [Types.FLOAT, { type: 'float', parse: float }],
  [Types.DOUBLE, { type: 'double', parse: float }],
  [Types.BIT, { type: 'bit', parse: bits }],
  // The session's zone is UTC; a datetime knows no zone.
  [Types.TIMESTAMP, { type: 'timestamp', parse: ofAscii((text) => isoTime(text, 'Z')) }],
  [Types.DATETIME, { type: 'datetime', parse: ofAscii((text) => isoTime(text, '')) }],
  [Types.DATE, { type: 'date', parse: text }],
  [Types.TIME, { type: 'time', parse: text }],
  // The client warns about each text of this type, on some servers.
  [Types.JSON, { type: 'json', parse: json }],
  [Types.GEOMETRY, { type: 'geometry', parse: hexadecimal }],
  [Types.VARCHAR, { type: 'varchar', parse: text, binary: 'varbinary' }],
  [Types.VAR_STRING, { type: 'varchar', parse: text, binary: 'varbinary' }],
  [Types.STRING, { type: 'char', parse: text, binary: 'binary' }],
  [Types.TINY_BLOB, { type: 'tinytext', parse: text, binary: 'tinyblob' }],
  [Types.BLOB, { type: 'text', parse: text, binary: 'blob' }],
  [Types.MEDIUM_BLOB, { type: 'mediumtext', parse: text, binary: 'mediumblob' }],
  [Types.LONG_BLOB, { type: 'longtext', parse: text, binary: 'longblob' }],
  [Types.NULL, { type: 'null', parse: text }],
])
const OTHER: Shape = { type: 'text', parse: text, binary: 'blob' }

function ofAscii(cellOf: (text: string) => Cell): Parser {
  return (value) => {
    const text = value.string('latin1')
    return text === null ? null : cellOf(text)
  }
}

function ofBytes(cellOf: (bytes: Buffer) => Cell): Parser {
  return (value) => {
    const bytes = value.buffer()
    return bytes === null ? null : cellOf(bytes)
  }
}

export function cellReader(definition: Definition): { readonly type: string; readonly parse: Parser } {
  const { type, parse, binary } = SHAPES.get(definition.columnType ?? -1) ?? OTHER
  const flags = typeof definition.flags === 'number' ? definition.flags : 0
  if (flags & ENUM) return { type: 'enum', parse }
  if (flags & SET) return { type: 'set', parse }
  if (binary !== undefined && definition.characterSet === BINARY) return { type: binary, parse: hexadecimal }
  return { type: parse === whole && flags & UNSIGNED ? `${type} unsigned` : type, parse }
}
