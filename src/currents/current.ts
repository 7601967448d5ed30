/**
 * Currents: chosen events from sources, through selection and mapping, to a destination. This room defines what a current is, keeps its
 * versions and its state, and compiles its selection and its rules for personal data. It never reads the log and never sends anything:
 * delivery does, consulting what is compiled here.
 */

import * as z from 'zod'

/** What currents, activations and exports are called. */
export const PlainName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'lower-case letters, digits and dashes, at most 63, starting with a letter or digit',
  )

export const FieldRule = z.enum(['keep', 'remove', 'hash'])
export type FieldRule = z.infer<typeof FieldRule>

/** Operator's limits; each can only be lower than what the destination allows, except the wait. */
export const DeliverySettings = z
  .strictObject({
    recordsMax: z.int().min(1).max(10_000).optional().describe('Events in one request at most.'),
    bytesMax: z
      .int()
      .min(1_000)
      .max(16_777_216)
      .optional()
      .describe('Bytes of events in one request at most.'),
    waitMs: z
      .int()
      .min(0)
      .max(900_000)
      .optional()
      .describe('How long the first event of a batch may wait for company, in milliseconds.'),
    inFlightMax: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe('Requests under way at once. 1 keeps the whole current in order.'),
    ordering: z
      .enum(['none', 'per-profile'])
      .default('none')
      .describe('per-profile: events of one person leave in the order in which they were accepted.'),
  })
  .describe('Batching and concurrency.')
export type DeliverySettings = z.infer<typeof DeliverySettings>

export const CurrentDefinition = z
  .strictObject({
    name: PlainName.describe('Unique name; the word in URLs and commands.'),
    contactEmail: z.email().describe('Who is told when the current halts.'),
    sources: z
      .array(z.string().min(1))
      .min(1)
      .max(64)
      .describe('Names of the sources whose events it takes.'),
    selection: z
      .strictObject({
        include: z
          .array(z.string().min(1).max(256))
          .min(1)
          .max(1000)
          .default(['*'])
          .describe(
            'Event types: exact names, `*`, prefixes such as `users.messages.email.*`, `channel:email`, `category:message_engagement`.',
          ),
        exclude: z
          .array(z.string().min(1).max(256))
          .max(1000)
          .default([])
          .describe('Patterns of the same kind, taken out again.'),
      })
      .prefault({})
      .describe('Which event types flow.'),
    externalId: z
      .enum(['required', 'optional'])
      .default('required')
      .describe(
        'required: events without `user.external_user_id` (Segment messages: `userId`) are filtered and counted, as the vendors’ own integrations do. optional: they flow too.',
      ),
    fields: z
      .record(z.string().min(1).max(256), FieldRule)
      .default({})
      .describe(
        'Per field name, wherever it stands in `user` or `properties`: keep, remove (the value becomes `[REDACTED]`) or hash (SHA-256 in hex). Strings only.',
      ),
    destination: z
      .strictObject({
        kind: z.string().min(1).describe('Name of the destination.'),
        settings: z.record(z.string(), z.unknown()).default({}).describe('Settings of that destination.'),
        authorization: z
          .string()
          .nullable()
          .default(null)
          .describe('Id of the authorization that holds the credentials.'),
      })
      .describe('Where the events go.'),
    delivery: DeliverySettings.prefault({}),
  })
  .describe('A current: chosen events from sources through selection and mapping to a destination.')
export type CurrentDefinition = z.infer<typeof CurrentDefinition>

/** Where a launched current begins. A time is milliseconds since the epoch: the first event accepted at or after it. */
export const LaunchFrom = z.union([
  z.literal('now'),
  z.literal('earliest'),
  z.strictObject({ timeMs: z.int().min(0) }),
])
export type LaunchFrom = z.infer<typeof LaunchFrom>

export type CurrentState = 'draft' | 'running' | 'paused' | 'halted' | 'deleted'

/**
 * What may happen to a current:
 *
 *              launch     pause     resume     halt      remove
 *   draft      running    –         –          –         deleted
 *   running    –          paused    –          halted    deleted
 *   paused     –          –         running    –         deleted
 *   halted     –          paused    running    halted    deleted
 *   deleted    –          –         –          –         –
 *
 * A change of the definition keeps the state, except that a halted current runs again: the change is taken as the mend.
 */
export type CurrentAction = 'launch' | 'pause' | 'resume' | 'halt' | 'remove'

const NEXT_STATE: Record<CurrentState, Partial<Record<CurrentAction, CurrentState>>> = {
  draft: { launch: 'running', remove: 'deleted' },
  running: { pause: 'paused', halt: 'halted', remove: 'deleted' },
  paused: { resume: 'running', remove: 'deleted' },
  halted: { pause: 'paused', resume: 'running', halt: 'halted', remove: 'deleted' },
  deleted: {},
}

/** The state after the action, or undefined when the table above has a dash. */
export function stateAfter(state: CurrentState, action: CurrentAction): CurrentState | undefined {
  return NEXT_STATE[state][action]
}

export interface Current {
  /** Short number used in tables. */
  readonly number: number
  /** Eight characters of [a-z0-9], unique for ever, part of ids at vendors. */
  readonly key: string
  readonly name: string
  readonly state: CurrentState
  /** Why it is in this state: a sentence; empty when there is nothing to say. */
  readonly stateReason: string
  readonly stateSince: number
  readonly version: number
  readonly definition: CurrentDefinition
  /** First offset that counts; null until launched. */
  readonly startOffset: number | null
  readonly createdAt: number
  readonly launchedAt: number | null
}

export interface CurrentVersion {
  readonly version: number
  /** The version applies from this offset on. */
  readonly fromOffset: number
  readonly definition: CurrentDefinition
  readonly createdAt: number
  readonly note: string
}
