/** What membership changes cost at a vendor, before they are sent and after. */

/** The vendor's side of a kind of destination. */
export interface Tariff {
  readonly changesPerRequest: number
  readonly dataPointsPerChange: number
  /** Requests that the vendor takes in a window. */
  readonly requests: number
  readonly windowMs: number
}

const TARIFFS: Readonly<Record<string, Tariff>> = {
  // Braze, partner cohort import: 1,000 identifiers a request, 250,000 requests an hour; cohorts cost no data points.
  'braze-cohort': { changesPerRequest: 1000, dataPointsPerChange: 0, requests: 250_000, windowMs: 3_600_000 },
  // Braze, /users/track: 75 objects a request, 3,000 requests in 3 seconds; a data point for each attribute.
  'braze-attribute': { changesPerRequest: 75, dataPointsPerChange: 1, requests: 3_000, windowMs: 3_000 },
  'braze-audiences': { changesPerRequest: 75, dataPointsPerChange: 1, requests: 3_000, windowMs: 3_000 },
}

export interface Cost {
  readonly requests: number
  readonly dataPoints: number
  /** At the vendor's rate limit, at least; rounded up to whole seconds. */
  readonly secondsAtRateLimit: number
}

/** undefined: nobody knows what this kind of destination costs. */
export function tariffOf(kind: string): Tariff | undefined {
  return TARIFFS[kind]
}

/** Changes in a second at the vendor's rate limit, in full requests. */
export function changesPerSecond({ changesPerRequest, requests, windowMs }: Tariff): number {
  return (changesPerRequest * requests * 1_000) / windowMs
}

/** undefined: nobody knows what this kind of destination costs. */
export function costOf(kind: string, changes: number): Cost | undefined {
  const tariff = TARIFFS[kind]
  if (tariff === undefined) return undefined
  const requests = Math.ceil(changes / tariff.changesPerRequest)
  return {
    requests,
    dataPoints: changes * tariff.dataPointsPerChange,
    secondsAtRateLimit: Math.ceil((requests / tariff.requests) * (tariff.windowMs / 1000)),
  }
}
