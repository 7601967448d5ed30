/**
 * A rule while it is written: as a text and as a picture. Whichever side was touched last leads; the API reads it and gives both forms, so
 * that the two never mean different things. While the leading side is wrong or unfinished, the other one waits and says so.
 */

import { useEffect, useState } from 'react'
import type { AudienceRuleAnswer } from '../../../api/routes/audiences.ts'
import { ApiFailure, call } from '../../api/client.ts'
import type { Drawn, Query } from '../../elements/rule-builder/vocabulary.ts'
import { drawnFilter, filterOf } from './filter-tree.ts'
import type { KnownParts } from './known.ts'

/** The rule is read when the hand rests. */
const REST_MS = 300

export type Side = 'text' | 'builder'

export interface Draft {
  readonly text: string
  /** Undefined until the first text was read. */
  readonly drawn: Drawn | undefined
  readonly leads: Side
  /** What the leading side means; undefined while it is wrong or not read yet. */
  readonly reading: AudienceRuleAnswer | undefined
  /** What is wrong with the leading side. */
  readonly error: ApiFailure | undefined
  write(text: string): void
  build(query: Query): void
}

export function useDraft(first: string, { subjects, types }: KnownParts): Draft {
  const [text, setText] = useState(first)
  const [drawn, setDrawn] = useState<Drawn>()
  const [leads, setLeads] = useState<Side>('text')
  const [reading, setReading] = useState<AudienceRuleAnswer>()
  const [error, setError] = useState<ApiFailure>()
  const [touched, setTouched] = useState(0)

  // biome-ignore lint/correctness/useExhaustiveDependencies: read once for each touch, with what was on the sides then
  useEffect(() => {
    const leaving = new AbortController()
    const read = async (): Promise<void> => {
      const query = drawn !== undefined && 'query' in drawn ? drawn.query : undefined
      const filter = leads === 'builder' && query !== undefined ? filterOf(query, types) : text
      try {
        const answer = await call<AudienceRuleAnswer>('POST', '/audiences/validate', {
          body: { filter },
          signal: leaving.signal,
        })
        setError(undefined)
        setReading(answer)
        if (leads === 'builder') setText(answer.filter)
        else setDrawn(drawnFilter(answer.tree, subjects))
      } catch (failure) {
        if (!leaving.signal.aborted && failure instanceof ApiFailure) setError(failure)
      }
    }
    const timer = setTimeout(() => void read(), touched === 0 ? 0 : REST_MS)
    return () => {
      clearTimeout(timer)
      leaving.abort()
    }
  }, [touched])

  const touch = (side: Side): void => {
    setLeads(side)
    setReading(undefined)
    setTouched((times) => times + 1)
  }
  return {
    ...{ text, drawn, leads, reading, error },
    write: (next) => {
      // The editor also reports what it was given.
      if (next === text) return
      setText(next)
      touch('text')
    },
    build: (query) => {
      setDrawn({ query })
      touch('builder')
    },
  }
}
