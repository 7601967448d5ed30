/** What the form of an export holds, and how it becomes a definition and comes from one. */

import type { ExportAnswer } from '../../../api/routes/exports.ts'
import type { Values } from '../../elements/schema-form.tsx'

type Definition = ExportAnswer['definition']

export interface Draft
  extends Pick<
    Definition,
    | 'name'
    | 'description'
    | 'contactEmail'
    | 'audiences'
    | 'existingUsers'
    | 'moves'
    | 'batchMax'
    | 'backfillPerMinute'
    | 'elements'
  > {
  readonly externalIdField: string
  readonly brazeIdField: string
  readonly aliasLabel: string
  readonly aliasField: string
  readonly kind: string
  readonly settings: Values
  readonly authorization: string
  readonly waitSeconds: number
}

export const NEW_DRAFT: Draft = {
  name: '',
  description: '',
  contactEmail: '',
  audiences: [],
  externalIdField: 'external_id',
  brazeIdField: '',
  aliasLabel: '',
  aliasField: '',
  existingUsers: true,
  moves: 'both',
  kind: 'braze-audiences',
  settings: {},
  authorization: '',
  batchMax: 75,
  waitSeconds: 300,
  backfillPerMinute: 600,
  elements: { max: 25, others: 0 },
}

export function draftOf({ identifiers, destination, waitMs, ...rest }: Definition): Draft {
  return {
    ...rest,
    externalIdField: identifiers.externalIdField ?? '',
    brazeIdField: identifiers.brazeIdField ?? '',
    aliasLabel: identifiers.aliasLabel ?? '',
    aliasField: identifiers.aliasField ?? '',
    kind: destination.kind,
    settings: destination.settings,
    authorization: destination.authorization,
    waitSeconds: waitMs / 1_000,
  }
}

/** As the API takes it, which checks it. */
export function definitionOf(draft: Draft) {
  const { externalIdField, brazeIdField, aliasLabel, aliasField, kind, settings, authorization } = draft
  const { waitSeconds, ...rest } = draft
  const { name, description, contactEmail, audiences, existingUsers, moves } = rest
  return {
    name,
    description,
    contactEmail,
    audiences,
    identifiers: Object.fromEntries(
      Object.entries({ externalIdField, brazeIdField, aliasLabel, aliasField }).filter(
        ([, field]) => field !== '',
      ),
    ),
    existingUsers,
    moves,
    destination: { kind, settings, authorization },
    batchMax: rest.batchMax,
    waitMs: waitSeconds * 1_000,
    backfillPerMinute: rest.backfillPerMinute,
    elements: rest.elements,
  }
}
