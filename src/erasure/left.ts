/** What an erasure leaves for people to do, in words that name nobody. */

import type { Traces } from '../core/traces.ts'
import type { Current } from '../currents/current.ts'
import type { Source } from '../sources/sources.ts'
import type { Authorization } from '../store/authorizations.ts'
import type { Dialect } from '../store/columns.ts'

export interface Surroundings {
  readonly currents: readonly Current[]
  readonly sources: readonly Source[]
  readonly authorizations: readonly Authorization[]
  readonly dialect: Dialect
}

/** By kind of destination: who keeps what it was sent, and how it is deleted there. Those that are not named keep nothing of a person, or are erased. */
const VENDORS: Readonly<Record<string, string>> = {
  segment:
    'Segment keeps what it was sent, and so do its destinations: ask for a deletion of the user in the workspace',
  'treasure-data': 'Treasure Data keeps the rows in its table: delete them there by query',
  http: 'the receiver keeps what it was sent: ask whoever runs it',
  postgres: 'the rows lie in your PostgreSQL: delete them there',
  clickhouse: 'the rows lie in your ClickHouse: delete them there',
}

export function leftToDo(traces: Traces, around: Surroundings): string[] {
  const { currents, sources, authorizations, dialect } = around
  const left: string[] = []
  for (const { name, startOffset, definition } of currents) {
    const { kind, settings } = definition.destination
    const vendor = VENDORS[kind]
    if (startOffset !== null && vendor !== undefined) left.push(`Current ${name}: ${vendor}`)
    if (kind === 'parquet' && (settings as { store?: unknown }).store === 's3')
      left.push(`Current ${name}: its Parquet files lie in a bucket: rewrite those that hold them`)
    if (traces.bearingOf(JSON.stringify(definition)) !== 'none')
      left.push(`The configuration of current ${traces.masked(name)} names them: change it if it should not`)
  }
  for (const { name, kind } of sources)
    if (kind === 'files')
      left.push(`Source ${traces.masked(name)}: its files lie where you keep them, and are not changed`)
  for (const { id, label, description } of authorizations)
    if ([label, description].some((text) => traces.bearingOf(text) !== 'none'))
      left.push(`The label of authorization ${id} names them`)
  if (dialect === 'postgres')
    left.push(
      'PostgreSQL keeps old versions of changed rows until it vacuums, and in its own logs and backups: VACUUM (FULL) dead_letters, quarantine, runs',
    )
  left.push('Backups of the data directory, and files that were exported from it, hold what they held')
  return left
}
