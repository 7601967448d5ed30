/** JSON Schemas of the documents, for editors: out of the schemas that the hub itself goes by. */

import * as z from 'zod'
import { KIND_WORDS, KINDS, type KindWord } from './kinds.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

interface Node {
  properties?: Record<string, unknown>
  required?: string[]
  oneOf?: Node[]
  anyOf?: Node[]
  allOf?: unknown[]
  [member: string]: unknown
}

/** By name of the file without its ending: one for each kind, and `any` for files with documents of several. */
export function jsonSchemas(): Map<string, JsonSchema> {
  const schemas = new Map<string, JsonSchema>(KIND_WORDS.map((kind) => [kind, schemaOf(kind)]))
  const choices = KIND_WORDS.map((kind) => ({
    if: { properties: { object: { const: kind } }, required: ['object'] },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so
    then: { $ref: `${kind}.json` },
  }))
  schemas.set('any', {
    $schema: DRAFT,
    title: 'An object of Thalweg',
    type: 'object',
    properties: { object: { enum: KIND_WORDS } },
    required: ['object'],
    allOf: choices,
  })
  return schemas
}

// What editors know best.
const DRAFT = 'http://json-schema.org/draft-07/schema#'

function schemaOf(kind: KindWord): JsonSchema {
  const { schema, title, variant } = KINDS[kind]
  const json = plain(schema)
  enveloped(json, kind)
  if (variant !== undefined) {
    const { at, by, member, choices } = variant
    const [step] = at
    const holder = (step === undefined ? json : json.properties?.[step]) as Node
    const chooser = holder.properties?.[by] as Node
    chooser.enum = [...choices.keys()]
    holder.allOf = [...choices].map(([word, settings]) => ({
      if: { properties: { [by]: { const: word } }, required: [by] },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so
      then: { properties: { [member]: plain(settings) } },
    }))
  }
  return { ...json, $schema: DRAFT, title }
}

function enveloped(node: Node, kind: KindWord): void {
  for (const option of [...(node.oneOf ?? []), ...(node.anyOf ?? [])]) enveloped(option, kind)
  if (node.properties === undefined) return
  node.properties = {
    object: { const: kind, description: 'What kind of object the document describes.' },
    ...node.properties,
    formerly: {
      type: 'string',
      description: 'What the object was called before: it is renamed, and stays itself.',
    },
  }
  node.required = ['object', ...(node.required ?? [])]
}

function plain(schema: z.ZodType): Node {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    target: 'draft-7',
  }) as Node
  return json
}
