/** What the drift radar found, in words. */

import type { DriftFindingAnswer } from '../../../api/routes/drift.ts'

export const FINDINGS = {
  new_type: 'New event type',
  new_field: 'New field',
  kind_change: 'Another kind of value',
  missing_required: 'Missing field',
} as const

export type Finding = keyof typeof FINDINGS

/** One sentence: what differs from what was expected. */
export function findingSentence({ finding, path, kind, expected }: DriftFindingAnswer): string {
  switch (finding) {
    case 'new_type':
      return 'The catalog does not know this event type'
    case 'new_field':
      return `${path} is new, ${withArticle(kind)}`
    case 'kind_change':
      return `${path} is ${withArticle(kind)}${expected === '' ? '' : `, not ${withArticle(expected)}`}`
    case 'missing_required':
      return `${path} is missing`
  }
}

const withArticle = (kind: string): string =>
  kind === 'null' ? 'null' : `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`
