/** Which stream of a schema a record is of: one at most. */

import { streamType } from '../../sources/lytics/record.ts'
import type { SourceKind } from '../../sources/settings.ts'
import type { ProfileSchema } from '../schema.ts'
import { StreamMapper } from './mapping.ts'

export interface RecordOrigin {
  /** Name of the source, and its kind. */
  readonly source: string
  readonly kind: SourceKind
  /** As the log has it, of the row in its frame. */
  readonly type: string
}

/**
 * The mappers of a schema by what they read. Rows that were sent to a stream by name go there; other records to the
 * stream that reads their source, or else to the one that reads sources of its kind.
 */
export class StreamMappers {
  readonly #byType = new Map<string, StreamMapper>()
  readonly #bySource = new Map<string, StreamMapper>()
  readonly #byKind = new Map<SourceKind, StreamMapper>()

  /** Of a schema that `checkSchema` lets through; throws PROFILE_SCHEMA_INVALID. */
  constructor(schema: ProfileSchema) {
    for (const stream of schema.streams.filter(({ active }) => active)) {
      const mapper = new StreamMapper(schema, stream)
      const { from } = stream
      if (from.kind === 'stream') this.#byType.set(streamType(stream.name), mapper)
      else if (from.kind === 'source') this.#bySource.set(from.source, mapper)
      else for (const kind of from.kinds) this.#byKind.set(kind, mapper)
    }
  }

  of({ source, kind, type }: RecordOrigin): StreamMapper | undefined {
    // An event may call its type as it likes: only these sources have rows of streams.
    const isRow = type.startsWith(ROW_TYPES) && (kind === 'lytics' || kind === 'files')
    const named = isRow ? this.#byType.get(type) : undefined
    return (
      named ?? this.#bySource.get(source) ?? (isRow && kind === 'files' ? undefined : this.#byKind.get(kind))
    )
  }
}

const ROW_TYPES = streamType('')
