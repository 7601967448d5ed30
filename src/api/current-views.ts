/** How currents and what they are doing are shown, wherever they are. */

import * as z from 'zod'
import { type Current, CurrentDefinition } from '../currents/current.ts'
import type { Currents } from '../currents/registry.ts'
import type { ConnectionStatus } from '../delivery/delivery.ts'
import { lagOf } from './pulse.ts'
import { Count, Offset, Time, TimeOrNull } from './schemas.ts'

export const CurrentState = z.enum(['draft', 'running', 'paused', 'halted', 'deleted'])

export const CurrentView = z
  .object({
    number: Count,
    key: z.string().describe('Part of message ids at vendors; stable for ever.'),
    name: z.string(),
    state: CurrentState,
    stateReason: z.string(),
    stateSince: Time,
    version: Count,
    definition: CurrentDefinition,
    startOffset: Offset.nullable().describe('The first record that counts; null until launched.'),
    createdAt: Time,
    launchedAt: TimeOrNull,
  })
  .meta({ id: 'Current' })

export const StatusView = z
  .object({
    position: Offset.describe('Everything before is settled.'),
    readPosition: Offset,
    pending: Count.describe('Accepted and without an outcome.'),
    batchesUnderWay: Count,
    oldestUnsettledAt: TimeOrNull.describe('When the oldest of them was accepted.'),
    lagMs: Count,
    gate: z.enum(['open', 'closed', 'half-open', 'off']),
    retryAt: TimeOrNull.describe('When a closed gate is tried again.'),
    sinceStart: z
      .object({
        delivered: Count,
        filtered: Count,
        dead: Count,
        requests: Count,
        bytes: Count,
        answers: z.record(z.string(), Count).describe('By HTTP status; 0: no answer.'),
      })
      .describe('Since the process started; the ledger has what lasts.'),
    lastAcceptedAt: TimeOrNull,
    lastFault: z
      .object({ kind: z.string(), message: z.string(), status: z.int().nullable(), at: Time })
      .nullable(),
  })
  .meta({ id: 'CurrentStatus' })

/** A request as it would be sent, secrets blotted out. */
export const PreviewedRequest = z
  .object({
    method: z.string(),
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.string(),
  })
  .meta({ id: 'PreviewedRequest' })

export function viewOf(current: Current): z.output<typeof CurrentView> {
  return { ...current }
}

export function statusViewOf(status: ConnectionStatus, now: number): z.output<typeof StatusView> {
  const { stats } = status
  const { lastFault } = stats
  return {
    position: status.position,
    readPosition: status.readPosition,
    pending: status.pending,
    batchesUnderWay: status.batchesUnderWay,
    oldestUnsettledAt: status.oldestUnsettledAt ?? null,
    lagMs: lagOf(status, now),
    gate: status.gate,
    retryAt: status.retryAt ?? null,
    sinceStart: {
      delivered: stats.delivered,
      filtered: stats.filtered,
      dead: stats.dead,
      requests: stats.requests,
      bytes: stats.bytes,
      answers: Object.fromEntries(stats.answers),
    },
    lastAcceptedAt: stats.lastAcceptedAt ?? null,
    lastFault:
      lastFault === undefined
        ? null
        : {
            kind: lastFault.kind,
            message: lastFault.message,
            status: lastFault.status ?? null,
            at: lastFault.at,
          },
  }
}

/** By name, else by number: a name may consist of digits. Throws CURRENT_UNKNOWN. */
export async function currentNamed(currents: Currents, which: string): Promise<Current> {
  if (!/^\d{1,9}$/.test(which)) return currents.get(which)
  const named = (await currents.list()).find((current) => current.name === which)
  return named ?? currents.get(Number(which))
}
