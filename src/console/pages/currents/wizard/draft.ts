/** What has been filled in so far. It outlives going back, other pages and a reload of this one; secrets are never in it. */

import { useState } from 'react'
import { BLANK, type Definition } from '../definition/definition.ts'

export interface Draft {
  readonly definition: Definition
  readonly from: 'now' | 'earliest' | 'time'
  /** Of `from: time`; milliseconds since the epoch. */
  readonly timeMs: number | null
}

const KEPT_AS = 'thalweg-new-current'
const NEW: Draft = { definition: BLANK, from: 'now', timeMs: null }

function remembered(): Draft {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? 'null') as Draft | null
    return kept === null ? NEW : { ...NEW, ...kept, definition: { ...BLANK, ...kept.definition } }
  } catch {
    return NEW
  }
}

export interface DraftState {
  readonly draft: Draft
  readonly define: (part: Partial<Definition>) => void
  readonly change: (part: Partial<Omit<Draft, 'definition'>>) => void
  /** It became a current, or begins anew. */
  readonly forget: () => void
}

export function useDraft(): DraftState {
  const [draft, setDraft] = useState(remembered)
  const keep = (next: (before: Draft) => Draft): void =>
    setDraft((before) => {
      const after = next(before)
      sessionStorage.setItem(KEPT_AS, JSON.stringify(after))
      return after
    })
  return {
    draft,
    define: (part) => keep((before) => ({ ...before, definition: { ...before.definition, ...part } })),
    change: (part) => keep((before) => ({ ...before, ...part })),
    forget: () => {
      sessionStorage.removeItem(KEPT_AS)
      setDraft(NEW)
    },
  }
}
