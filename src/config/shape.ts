/** What a Zod schema says of a place in a value: which names it knows there, what it is for, what it is when nobody says so. */

import { isDeepStrictEqual } from 'node:util'
import type * as z from 'zod'
import type { Path } from './kinds.ts'

/** The parts of Zod's own description of a schema that are looked at here. */
interface Definition {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly getter?: () => z.ZodType
}

/** Of wrappers and lazy schemas around each other. */
const WRAPPERS_MAX = 20

/** Every schema that a value at the path may be of: several where there is a choice. */
export function schemasAt(schema: z.ZodType, path: Path): z.ZodType[] {
  const [step, ...rest] = path
  if (step === undefined) return [schema]
  return alternativesOf(schema).flatMap((one) => {
    const inner = innerAt(definitionOf(one), step)
    return inner === undefined ? [] : schemasAt(inner, rest)
  })
}

/** Names of the members that an object at the path may have. */
export function namesAt(schema: z.ZodType, path: Path): string[] {
  const names = schemasAt(schema, path)
    .flatMap(alternativesOf)
    .flatMap((one) => Object.keys(definitionOf(one).shape ?? {}))
  return [...new Set(names)]
}

/** What the schema says the member at the path is; empty: nothing. */
export function meaningAt(schema: z.ZodType, path: Path): string {
  for (const one of schemasAt(schema, path)) {
    const said = descriptionOf(one)
    if (said !== '') return said
  }
  return ''
}

/** The value without what the schema would put there itself. Parsing gives the same for both. */
export function lean(schema: z.ZodType, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const one = alternativesOf(schema).find((option) => option.safeParse(value).success)
  if (one === undefined) return value
  const definition = definitionOf(one)
  if (Array.isArray(value)) {
    const { element } = definition
    return element === undefined ? value : value.map((item) => lean(element, item))
  }
  const kept: [string, unknown][] = []
  for (const [name, member] of Object.entries(value)) {
    const inner = innerAt(definition, name)
    if (inner === undefined) kept.push([name, member])
    else if (!isDefault(inner, member)) kept.push([name, lean(inner, member)])
  }
  return Object.fromEntries(kept)
}

function isDefault(schema: z.ZodType, value: unknown): boolean {
  const unsaid = schema.safeParse(undefined)
  return unsaid.success && unsaid.data !== undefined && isDeepStrictEqual(unsaid.data, value)
}

/** Without wrappers; each of its options where it is a choice. */
function alternativesOf(schema: z.ZodType): z.ZodType[] {
  let one = schema
  for (let depth = 0; depth < WRAPPERS_MAX; depth++) {
    const definition = definitionOf(one)
    if (definition.options !== undefined) return definition.options.flatMap(alternativesOf)
    const inner = definition.innerType ?? definition.in ?? definition.getter?.()
    if (inner === undefined) break
    one = inner
  }
  return [one]
}

function innerAt(
  { type, element, valueType, shape }: Definition,
  step: string | number,
): z.ZodType | undefined {
  if (type === 'array') return element
  if (type === 'record') return valueType
  return shape !== undefined && Object.hasOwn(shape, step) ? shape[step] : undefined
}

function descriptionOf(schema: z.ZodType): string {
  let one: z.ZodType | undefined = schema
  for (let depth = 0; one !== undefined && depth < WRAPPERS_MAX; depth++) {
    if (one.description !== undefined) return one.description
    one = definitionOf(one).innerType
  }
  return ''
}

function definitionOf(schema: z.ZodType): Definition {
  return schema._zod.def as unknown as Definition
}
