/**
 * `node scripts/docs.ts`: writes the reference pages under docs/reference from the tables in the code. test/docs.test.ts
 * makes the same pages again and compares, so a page cannot fall behind its table.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { channels, type EventType, eventTypes, piiFields } from '../src/catalog/catalog.ts'
import { ERROR_CODES } from '../src/core/errors.ts'
import { settingRows } from '../src/core/settings.ts'
import { destinations } from '../src/destinations/catalog.ts'
import type { Destination } from '../src/destinations/destination.ts'
import { FUNCTIONS } from '../src/profiles/mapping/functions.ts'
import { VALUE_PROBLEMS } from '../src/profiles/mapping/scope.ts'
import { REFUSALS } from '../src/sources/refusals.ts'
import { SOURCE_KINDS } from '../src/sources/settings.ts'
import { engineKinds } from '../src/warehouse/engine-kinds.ts'

export const REFERENCE = join(fileURLToPath(new URL('..', import.meta.url)), 'docs/reference')

/** File name → text of every generated page. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['settings.md', settingsPage()],
    ['errors.md', errorsPage()],
    ['sources.md', sourcesPage()],
    ['destinations.md', destinationsPage()],
    ['engines.md', enginesPage()],
    ['events.md', eventsPage()],
    ['mappings.md', mappingsPage()],
  ])
}

function settingsPage(): string {
  const rows = settingRows().map(({ env, fallback, allowed, description }) => [
    code(env),
    fallback === '' ? '–' : code(fallback),
    allowed,
    description,
  ])
  return page('Settings', 'src/core/settings.ts', [
    'Settings are read once, at the start, from the environment. A bad value stops the start with `SETTINGS_INVALID`, which names every variable that cannot be used. An empty value counts as absent.',
    table(['Variable', 'Default', 'May be', 'What it does'], rows),
    'KB, MB, GB and TB are powers of 1,000; KiB, MiB, GiB and TiB of 1,024. A bare number counts bytes, or milliseconds where a time is asked for.',
  ])
}

function errorsPage(): string {
  const errors = Object.entries(ERROR_CODES).map(([name, [status, meaning]]) => [
    code(name),
    String(status),
    meaning,
  ])
  const refusals = Object.entries(REFUSALS).map(([name, [status, meaning]]) => [
    code(name),
    String(status),
    meaning,
  ])
  return page('Errors and refusals', 'src/core/errors.ts and src/sources/refusals.ts', [
    'Every answer with an error has the body `{"error":{"code":"…","message":"…"}}`. The message says what happened, where, and how to mend it.',
    '## The API and the program',
    table(['Code', 'Status', 'Meaning'], errors),
    '## The doors',
    'What a sender of events is told when a door does not take its request. How Braze reacts to each status: [sources](../sources.md#what-braze-does-with-an-answer).',
    table(['Code', 'Status', 'Meaning'], refusals),
  ])
}

function sourcesPage(): string {
  const kinds = Object.entries(SOURCE_KINDS).flatMap(([kind, { title, settings }]) => [
    `## ${title}`,
    `Kind ${code(kind)}.`,
    fieldTable(settings),
  ])
  return page('Settings of sources', 'src/sources/settings.ts', [
    'What an operator sets for a source. How the doors behave: [sources](../sources.md).',
    ...kinds,
  ])
}

function mappingsPage(): string {
  const functions = Object.values(FUNCTIONS).map(({ form, does, gives }) => [
    code(form),
    KIND_WORDS[gives] ?? gives,
    does,
  ])
  return page('Functions of mappings', 'src/profiles/mapping/functions.ts', [
    'What an expression of a stream may call. The language around them: [streams and mappings](../profiles.md#streams-and-mappings).',
    table(['Function', 'Gives', 'What it does'], functions),
    'Of a list, functions of one text take its first value. Where an argument has no value, there is none, unless the line says otherwise.',
    '## Why a value could not be made',
    `Counted by field: ${VALUE_PROBLEMS.map(code).join(', ')}.`,
  ])
}

const KIND_WORDS: Readonly<Record<string, string>> = {
  any: 'a value',
  string: 'text',
  number: 'number',
  bool: 'true or false',
  date: 'moment',
  list: 'list',
  map: 'map',
  moments: 'map of lists of moments',
}

function destinationsPage(): string {
  return page('Settings of destinations', 'src/destinations', [
    'What an operator sets in `destination.settings` of a current, and the credentials that an authorization of the same provider holds. How each destination maps and answers: [destinations](../destinations.md).',
    ...destinations.flatMap(destinationParts),
  ])
}

function enginesPage(): string {
  return page('Settings of query engines', 'src/warehouse', [
    'What an admin sets for a query engine, and the credentials that an authorization of the same provider holds. How engines are asked: [SQL](../sql.md).',
    ...engineKinds.flatMap(({ kind, ...engine }) => destinationParts({ name: kind, ...engine })),
  ])
}

function destinationParts({
  name,
  title,
  description,
  settings,
  credentials,
}: Pick<Destination, 'name' | 'title' | 'description' | 'settings' | 'credentials'>): string[] {
  return [
    `## ${title}`,
    `Kind and provider: ${code(name)}. ${description}`,
    '### Settings',
    fieldTable(settings),
    '### Credentials',
    fieldTable(credentials),
  ]
}

function eventsPage(): string {
  const parts = [...channels].flatMap(([channel, title]) => [
    `## ${title}`,
    `Pattern: ${code(`channel:${channel}`)}.`,
    table(
      ['Event type', 'What it tells', 'Category', 'Segment name', 'Remarks'],
      eventTypes.filter((type) => type.channel === channel).map(eventRow),
    ),
  ])
  return page('Event types', 'src/catalog', [
    `The catalog knows ${eventTypes.length} Braze Currents event types in ${channels.size} channels. It describes and never rejects: a type or field that is not listed here flows like any other.`,
    'A selection takes exact names, `*`, prefixes such as `users.messages.email.*`, `channel:<channel>` and `category:message_engagement` or `category:customer_behavior`.',
    `Fields that Braze tags as personal data, on any type: ${piiFields().map(code).join(', ')}.`,
    ...parts,
  ])
}

function eventRow(type: EventType): string[] {
  const { name, basis } = type.segment
  const segment = name === undefined ? '–' : basis === 'inferred' ? `${name} (inferred)` : name
  return [code(type.name), type.about, type.category.replace('_', ' '), segment, remarksOn(type)]
}

function remarksOn({ status, inHttp, inStorage }: EventType): string {
  const remarks = status === 'retired' ? ['retired'] : []
  if (!inHttp) remarks.push(inStorage ? 'storage connectors only' : 'documented, never sent')
  else if (!inStorage) remarks.push('HTTP connectors only')
  return remarks.join('; ')
}

/** The part of a JSON Schema that the field tables show. */
interface Shown {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Shown>>
  readonly required?: readonly string[]
}

function fieldTable(schema: z.ZodType): string {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  }) as Shown
  const rows = Object.entries(properties).map(([name, field]) => [
    code(name),
    allowed(field),
    required.includes(name)
      ? 'required'
      : field.default === undefined
        ? '–'
        : code(JSON.stringify(field.default)),
    field.description ?? '',
  ])
  return rows.length === 0 ? 'None.' : table(['Field', 'May be', 'Default', 'What it is'], rows)
}

function allowed({ enum: choices, type, minimum, maximum }: Shown): string {
  if (choices !== undefined) return choices.map((choice) => code(String(choice))).join(', ')
  const word = type === undefined ? 'any' : [type].flat().join(' or ')
  const range = [minimum, maximum].every((bound) => bound !== undefined && Number.isSafeInteger(bound))
  return range ? `${word}, ${minimum} to ${maximum}` : word
}

function page(title: string, from: string, parts: readonly string[]): string {
  const note = `<!-- Generated by \`node scripts/docs.ts\` from ${from}. Do not edit. -->`
  return `${[`# ${title}`, note, ...parts].join('\n\n')}\n`
}

/** As the formatter lays tables out: cells padded to the width of their column. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map(cell))
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => widthOf(row[column] ?? ''))))
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => padded(row[column] ?? '', width)).join(' | ')} |`
  const rule = widths.map((width) => '-'.repeat(width))
  const [first = [], ...rest] = cells
  return [first, rule, ...rest].map(line).join('\n')
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(width - widthOf(text))
}

function widthOf(text: string): number {
  return [...text].length
}

/** A bar would end the cell, and `<name>` outside of a code span would be taken for HTML. */
function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ')
    .replace(/`[^`]*`|</g, (found) => (found === '<' ? '\\<' : found))
}

function code(text: string): string {
  return `\`${text}\``
}

if (import.meta.main) {
  mkdirSync(REFERENCE, { recursive: true })
  for (const [name, text] of referencePages()) {
    writeFileSync(join(REFERENCE, name), text)
    console.log(`docs/reference/${name}`)
  }
}
