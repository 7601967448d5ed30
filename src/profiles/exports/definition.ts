/** What an export is: audiences whose members have their slugs in an attribute at a vendor, kept so as people enter and leave. */

import * as z from 'zod'
import { PlainName } from '../../currents/current.ts'

/** Lytics, platform limits. */
export const AUDIENCES_MAX = 500

const FieldName = z.string().min(1).max(64)

export const ExportIdentifiers = z
  .strictObject({
    externalIdField: FieldName.optional().describe(
      'Field that holds the external id: Braze External User ID.',
    ),
    brazeIdField: FieldName.optional().describe('Field that holds the Braze ID.'),
    aliasLabel: z.string().min(1).max(255).optional().describe('Label of a user alias, as text.'),
    aliasField: FieldName.optional().describe('Field that holds the name of the user alias with that label.'),
  })
  .refine(
    ({ externalIdField, brazeIdField, aliasField }) =>
      [externalIdField, brazeIdField, aliasField].some((field) => field !== undefined),
    'Give at least one of externalIdField, brazeIdField, and aliasLabel with aliasField',
  )
  .refine(
    ({ aliasLabel, aliasField }) => (aliasLabel === undefined) === (aliasField === undefined),
    'aliasLabel and aliasField belong together',
  )
  .describe('By what people are found, the first that somebody has. Whoever has none is omitted and counted.')

export const ExportDefinition = z
  .strictObject({
    name: PlainName.describe('Unique name; the word in URLs and commands.'),
    description: z.string().max(2_000).default('').describe('A brief description.'),
    contactEmail: z.email().describe('Who is told when the export halts, or an array would overflow.'),
    audiences: z.array(z.int().min(1)).min(1).max(AUDIENCES_MAX).describe('Numbers of the audiences.'),
    identifiers: ExportIdentifiers,
    existingUsers: z
      .boolean()
      .default(false)
      .describe(
        'Existing Users: whoever is in an audience at the start is exported, too. false: only who enters or leaves afterwards.',
      ),
    moves: z
      .enum(['both', 'enter', 'exit'])
      .default('both')
      .describe(
        'Audience Trigger Events. enter: slugs are only added. exit: they are only removed, from those who leave.',
      ),
    destination: z
      .strictObject({
        kind: z.string().min(1).max(63).default('braze-audiences').describe('Name of the destination.'),
        settings: z.record(z.string(), z.unknown()).describe('Settings of that destination.'),
        authorization: z.string().min(1).describe('Id of the authorization that holds the key.'),
      })
      .describe('Where the slugs go.'),
    batchMax: z.int().min(1).max(75).default(75).describe('People in one request at most.'),
    waitMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(300_000)
      .describe('How long a change may wait for company, in milliseconds.'),
    backfillPerMinute: z
      .int()
      .min(1)
      .max(60_000)
      .default(600)
      .describe('Requests in a minute for what is not news: existing users, renamed audiences, repairs.'),
    elements: z
      .strictObject({
        max: z.int().min(1).max(1_000).default(25).describe('What Braze keeps in one array attribute.'),
        others: z
          .int()
          .min(0)
          .max(1_000)
          .default(0)
          .describe('Elements that others may have written into the attribute.'),
      })
      .prefault({})
      .describe('When an array would overflow: the oldest elements are lost at Braze.'),
  })
  .describe('An export: audiences on their way to a vendor.')
export type ExportDefinition = z.infer<typeof ExportDefinition>

export const EXPORT_STATES = ['draft', 'running', 'paused', 'halted', 'removing', 'deleted'] as const
export type ExportState = (typeof EXPORT_STATES)[number]

/**
 * What may happen to an export:
 *
 *              start    pause   resume   halt      remove   leave    finish
 *   draft      running  –       –        –         deleted  deleted  –
 *   running    –        paused  –        halted    removing deleted  –
 *   paused     –        –       running  –         removing deleted  –
 *   halted     –        paused  running  halted    removing deleted  –
 *   removing   –        –       –        removing  –        deleted  deleted
 *   deleted    –        –       –        –         –        –        –
 *
 * remove: what was added is removed from everybody at the vendor first. leave: it stays there. While paused or halted the
 * book goes on following; only nothing is sent. A change of the definition keeps the state, except that a halted export
 * runs again: the change is taken as the mend.
 */
export type ExportAction = 'start' | 'pause' | 'resume' | 'halt' | 'remove' | 'leave' | 'finish'

const NEXT_STATE: Record<ExportState, Partial<Record<ExportAction, ExportState>>> = {
  draft: { start: 'running', remove: 'deleted', leave: 'deleted' },
  running: { pause: 'paused', halt: 'halted', remove: 'removing', leave: 'deleted' },
  paused: { resume: 'running', remove: 'removing', leave: 'deleted' },
  halted: { pause: 'paused', resume: 'running', halt: 'halted', remove: 'removing', leave: 'deleted' },
  removing: { halt: 'removing', leave: 'deleted', finish: 'deleted' },
  deleted: {},
}

/** The state after the action, or undefined when the table above has a dash. */
export function stateAfter(state: ExportState, action: ExportAction): ExportState | undefined {
  return NEXT_STATE[state][action]
}

export interface Export {
  readonly number: number
  readonly name: string
  readonly state: ExportState
  /** Why it is in this state; empty when there is nothing to say. */
  readonly stateReason: string
  readonly stateSince: number
  readonly version: number
  readonly definition: ExportDefinition
  /** Of each audience, from when entering counts; empty until started. */
  readonly since: Readonly<Record<string, number>>
  readonly createdAt: number
  readonly startedAt: number | null
}

export interface ExportVersion {
  readonly version: number
  readonly definition: ExportDefinition
  readonly note: string
  readonly author: string
  readonly createdAt: number
}
