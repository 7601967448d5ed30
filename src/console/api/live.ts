/**
 * The numbers of everything, once a second, from one stream that all pages share. The browser opens it again by itself when it breaks;
 * rates are differences of two counts, and the last minutes of them are kept for the charts.
 */

import { useSyncExternalStore } from 'react'
import type { statusOf } from '../../api/live.ts'
import { askAnew } from './queries.ts'

export type LiveStatus = ReturnType<typeof statusOf>

export interface LiveState {
  readonly connection: 'opening' | 'open' | 'broken'
  readonly status: LiveStatus | undefined
  /** The latest last; SAMPLES_MAX seconds at most. */
  readonly samples: readonly LiveStatus[]
}

const SAMPLES_MAX = 300
let state: LiveState = { connection: 'opening', status: undefined, samples: [] }
let stream: EventSource | undefined
const watchers = new Set<() => void>()

function tell(next: Partial<LiveState>): void {
  state = { ...state, ...next }
  for (const watcher of watchers) watcher()
}

function open(): void {
  stream = new EventSource('/api/v1/live')
  stream.addEventListener('open', () => tell({ connection: 'open' }))
  stream.addEventListener('error', () => tell({ connection: 'broken' }))
  stream.addEventListener('status', ({ data }: MessageEvent<string>) => {
    const status = JSON.parse(data) as LiveStatus
    // When somebody else begins to listen, the state of a moment ago is told once more.
    const before = state.samples.filter(({ at }) => at !== status.at)
    tell({ connection: 'open', status, samples: [...before, status].slice(-SAMPLES_MAX) })
  })
  stream.addEventListener('alert', () => void askAnew(['/alerts']))
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher)
  if (stream === undefined) open()
  return () => {
    watchers.delete(watcher)
    if (watchers.size > 0) return
    stream?.close()
    stream = undefined
    state = { ...state, connection: 'opening' }
  }
}

/** Draws the component anew each second. */
export function useLive(): LiveState {
  return useSyncExternalStore(watch, () => state)
}

/** Per second, between the last two samples that are at least a second apart; 0 before there are two. `count` reads one sample. */
export function rateOf(
  samples: readonly LiveStatus[],
  count: (status: LiveStatus) => number | undefined,
): number {
  const last = samples.at(-1)
  const before = samples.at(-4) ?? samples[0]
  if (last === undefined || before === undefined || last.at <= before.at) return 0
  const difference = (count(last) ?? 0) - (count(before) ?? 0)
  return Math.max(0, (difference * 1_000) / (last.at - before.at))
}

/** Per second, between each sample and the one before it; null for the first. `count` reads one sample. */
export function ratesOf(
  samples: readonly LiveStatus[],
  count: (status: LiveStatus) => number | undefined,
): (number | null)[] {
  return samples.map((status, i) => {
    const before = samples[i - 1]
    return before === undefined
      ? null
      : Math.max(
          0,
          (((count(status) ?? 0) - (count(before) ?? 0)) * 1_000) / Math.max(status.at - before.at, 1),
        )
  })
}
