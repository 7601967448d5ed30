/** What the loop shows: every connection of both directions with its numbers of this second. */

import { useQueries } from '@tanstack/react-query'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import type { AudienceAnswer } from '../../../api/routes/audiences.ts'
import type { CurrentAnswer } from '../../../api/routes/currents.ts'
import type { ExportAnswer, ExportWholeAnswer } from '../../../api/routes/exports.ts'
import type { ProfilesStatusAnswer } from '../../../api/routes/profiles.ts'
import { at, call } from '../../api/client.ts'
import { type LiveStatus, rateOf, useLive } from '../../api/live.ts'
import { useAnswer } from '../../api/queries.ts'
import { useLettersWaiting } from '../currents/letters-waiting.ts'

export interface Connection {
  readonly key: string
  readonly name: string
  readonly direction: 'out' | 'in'
  /** What it is, in a word or two: "current", "export", "activation". */
  readonly what: string
  /** Where it writes to: the kind of destination. */
  readonly kind: string
  readonly state: string
  readonly reason: string
  readonly perSecond: number
  readonly delivered: number
  /** Refused and waiting for a person: dead letters, or people of an export; undefined: not known yet. */
  readonly dead: number | undefined
  readonly pending: number
  /** Age of what waits longest, in milliseconds. */
  readonly lagMs: number
  readonly to: string
}

export interface Entry {
  readonly name: string
  readonly perSecond: number
  readonly accepted: number
  readonly duplicates: number
  readonly quarantined: number
}

export interface LoopData {
  readonly status: LiveStatus | undefined
  readonly samples: readonly LiveStatus[]
  readonly entries: readonly Entry[]
  readonly connections: readonly Connection[]
  /** Dead letters that wait for a person; undefined: not known yet. */
  readonly letters: number | undefined
  readonly profiles: ProfilesStatusAnswer | undefined
  readonly audiences: readonly AudienceAnswer[]
}

const DEFINITIONS_EVERY_MS = 15_000
const PEOPLE_EVERY_MS = 3_000
/** Exports whose numbers are asked for; the others show their state. */
const EXPORTS_ASKED_MAX = 12

export function useLoop(): LoopData {
  const { status, samples } = useLive()
  const currents =
    useAnswer<{ currents: CurrentAnswer[] }>('/currents', { everyMs: DEFINITIONS_EVERY_MS }).data?.currents ??
    []
  const activations =
    useAnswer<{ activations: ActivationAnswer[] }>('/activations', { everyMs: DEFINITIONS_EVERY_MS }).data
      ?.activations ?? []
  const exports =
    useAnswer<{ exports: ExportAnswer[] }>('/exports', { everyMs: DEFINITIONS_EVERY_MS }).data?.exports ?? []
  const audiences =
    useAnswer<{ audiences: AudienceAnswer[] }>('/audiences', { everyMs: DEFINITIONS_EVERY_MS }).data
      ?.audiences ?? []
  const letters = useLettersWaiting()
  const profiles = useAnswer<ProfilesStatusAnswer>('/profiles/status', { everyMs: PEOPLE_EVERY_MS }).data
  const activationOf = new Map(activations.map((one) => [one.current, one]))
  const kindOf = new Map(currents.map(({ number, definition }) => [number, definition.destination.kind]))
  const flows = (status?.currents ?? []).map((live): Connection => {
    const activation = activationOf.get(live.number)
    return {
      key: `current-${live.number}`,
      name: activation?.definition.name ?? live.name,
      direction: activation === undefined ? 'out' : 'in',
      what: activation === undefined ? 'current' : 'activation',
      kind: activation?.definition.destination.kind ?? kindOf.get(live.number) ?? '',
      state: live.state,
      reason: live.stateReason,
      perSecond: rateOf(
        samples,
        ({ currents: all }) => all.find(({ number }) => number === live.number)?.delivered,
      ),
      delivered: live.delivered,
      dead: letters?.of(live.name),
      pending: live.pending,
      lagMs: live.pending === 0 ? 0 : live.lagMs,
      to: activation === undefined ? `/currents/${live.name}` : `/activations/${activation.definition.name}`,
    }
  })
  const statuses = useQueries({
    queries: exports.slice(0, EXPORTS_ASKED_MAX).map(({ name }) => ({
      queryKey: [at`/exports/${name}`],
      queryFn: () => call<ExportWholeAnswer>('GET', at`/exports/${name}`),
      refetchInterval: PEOPLE_EVERY_MS,
    })),
  })
  const returns = exports.map(({ number, name, state, stateReason, definition }, i): Connection => {
    const own = statuses[i]?.data?.status
    return {
      key: `export-${number}`,
      name,
      direction: 'in',
      what: 'export',
      kind: definition.destination.kind,
      state,
      reason: stateReason,
      perSecond: 0,
      delivered: own?.settled ?? 0,
      dead: own?.refused ?? 0,
      pending: own?.pending ?? 0,
      lagMs: 0,
      to: `/exports/${name}`,
    }
  })
  const entries = (status?.sources ?? [])
    .filter(
      ({ name }) =>
        ![...activationOf.values()].some(({ definition }) => name === `activation-${definition.name}`),
    )
    .map(({ number, name, accepted, duplicates, quarantined }) => ({
      name,
      accepted,
      duplicates,
      quarantined,
      perSecond: rateOf(samples, ({ sources }) => sources.find((one) => one.number === number)?.accepted),
    }))
  return {
    status,
    samples,
    entries,
    connections: [...flows, ...returns],
    letters: letters?.total,
    profiles,
    audiences,
  }
}

const GRAVITY: Readonly<Record<string, number>> = { halted: 0, paused: 1 }

/** What needs a hand first, then what is behind, then by name. */
export function byUrgency(a: Connection, b: Connection): number {
  return (
    (GRAVITY[a.state] ?? 2) - (GRAVITY[b.state] ?? 2) ||
    Number(b.lagMs > 60_000) - Number(a.lagMs > 60_000) ||
    a.name.localeCompare(b.name)
  )
}
