/** Types of fields and what is done where two values of one meet, in words. */

import type { SchemaAnswer } from '../../../api/routes/streams.ts'

export type Definition = SchemaAnswer['definition']
export type Field = Definition['fields'][number]
export type Stream = Definition['streams'][number]
export type Mapping = Stream['mappings'][number]

const OPERATORS: Readonly<Record<NonNullable<Field['merge']>, string>> = {
  latest: 'latest',
  oldest: 'oldest',
  min: 'least',
  max: 'greatest',
  sum: 'sum',
  count: 'count of records',
  merge: 'all, joined',
}

export const isCollection = ({ type }: Pick<Field, 'type'>): boolean => type.includes('[')

export function operatorOf(field: Field): string {
  const { identifier, merge } = field
  if (identifier !== undefined)
    return identifier.perProfileMax === 1 ? 'one of a person' : `up to ${identifier.perProfileMax}`
  return OPERATORS[merge ?? (isCollection(field) ? 'merge' : 'latest')]
}

/** What a stream reads, in words. */
export function sourceOf({ name, from }: Stream): string {
  if (from.kind === 'stream') return `rows sent to ${name}`
  if (from.kind === 'source') return `every record of the source ${from.source}`
  return `records of sources of the kind ${from.kinds.join(', ')}`
}
