/** What a rule can be made of here: the fields of profiles, other audiences, types of events. */

import { useMemo } from 'react'
import type { ListedAudienceAnswer } from '../../../api/routes/audiences.ts'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { useAnswer } from '../../api/queries.ts'
import type { Subject } from '../../elements/rule-builder/vocabulary.ts'
import { filterVocabulary, type ProfileField } from './filter-vocabulary.ts'

interface Picker {
  readonly picker: readonly {
    readonly channels: readonly { readonly types: readonly { readonly name: string }[] }[]
  }[]
}

export interface KnownParts {
  readonly subjects: readonly Subject[]
  /** By name of the field. */
  readonly types: ReadonlyMap<string, string>
  /** For the completion of the text. */
  readonly words: readonly string[]
}

const KEYWORDS = [
  ...['FILTER', 'AND', 'OR', 'NOT', 'INCLUDE', 'EXISTS', 'BETWEEN', 'IN', 'INTERSECTS', 'CONTAINS', 'LIKE'],
  ...['ALIAS', 'WITH', 'true', 'false', 'NULL', 'timewindow', 'geodistance', 'domain', 'tolower'],
]

/** `without`: the audience that is edited, which cannot include itself. Undefined until all is known. */
export function useKnown(without?: string): KnownParts | undefined {
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  const audiences = useAnswer<{ audiences: ListedAudienceAnswer[] }>('/audiences')
  const catalog = useAnswer<Picker>('/catalog')
  return useMemo(() => {
    if (schema.data === undefined || audiences.data === undefined || catalog.data === undefined)
      return undefined
    const { fields } = schema.data.definition
    const slugs = audiences.data.audiences.flatMap(({ slug }) => (slug === without ? [] : [slug]))
    const events = catalog.data.picker.flatMap(({ channels }) =>
      channels.flatMap(({ types }) => types.map(({ name }) => name)),
    )
    return {
      subjects: filterVocabulary({ fields, audiences: slugs, events }),
      types: new Map(fields.map(({ name, type }: ProfileField) => [name, type])),
      words: [
        ...KEYWORDS,
        ...fields.map(({ name }) => name),
        ...slugs,
        ...events.map((name) => `events.\`${name}\``),
      ],
    }
  }, [schema.data, audiences.data, catalog.data, without])
}
