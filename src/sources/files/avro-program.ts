/**
 * Lays the schema that a file was written by out as a program for the decoder (assembly/), which writes canonical events (the
 * Custom HTTP shape) straight from Avro's bytes. assembly/values.ts and assembly/avro.ts describe the layout word by word.
 *
 * What Avro has and JSON has not: null is left out of records and maps (in arrays it stays), bytes and fixed are base64, a
 * decimal is a number, an enum its symbol, a union the value itself; dates and times keep their integer.
 */

import { storageField, typeOfRecord } from '../../catalog/storage.ts'
import type { AvroField, AvroRecord, AvroType } from './avro-schema.ts'
import { damaged } from './damage.ts'

export interface Program {
  /** To be copied to `PROGRAM` in the decoder's memory. */
  readonly bytes: Uint8Array
  /** Address of the root. */
  readonly root: number
}

/** Where a program lies; assembly/layout.ts has the same. */
export const PROGRAM = 2_199_552 + 4 * 8192

const KINDS = {
  null: 0,
  boolean: 1,
  int: 2,
  long: 2,
  float: 3,
  double: 4,
  string: 5,
  objectText: 6,
  bytes: 7,
  fixed: 8,
  enum: 9,
  array: 10,
  map: 11,
  union: 12,
  record: 13,
} as const

const EVENT_ROOT = 0
const UNION_ROOT = 1
const NODE_WORDS = 4
const WORD_BYTES = 4
/** No byte. */
const NO_NULL = 256
const SCALE_MAX = 4096
const WORD_MAX = 0xffff_ffff

/**
 * `typeInPath` is what the file's name says (`event_type=…/`); it counts when the record's own name is not one of Braze's. Throws
 * FILES_DAMAGED when the schema holds no record.
 */
export function programOf(schema: AvroType, typeInPath: string | undefined): Program {
  const writer = new ProgramWriter(typeInPath)
  const root = writer.root(schema)
  return { bytes: writer.bytes(), root }
}

class ProgramWriter {
  readonly #typeInPath: string | undefined
  readonly #words: number[] = []
  readonly #texts: Buffer[] = []
  /** Texts lie behind the words, of which there may come more: the words to add their place to. */
  readonly #textWords: number[] = []
  #textBytes = 0
  readonly #known = new Map<string, number>()
  readonly #nodes = new Map<AvroType, number>()

  constructor(typeInPath: string | undefined) {
    this.#typeInPath = typeInPath
  }

  bytes(): Uint8Array {
    const textsAt = this.#words.length * WORD_BYTES
    const bytes = Buffer.concat([Buffer.alloc(textsAt), ...this.#texts])
    this.#words.forEach((word, i) => {
      bytes.writeUInt32LE(word, i * WORD_BYTES)
    })
    for (const i of this.#textWords)
      bytes.writeUInt32LE((this.#words[i] ?? 0) + PROGRAM + textsAt, i * WORD_BYTES)
    return bytes
  }

  root(schema: AvroType): number {
    if (schema.kind === 'record') return this.#put([EVENT_ROOT, this.#event(schema)])
    if (schema.kind === 'union') {
      const branches = schema.branches.map((branch) => this.root(branch))
      return this.#put([UNION_ROOT, this.#put(branches), branches.length])
    }
    throw damaged(`the file holds values of the type ${schema.kind}, not records`)
  }

  #event(record: AvroRecord): number {
    const { fields } = record
    const own = fields.some((field) => field.name === 'event_type')
    const type = typeOfRecord(record.fullName) ?? this.#typeInPath ?? record.fullName
    const parts = partsOf(fields, type)
    // Of a field, its node as a whole, and as what it is written as.
    const nodes = fields.map((field) =>
      parts.objectTexts.has(field) ? this.#objectText(field.type) : this.#node(field.type),
    )
    const places = this.#put(fields.flatMap((field, i) => [nodes[i] ?? 0, nullByteOf(field.type), 0]))
    const placeOf = (field: AvroField): number => places + fields.indexOf(field) * 3 * WORD_BYTES
    const list = (members: readonly [AvroField, string][]): [number, number] => {
      const at = this.#reserve(members.length * 3)
      members.forEach(([field, name], i) => {
        this.#set(at + i * 3 * WORD_BYTES, placeOf(field))
        this.#setText(at + (i * 3 + 1) * WORD_BYTES, keyOf(name))
      })
      return [at, members.length]
    }
    const time = fields.find(
      ({ name, type: { kind } }) => name === 'time' && (kind === 'int' || kind === 'long'),
    )
    const lists = [list(parts.event), list(parts.user), list(parts.properties)]
    const event = this.#put([
      places,
      fields.length,
      0,
      0,
      ...lists.flat(),
      time === undefined ? 0 : placeOf(time),
    ])
    this.#setText(event + 2 * WORD_BYTES, own ? '' : `,"event_type":${JSON.stringify(type)}`)
    return event
  }

  #node(type: AvroType): number {
    const known = this.#nodes.get(type)
    if (known !== undefined) return known
    // Known before what it is made of: a record may hold itself.
    const node = this.#reserve(NODE_WORDS)
    this.#nodes.set(type, node)
    this.#fill(node, type)
    return node
  }

  #fill(node: number, type: AvroType): void {
    this.#set(node, KINDS[type.kind])
    switch (type.kind) {
      case 'bytes':
        this.#set(node + WORD_BYTES, scaleOf(type.scale))
        break
      case 'fixed':
        this.#set(node + WORD_BYTES, scaleOf(type.scale))
        this.#set(node + 2 * WORD_BYTES, Math.min(type.size, WORD_MAX))
        break
      case 'enum':
        this.#setList(node, this.#symbols(type.symbols), type.symbols.length)
        break
      case 'array':
      case 'map':
        this.#set(node + WORD_BYTES, this.#node(type.of))
        break
      case 'union':
        this.#setList(
          node,
          this.#put(type.branches.map((branch) => this.#node(branch))),
          type.branches.length,
        )
        break
      case 'record':
        this.#setList(node, this.#members(type.fields), type.fields.length)
        break
      default:
    }
  }

  #symbols(symbols: readonly string[]): number {
    const at = this.#reserve(symbols.length * 2)
    symbols.forEach((symbol, i) => {
      this.#setText(at + i * 2 * WORD_BYTES, JSON.stringify(symbol))
    })
    return at
  }

  #members(fields: readonly AvroField[]): number {
    const at = this.#reserve(fields.length * 3)
    fields.forEach(({ name, type }, i) => {
      this.#set(at + i * 3 * WORD_BYTES, this.#node(type))
      this.#setText(at + (i * 3 + 1) * WORD_BYTES, keyOf(name))
    })
    return at
  }

  /** A text, or nothing, that is written as the object that it holds. */
  #objectText(type: AvroType): number {
    if (type.kind !== 'union') return this.#put([KINDS.objectText, 0, 0, 0])
    const branches = type.branches.map((branch) =>
      branch.kind === 'string' ? this.#objectText(branch) : this.#node(branch),
    )
    return this.#put([KINDS.union, this.#put(branches), branches.length, 0])
  }

  #reserve(words: number): number {
    return this.#put(new Array<number>(words).fill(0))
  }

  #put(words: readonly number[]): number {
    const at = PROGRAM + this.#words.length * WORD_BYTES
    for (const word of words) this.#words.push(word)
    return at
  }

  #set(at: number, word: number): void {
    this.#words[(at - PROGRAM) / WORD_BYTES] = word
  }

  /** The address and the count of a list, in the node's second and third word. */
  #setList(node: number, at: number, count: number): void {
    this.#set(node + WORD_BYTES, at)
    this.#set(node + 2 * WORD_BYTES, count)
  }

  /** Two words: address, length in bytes. */
  #setText(at: number, text: string): void {
    const known = this.#known.get(text)
    const place = known ?? this.#textBytes
    const bytes = Buffer.from(text)
    if (known === undefined) {
      this.#known.set(text, place)
      this.#texts.push(bytes)
      this.#textBytes += bytes.length
    }
    this.#set(at, place)
    this.#set(at + WORD_BYTES, bytes.length)
    this.#textWords.push((at - PROGRAM) / WORD_BYTES)
  }
}

function partsOf(fields: readonly AvroField[], type: string) {
  const parts: Record<'event' | 'user' | 'properties', [AvroField, string][]> = {
    event: [],
    user: [],
    properties: [],
  }
  const objectTexts = new Set<AvroField>()
  for (const field of fields) {
    if (field.name === 'event_type') {
      parts.event.unshift([field, 'event_type'])
      continue
    }
    const { part, name, jsonText } = storageField(type, field.name)
    parts[part].push([field, name])
    if (jsonText && isText(field.type)) objectTexts.add(field)
  }
  return { ...parts, objectTexts }
}

function isText(type: AvroType): boolean {
  const branches = type.kind === 'union' ? type.branches : [type]
  return branches.every(({ kind }) => kind === 'string' || kind === 'null')
}

function keyOf(name: string): string {
  return `,${JSON.stringify(name)}:`
}

/** A branch is a number, and null takes no more bytes. */
function nullByteOf(type: AvroType): number {
  const branch = type.kind === 'union' ? type.branches.findIndex(({ kind }) => kind === 'null') : -1
  return branch < 0 || branch > 63 ? NO_NULL : 2 * branch
}

function scaleOf(scale: number | undefined): number {
  if (scale !== undefined && scale > SCALE_MAX)
    throw damaged(`a decimal of the schema has ${scale} digits behind its point`)
  return scale === undefined ? 0 : scale + 1
}
