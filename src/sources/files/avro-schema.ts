/** The schema that an Avro file was written by, with its names resolved (Avro specification 1.12, "Names"). */

import { damaged } from './damage.ts'

export type AvroType =
  | { readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' }
  | { readonly kind: 'bytes'; readonly scale?: number }
  | { readonly kind: 'fixed'; readonly size: number; readonly scale?: number }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array' | 'map'; readonly of: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | AvroRecord

export interface AvroRecord {
  readonly kind: 'record'
  readonly fullName: string
  readonly fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly type: AvroType
}

const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'])
const DEPTH_MAX = 64

/** Throws FILES_DAMAGED when the text is no schema. */
export function parseSchema(text: string): AvroType {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw damaged('the schema of the file is not JSON', cause)
  }
  return new Names().resolve(json, '', 0)
}

class Names {
  readonly #known = new Map<string, AvroType>()

  resolve(schema: unknown, namespace: string, depth: number): AvroType {
    if (depth > DEPTH_MAX) throw damaged('the schema of the file is nested too deep')
    if (typeof schema === 'string') return this.#named(schema, namespace)
    if (Array.isArray(schema))
      return { kind: 'union', branches: schema.map((branch) => this.resolve(branch, namespace, depth + 1)) }
    if (typeof schema !== 'object' || schema === null) throw damaged('the schema of the file is none')
    return this.#complex(schema as Readonly<Record<string, unknown>>, namespace, depth)
  }

  #named(name: string, namespace: string): AvroType {
    if (PRIMITIVES.has(name)) return { kind: name } as AvroType
    const known = this.#known.get(fullNameOf(name, namespace)) ?? this.#known.get(name)
    if (known === undefined)
      throw damaged(`the schema of the file names an unknown type ${name.slice(0, 200)}`)
    return known
  }

  #complex(schema: Readonly<Record<string, unknown>>, namespace: string, depth: number): AvroType {
    const { type } = schema
    switch (type) {
      case 'array':
        return { kind: 'array', of: this.resolve(schema.items, namespace, depth + 1) }
      case 'map':
        return { kind: 'map', of: this.resolve(schema.values, namespace, depth + 1) }
      case 'record':
      case 'error':
        return this.#record(schema, namespace, depth)
      case 'enum':
        return this.#keep(schema, namespace, { kind: 'enum', symbols: textsOf(schema.symbols) })
      case 'fixed':
        return this.#keep(schema, namespace, {
          kind: 'fixed',
          size: wholeOf(schema.size),
          ...decimalOf(schema),
        })
      case 'bytes':
        return { kind: 'bytes', ...decimalOf(schema) }
      default:
        // A primitive with attributes, or a type wrapped once more.
        return this.resolve(type, namespace, depth + 1)
    }
  }

  #record(schema: Readonly<Record<string, unknown>>, namespace: string, depth: number): AvroType {
    const fullName = nameIn(schema, namespace)
    const fields: AvroField[] = []
    const record: AvroRecord = { kind: 'record', fullName, fields }
    // Before its fields: a record may hold itself.
    this.#known.set(fullName, record)
    if (!Array.isArray(schema.fields)) throw damaged('a record of the schema has no fields')
    for (const field of schema.fields as readonly unknown[]) {
      if (typeof field !== 'object' || field === null || !('name' in field) || !('type' in field))
        throw damaged('a field of the schema has no name or type')
      fields.push({
        name: String(field.name),
        type: this.resolve(field.type, namespaceOf(fullName), depth + 1),
      })
    }
    return record
  }

  #keep(schema: Readonly<Record<string, unknown>>, namespace: string, type: AvroType): AvroType {
    this.#known.set(nameIn(schema, namespace), type)
    return type
  }
}

function nameIn(schema: Readonly<Record<string, unknown>>, namespace: string): string {
  if (typeof schema.name !== 'string') throw damaged('a type of the schema has no name')
  return fullNameOf(schema.name, typeof schema.namespace === 'string' ? schema.namespace : namespace)
}

function fullNameOf(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

function namespaceOf(fullName: string): string {
  return fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')))
}

/** Of the logical types only a decimal changes what is written; the others keep their integer or text. */
function decimalOf({ logicalType, scale }: Readonly<Record<string, unknown>>): { scale?: number } {
  return logicalType === 'decimal' ? { scale: scale === undefined ? 0 : wholeOf(scale) } : {}
}

function wholeOf(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw damaged('a size in the schema is no number')
  return value as number
}

function textsOf(value: unknown): string[] {
  if (!Array.isArray(value)) throw damaged('an enum of the schema has no symbols')
  return value.map(String)
}
