/** A mapping while it is written: the stream as it shall be, and the fields that are changed with it. */

import type { Definition, Field, Stream } from './field-kinds.ts'

export interface MappingDraft {
  readonly stream: Stream
  /** By name: fields that are changed, or new. */
  readonly fields: Readonly<Record<string, Field>>
}

export const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

export const newField = (name: string): Field => ({ name, type: 'string', personal: false, description: '' })

export function fieldOf(definition: Definition, { fields }: MappingDraft, name: string): Field {
  return fields[name] ?? definition.fields.find((field) => field.name === name) ?? newField(name)
}

/** The schema that would be saved; a name that no field has yet makes one. */
export function definitionOf(definition: Definition, draft: MappingDraft): Definition {
  const known = new Set(definition.fields.map(({ name }) => name))
  const mapped = new Set(draft.stream.mappings.map(({ field }) => field))
  return {
    ...definition,
    fields: [
      ...definition.fields.map((field) => draft.fields[field.name] ?? field),
      ...[...mapped].filter((name) => !known.has(name)).map((name) => fieldOf(definition, draft, name)),
    ],
    streams: definition.streams.map((stream) => (stream.name === draft.stream.name ? draft.stream : stream)),
  }
}

/** Whether there is something to ask the API about: it takes no schema with holes. */
export function isWhole({ stream: { mappings } }: MappingDraft): boolean {
  return (
    mappings.length > 0 &&
    mappings.every(({ field, expression }) => expression.trim() !== '' && NAME.test(field))
  )
}
