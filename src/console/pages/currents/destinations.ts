/** The kinds of destinations, asked once. */

import { useCallback } from 'react'
import type { DestinationAnswer } from '../../../api/routes/destinations.ts'
import { useAnswer } from '../../api/queries.ts'

export function useDestinations() {
  return useAnswer<{ destinations: DestinationAnswer[] }>('/destinations')
}

export function useDestinationTitle(): (kind: string) => string {
  const { data } = useDestinations()
  return useCallback((kind) => data?.destinations.find(({ name }) => name === kind)?.title ?? kind, [data])
}

/** Settings that say where a destination is, in the order in which one asks. */
const PLACES = ['url', 'host', 'endpoint', 'bucket', 'region', 'instance', 'database'] as const

/** Where it writes to, in a word; '' when its settings do not say. */
export function addressOf(settings: Readonly<Record<string, unknown>>): string {
  const found = PLACES.map((name) => settings[name]).find(
    (value) => typeof value === 'string' && value !== '',
  )
  return typeof found === 'string' ? found.replace(/^https?:\/\//, '') : ''
}
