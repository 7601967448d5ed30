/** What is otherwise between two schemas, in sentences: for whoever is about to save one, and for whoever looks at what was saved. */

import { type Definition, type Field, type Mapping, type Stream, sourceOf } from './field-kinds.ts'

export function differenceOf(before: Definition, after: Definition): string[] {
  return [
    ...changes('field', before.fields, after.fields, ofField, spokenField),
    ...changes('stream', before.streams, after.streams, ofStream, spokenStream),
    ...membersOf('limits', before.limits, after.limits),
    ...(before.droppedIdentifier === after.droppedIdentifier
      ? []
      : [`droppedIdentifier: ${before.droppedIdentifier} → ${after.droppedIdentifier}`]),
  ]
}

function changes<Thing extends { readonly name: string }>(
  kind: string,
  before: readonly Thing[],
  after: readonly Thing[],
  within: (before: Thing, after: Thing) => string[],
  spoken: (thing: Thing) => string,
): string[] {
  const was = new Map(before.map((thing) => [thing.name, thing]))
  const is = new Map(after.map((thing) => [thing.name, thing]))
  return [
    ...[...is].flatMap(([name, thing]) => {
      const earlier = was.get(name)
      return earlier === undefined ? [`New ${kind} ${name}: ${spoken(thing)}`] : within(earlier, thing)
    }),
    ...[...was.keys()].filter((name) => !is.has(name)).map((name) => `No ${kind} ${name} any more`),
  ]
}

const spokenField = ({ type, identifier, personal }: Field): string =>
  [
    type,
    ...(identifier === undefined ? [] : [`identifier of rank ${identifier.rank}`]),
    ...(personal ? ['personal'] : []),
  ].join(', ')

const spokenStream = (stream: Stream): string => `${stream.mappings.length} mappings, ${sourceOf(stream)}`

const ofField = (before: Field, after: Field): string[] => membersOf(`field ${after.name}`, before, after)

function ofStream(before: Stream, after: Stream): string[] {
  const { mappings: earlier, ...was } = before
  const { mappings: later, ...is } = after
  const spoken = ({ field, expression, guard }: Mapping): string =>
    `${expression} → ${field}${guard === undefined ? '' : ` where ${guard}`}`
  const had = new Set(earlier.map(spoken))
  const has = new Set(later.map(spoken))
  return [
    ...membersOf(`stream ${after.name}`, was, is),
    ...[...has].filter((line) => !had.has(line)).map((line) => `${after.name}: + ${line}`),
    ...[...had].filter((line) => !has.has(line)).map((line) => `${after.name}: − ${line}`),
  ]
}

function membersOf(what: string, before: object, after: object): string[] {
  const [was, is] = [before as Record<string, unknown>, after as Record<string, unknown>]
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((name) => JSON.stringify(was[name]) !== JSON.stringify(is[name]))
    .map((name) => `${what}, ${name}: ${shown(was[name])} → ${shown(is[name])}`)
}

function shown(value: unknown): string {
  if (value === undefined) return 'not set'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 160 ? `${text.slice(0, 160)}…` : text
}
