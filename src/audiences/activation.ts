/**
 * What an activation is: people that a query names, sent to a cohort (or a kin of it) by an operation, on a schedule. Treasure
 * Data's page calls the same things Cohort ID, Cohort Name, Operation, Aliases and Thread Count.
 */

import { createHash } from 'node:crypto'
import * as z from 'zod'
import { IDENTIFIER_KINDS } from '../core/membership.ts'
import { PlainName } from '../currents/current.ts'
import { Brake } from './brake.ts'
import type { AliasColumn } from './columns.ts'
import { Schedule } from './schedule.ts'

export const SQL_CHARS_MAX = 1_000_000

/** Cohort ID and the rest of the destination's settings travel in `destination.settings`. */
export const ActivationDefinition = z
  .strictObject({
    name: PlainName
      // The current and the source of its membership records are called after it, with a prefix.
      .max(50)
      .describe('Unique name; the word in URLs and commands.'),
    description: z.string().max(2_000).default('').describe('A brief description.'),
    contactEmail: z.email().describe('Who is told when a run is held or fails.'),
    query: z
      .strictObject({
        engine: z.string().min(1).max(63).default('warehouse').describe('Name of the query engine.'),
        sql: z.string().min(1).max(SQL_CHARS_MAX).optional().describe('The query.'),
        saved: z.string().min(1).max(100).optional().describe('Name of a saved query, instead of sql.'),
        segment: z.string().min(1).max(63).optional().describe('Name of a segment, instead of sql.'),
        columns: z
          .record(z.string().min(1).max(255), z.string().min(1).max(255))
          .optional()
          .describe(
            "Attribute Columns of a segment: name of the output column, such as user_ids → column of the segment's table.",
          ),
      })
      .refine(
        ({ sql, saved, segment }) => [sql, saved, segment].filter((one) => one !== undefined).length === 1,
        'Give sql, saved or segment',
      )
      .refine(
        ({ segment, columns }) => (segment === undefined) === (Object.keys(columns ?? {}).length === 0),
        'A segment needs columns, and only a segment has them',
      )
      .describe('Whose rows are the people.'),
    aliases: z
      .array(
        z.union([
          z.string().min(1).max(255),
          z.strictObject({ label: z.string().min(1).max(255), column: z.string().min(1).max(255) }),
        ]),
      )
      .max(20)
      .default([])
      .describe(
        'Aliases: columns whose cells are alias names. The label is the name of the column unless another is given.',
      ),
    priority: z
      .array(z.enum(IDENTIFIER_KINDS))
      .default([...IDENTIFIER_KINDS])
      .describe('Which identifier of a row is taken first.'),
    identifiers: z
      .enum(['first', 'all'])
      .default('first')
      .describe('Of a row with several identifiers: the first by priority, or all of them.'),
    operation: z
      .enum(['add', 'remove', 'mirror'])
      .describe(
        'add: the people of the query enter. remove: they leave. mirror: the cohort becomes the result of the query.',
      ),
    cohortName: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe('Cohort Name, as the segment filter of Braze shows it. Unset: the Cohort ID.'),
    destination: z
      .strictObject({
        kind: z.string().min(1).max(63).describe('braze-cohort or braze-attribute.'),
        settings: z.record(z.string(), z.unknown()).describe('Settings of that destination.'),
        authorization: z.string().min(1).describe('Id of the authorization that holds the keys.'),
      })
      .describe('Where the members go.'),
    brake: Brake.describe('When a run waits for a person.'),
    schedule: Schedule.describe('When it runs by itself.'),
    timeoutMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(3_600_000)
      .describe('How long the query may take, in milliseconds.'),
  })
  .describe('An activation: a query or segment sent to a destination on a schedule.')
export type ActivationDefinition = z.infer<typeof ActivationDefinition>

export interface Activation {
  readonly number: number
  readonly name: string
  readonly state: 'active' | 'paused' | 'deleted'
  readonly version: number
  readonly definition: ActivationDefinition
  /** The source that its membership records come from, and the current that carries them. */
  readonly source: number
  readonly current: number
  /** Since when the schedule is in force, and up to when it was looked at. */
  readonly scheduledSince: number
  readonly scheduledTo: number
  readonly createdAt: number
  readonly updatedAt: number
}

export function aliasColumns({ aliases }: Pick<ActivationDefinition, 'aliases'>): AliasColumn[] {
  return aliases.map((alias) => (typeof alias === 'string' ? { label: alias, column: alias } : alias))
}

/** Settings that say how, not which cohort. */
const MANNER: ReadonlySet<string> = new Set(['threads'])

/**
 * Which cohort is meant: activations with the same target share its roster. The authorization stands for the workspace.
 */
export function targetOf({ destination }: ActivationDefinition): string {
  const { kind, settings, authorization } = destination
  const identity = Object.entries(settings)
    .filter(([name]) => !MANNER.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([kind, authorization, identity]))
    .digest('hex')
    .slice(0, 24)
}

/** As the vendor shows it. */
export function audienceName({ cohortName, destination, name }: ActivationDefinition): string {
  const { cohortId } = destination.settings
  return cohortName ?? (typeof cohortId === 'string' ? cohortId : name)
}
