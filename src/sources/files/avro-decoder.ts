/**
 * Compiles the schema that a file was written by into a decoder that writes canonical events (the Custom HTTP
 * shape) straight from Avro's bytes: no object is made on the way. A record is walked twice: first over its
 * fields, to learn where each begins, then in the order of the event's members.
 *
 * What Avro has and JSON has not: null is left out of records and maps (in arrays it stays), bytes and fixed are base64, a
 * decimal is a number, an enum its symbol, a union the value itself; dates and times keep their integer.
 */

import { storageField, typeOfRecord } from '../../catalog/storage.ts'
import type { Cursor } from './avro-cursor.ts'
import type { AvroField, AvroRecord, AvroType } from './avro-schema.ts'
import { damaged } from './damage.ts'
import { float32Text } from './float32.ts'
import { type JsonWriter, type Phrase, phraseOf } from './json-writer.ts'

const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COLON = 0x3a
const NULL = Buffer.from('null')
const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const HOUR_SECONDS = 3600
const HOURS_MAX = 0xffffffff
/** An array of nothing has no bytes: its length is bounded by this. */
const EMPTY_ITEMS_MAX = 100_000

/** Moves past a value. */
type Skip = (from: Cursor) => void
/** Writes a value as JSON; false: it is null, and nothing was written. */
type Write = (from: Cursor, to: JsonWriter) => boolean

interface Codec {
  readonly skip: Skip
  readonly write: Write
}

export interface EventDecoder {
  /**
   * Writes the event that begins at the cursor, and moves past it. Throws FILES_DAMAGED; what was written of the
   * event is then the caller's to take back.
   */
  write(from: Cursor, to: JsonWriter): void
  /** Of the last event: hours since the epoch of its `time`; 0 when it has none. */
  readonly hour: number
}

/**
 * `typeInPath` is what the file's name says (`event_type=…/`); it counts when the record's own name is not one of Braze's. Throws
 * FILES_DAMAGED when the schema holds no record.
 */
export function compileDecoder(schema: AvroType, typeInPath: string | undefined): EventDecoder {
  if (schema.kind === 'record') return new RecordDecoder(schema, typeInPath)
  if (schema.kind === 'union') {
    return new UnionDecoder(schema.branches.map((branch) => compileDecoder(branch, typeInPath)))
  }
  throw damaged(`the file holds values of the type ${schema.kind}, not records`)
}

class UnionDecoder implements EventDecoder {
  hour = 0
  readonly #branches: readonly EventDecoder[]

  constructor(branches: readonly EventDecoder[]) {
    this.#branches = branches
  }

  write(from: Cursor, to: JsonWriter): void {
    const branch = branchAt(this.#branches, from)
    branch.write(from, to)
    this.hour = branch.hour
  }
}

/** A field with its place in the record and its key as it is written, comma and colon included. */
interface Member {
  readonly index: number
  readonly key: Phrase
  readonly write: Write
}

class RecordDecoder implements EventDecoder {
  hour = 0
  readonly #skips: readonly Skip[]
  /** Where each field of the record at hand begins; -1: it is null. */
  readonly #starts: Int32Array
  readonly #head: Phrase
  /** The byte that says null where a field begins; -1 where none does. */
  readonly #nullBytes: Int16Array
  readonly #event: readonly Member[]
  readonly #user: readonly Member[]
  readonly #properties: readonly Member[]
  readonly #timeIndex: number

  constructor(record: AvroRecord, typeInPath: string | undefined) {
    const { fields } = record
    const own = fields.some((field) => field.name === 'event_type')
    const type = typeOfRecord(record.fullName) ?? typeInPath ?? record.fullName
    this.#skips = fields.map((field) => codecOf(field.type).skip)
    this.#starts = new Int32Array(fields.length)
    this.#nullBytes = Int16Array.from(fields, (field) => nullByteOf(field.type))
    this.#head = phraseOf(own ? '' : `,"event_type":${JSON.stringify(type)}`)
    const parts = partsOf(fields, type)
    this.#event = parts.event
    this.#user = parts.user
    this.#properties = parts.properties
    this.#timeIndex = fields.findIndex(
      ({ name, type: { kind } }) => name === 'time' && (kind === 'int' || kind === 'long'),
    )
  }

  write(from: Cursor, to: JsonWriter): void {
    this.#walk(from)
    const end = from.at
    const start = to.at
    to.phrase(this.#head)
    this.#members(this.#event, from, to)
    to.phrase(USER)
    this.#object(this.#user, from, to)
    to.phrase(PROPERTIES)
    this.#object(this.#properties, from, to)
    to.byte(CLOSE_BRACE)
    // Instead of the comma before the first member.
    to.bytes[start] = OPEN_BRACE
    this.hour = this.#timeIndex < 0 ? 0 : hourAt(from, this.#starts[this.#timeIndex] as number)
    from.at = end
  }

  #walk(from: Cursor): void {
    const starts = this.#starts
    const { bytes } = from
    for (let i = 0; i < starts.length; i++) {
      if (bytes[from.at] === this.#nullBytes[i]) {
        starts[i] = -1
        from.at++
      } else {
        starts[i] = from.at
        ;(this.#skips[i] as Skip)(from)
      }
    }
  }

  #members(members: readonly Member[], from: Cursor, to: JsonWriter): void {
    for (let i = 0; i < members.length; i++) {
      const { index, key, write } = members[i] as Member
      const start = this.#starts[index] as number
      if (start < 0) continue
      from.at = start
      writeMember(key, write, from, to)
    }
  }

  #object(members: readonly Member[], from: Cursor, to: JsonWriter): void {
    const open = to.at
    this.#members(members, from, to)
    closeObject(open, to)
  }
}

const USER = phraseOf(',"user":')
const PROPERTIES = phraseOf(',"properties":')

function partsOf(fields: readonly AvroField[], type: string) {
  const parts: Record<'event' | 'user' | 'properties', Member[]> = { event: [], user: [], properties: [] }
  fields.forEach((field, index) => {
    if (field.name === 'event_type') {
      parts.event.unshift({ index, key: keyOf('event_type'), write: codecOf(field.type).write })
      return
    }
    const { part, name, jsonText } = storageField(type, field.name)
    const { write } = codecOf(field.type)
    parts[part].push({ index, key: keyOf(name), write: jsonText ? parsed(field.type, write) : write })
  })
  return parts
}

function keyOf(name: string): Phrase {
  return phraseOf(`,${JSON.stringify(name)}:`)
}

/** A branch is a number, and null takes no more bytes. */
function nullByteOf(type: AvroType): number {
  const branch = type.kind === 'union' ? type.branches.findIndex(({ kind }) => kind === 'null') : -1
  return branch < 0 || branch > 63 ? -1 : 2 * branch
}

function writeMember(key: Phrase, write: Write, from: Cursor, to: JsonWriter): void {
  const before = to.at
  to.phrase(key)
  if (!write(from, to)) to.at = before
}

/** Makes an object of the members written since `open`, each with a comma before it. */
function closeObject(open: number, to: JsonWriter): void {
  if (to.at === open) to.byte(OPEN_BRACE)
  else to.bytes[open] = OPEN_BRACE
  to.byte(CLOSE_BRACE)
}

function hourAt(from: Cursor, at: number): number {
  from.at = at
  const hour = Math.floor(from.whole() / HOUR_SECONDS)
  return hour >= 0 && hour <= HOURS_MAX ? hour : 0
}

function codecOf(type: AvroType): Codec {
  const known = compiled.get(type)
  if (known !== undefined) return known
  if (type.kind !== 'record') {
    const made = make(type)
    compiled.set(type, made)
    return made
  }
  // Known before its fields are compiled: a record may hold itself.
  let inner: Codec | undefined
  const late: Codec = {
    skip: (from) => inner?.skip(from),
    write: (from, to) => inner?.write(from, to) ?? false,
  }
  compiled.set(type, late)
  inner = recordCodec(type)
  return inner
}

const compiled = new WeakMap<AvroType, Codec>()

function make(type: Exclude<AvroType, AvroRecord>): Codec {
  switch (type.kind) {
    case 'null':
      return { skip: () => undefined, write: () => false }
    case 'boolean':
      return {
        skip: (from) => from.skip(1),
        write: always((from, to) => to.raw(from.byte() === 0 ? FALSE : TRUE)),
      }
    case 'int':
    case 'long':
      return { skip: (from) => from.skipWhole(), write: always((from, to) => to.ascii(from.wholeText())) }
    case 'float':
      return {
        skip: (from) => from.skip(4),
        write: always((from, to) => to.ascii(float32Text(from.take(4).readFloatLE(0)))),
      }
    case 'double':
      return {
        skip: (from) => from.skip(8),
        write: always((from, to) => to.ascii(doubleText(from.take(8).readDoubleLE(0)))),
      }
    case 'string':
      return { skip: (from) => from.skip(from.length()), write: writeString }
    case 'bytes':
      return {
        skip: (from) => from.skip(from.length()),
        write: (from, to) => writeBytes(from.take(from.length()), type.scale, to),
      }
    case 'fixed':
      return {
        skip: (from) => from.skip(type.size),
        write: (from, to) => writeBytes(from.take(type.size), type.scale, to),
      }
    case 'enum':
      return enumCodec(type.symbols)
    case 'array':
      return arrayCodec(codecOf(type.of))
    case 'map':
      return mapCodec(codecOf(type.of))
    case 'union':
      return unionCodec(type.branches.map(codecOf))
  }
}

/** Of a value that is never null. */
function always(write: (from: Cursor, to: JsonWriter) => void): Write {
  return (from, to) => {
    write(from, to)
    return true
  }
}

function writeString(from: Cursor, to: JsonWriter): boolean {
  const length = from.length()
  const end = from.at + length
  to.string(from.view, from.at, end)
  from.at = end
  return true
}

function doubleText(double: number): string {
  return Number.isFinite(double) ? String(double) : `"${double}"`
}

function writeBytes(bytes: Buffer, scale: number | undefined, to: JsonWriter): boolean {
  to.ascii(scale === undefined ? `"${bytes.toString('base64')}"` : decimalText(bytes, scale))
  return true
}

/** Two's complement, big endian, `scale` digits behind the point. */
function decimalText(bytes: Buffer, scale: number): string {
  if (bytes.length === 0) return '0'
  const unscaled = BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`))
  const sign = unscaled < 0n ? '-' : ''
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const point = digits.length - scale
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

function enumCodec(symbols: readonly string[]): Codec {
  const texts = symbols.map((symbol) => Buffer.from(JSON.stringify(symbol)))
  return {
    skip: (from) => from.skipWhole(),
    write: always((from, to) => to.raw(branchAt(texts, from))),
  }
}

function unionCodec(branches: readonly Codec[]): Codec {
  return {
    skip: (from) => branchAt(branches, from).skip(from),
    write: (from, to) => branchAt(branches, from).write(from, to),
  }
}

function branchAt<Branch>(branches: readonly Branch[], from: Cursor): Branch {
  const branch = branches[from.whole()]
  if (branch === undefined) throw damaged('a value is of a branch or symbol that the schema lacks')
  return branch
}

function recordCodec({ fields }: AvroRecord): Codec {
  const members = fields.map((field) => ({ key: keyOf(field.name), ...codecOf(field.type) }))
  return {
    skip: (from) => {
      for (const { skip } of members) skip(from)
    },
    write: (from, to) => {
      const open = to.at
      for (const { key, write } of members) writeMember(key, write, from, to)
      closeObject(open, to)
      return true
    },
  }
}

function arrayCodec(item: Codec): Codec {
  return {
    skip: (from) => eachItem(from, item.skip),
    write: (from, to) => {
      const open = to.at
      eachItem(from, () => {
        to.byte(COMMA)
        if (!item.write(from, to)) to.raw(NULL)
      })
      if (to.at === open) to.byte(OPEN_BRACKET)
      else to.bytes[open] = OPEN_BRACKET
      to.byte(CLOSE_BRACKET)
      return true
    },
  }
}

function mapCodec(value: Codec): Codec {
  return {
    skip: (from) =>
      eachItem(from, () => {
        from.skip(from.length())
        value.skip(from)
      }),
    write: (from, to) => {
      const open = to.at
      eachItem(from, () => {
        const before = to.at
        to.byte(COMMA)
        writeString(from, to)
        to.byte(COLON)
        if (!value.write(from, to)) to.at = before
      })
      closeObject(open, to)
      return true
    },
  }
}

/** Arrays and maps come in blocks of a count and, when it is negative, their bytes; an empty block ends them. */
function eachItem(from: Cursor, one: (from: Cursor) => void): void {
  for (;;) {
    const said = from.whole()
    if (said === 0) return
    if (said < 0) from.whole()
    const start = from.at
    const count = Math.abs(said)
    for (let i = 0; i < count; i++) {
      one(from)
      if (i > EMPTY_ITEMS_MAX && from.at === start) throw damaged('an array of nothing is too long')
    }
  }
}

/** A text column that holds a JSON object is written as that object; any other text stays a text. */
function parsed(type: AvroType, plain: Write): Write {
  const branches = type.kind === 'union' ? type.branches : [type]
  if (branches.some(({ kind }) => kind !== 'string' && kind !== 'null')) return plain
  const write: Write = (from, to) => {
    const length = from.length()
    const end = from.at + length
    if (isObjectText(from.bytes, from.at, end)) to.copy(from.bytes, from.at, end)
    else to.string(from.view, from.at, end)
    from.at = end
    return true
  }
  if (type.kind !== 'union') return write
  const writes = branches.map(({ kind }): Write => (kind === 'null' ? () => false : write))
  return (from, to) => branchAt(writes, from)(from, to)
}

function isObjectText(bytes: Buffer, from: number, end: number): boolean {
  if (bytes[from] !== OPEN_BRACE || bytes[end - 1] !== CLOSE_BRACE) return false
  try {
    JSON.parse(bytes.toString('utf8', from, end))
    return true
  } catch {
    return false
  }
}
