/** A definition while it is written: what it holds before anything is chosen, and which part of the form a problem belongs to. */

import type { CurrentAnswer } from '../../../../api/routes/currents.ts'
import { ApiFailure } from '../../../api/client.ts'
import { problemsOf } from '../../../elements/schema-form.tsx'

export type Definition = CurrentAnswer['definition']

/** By dotted path in the definition. */
export type Problems = Readonly<Record<string, string>>

export interface SectionProps {
  readonly value: Definition
  readonly onChange: (part: Partial<Definition>) => void
  readonly problems: Problems
}

export const BLANK: Definition = {
  name: '',
  contactEmail: '',
  sources: [],
  selection: { include: ['*'], exclude: [] },
  externalId: 'required',
  fields: {},
  destination: { kind: '', settings: {}, authorization: null },
  delivery: { ordering: 'none' },
}

/** What the API said of which field, whether the definition was the whole body or a part of it. */
export function problemsIn(error: Error | null | undefined): Problems {
  if (!(error instanceof ApiFailure)) return {}
  return { ...problemsOf(error.details), ...problemsOf(error.details, 'definition') }
}

/** Of the fields below one of these paths. */
export function problemsBelow(problems: Problems, paths: readonly string[]): readonly string[] {
  return Object.entries(problems)
    .filter(([field]) => paths.some((path) => field === path || field.startsWith(`${path}.`)))
    .map(([, problem]) => problem)
}

/** Settings as SchemaForm takes their problems. */
export function problemsUnder(problems: Problems, path: string): Problems {
  return Object.fromEntries(
    Object.entries(problems)
      .filter(([field]) => field.startsWith(`${path}.`))
      .map(([field, problem]) => [field.slice(path.length + 1), problem]),
  )
}

/** For questions about a definition that has no name and contact yet. */
export function named(definition: Definition): Definition {
  return {
    ...definition,
    name: definition.name === '' ? 'draft' : definition.name,
    contactEmail: definition.contactEmail === '' ? 'nobody@example.com' : definition.contactEmail,
  }
}
