/**
 * Metrics for Prometheus. Nothing is counted here: every metric reads the rooms' own numbers when it is
 * scraped. Counters begin at 0 with the process, as Prometheus expects; the ledger is what lasts.
 * What the library itself measures of the process begins with the first scrape.
 */

import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client'
import { LATENCY_BUCKETS_MS } from '../delivery/connection-stats.ts'
import { ANSWER_MS_BOUNDS } from '../sources/counters.ts'
import type { ApiParts } from './parts.ts'
import type { Beat, Pulse } from './pulse.ts'

type Labels = Readonly<Record<string, string>>
type Reading = readonly [value: number, labels?: Labels]

interface Row {
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  readonly labels?: readonly string[]
  readonly read: (beat: Beat) => readonly Reading[]
}

const GATES = ['open', 'half-open', 'closed', 'off'] as const
const STATES = ['draft', 'running', 'paused', 'halted'] as const
const SOURCE = ['source']
const CURRENT = ['current']

const ROWS: readonly Row[] = [
  perSource('requests', 'Requests that a source was found for', (counts) => counts.requests),
  perSource('accepted', 'Events accepted', (counts) => counts.accepted),
  perSource('duplicates', 'Events dropped because their id had come before', (counts) => counts.duplicates),
  perSource('quarantined', 'Items that are not events', (counts) => counts.quarantined),
  perSource('bytes', 'Body bytes taken into the log, decompressed', (counts) => counts.bytes),
  perSource(
    'dropped_requests',
    'Requests with a wrong key, answered 200 and dropped',
    (counts) => counts.dropped,
  ),
  {
    name: 'thalweg_source_refused_requests_total',
    help: 'Requests answered with other than 2xx',
    kind: 'counter',
    labels: ['source', 'status'],
    read: ({ sources }) =>
      sources.flatMap(({ name, counts }) =>
        Object.entries(counts.refused).map(([status, count]): Reading => [count, { source: name, status }]),
      ),
  },
  single('log_bytes', 'gauge', 'Bytes of the log on disk', ({ log }) => log.stats.bytes),
  single('log_segments', 'gauge', 'Segments of the log', ({ log }) => log.stats.segments),
  single('log_head_offset', 'gauge', 'Offset after the last durable record', ({ log }) => log.head),
  single('log_tail_offset', 'gauge', 'Offset of the oldest record kept', ({ log }) => log.tail),
  single('log_waiting_bytes', 'gauge', 'Bytes waiting to be synced', ({ log }) => log.stats.waitingBytes),
  single(
    'log_corrupt_gaps',
    'gauge',
    'Stretches that do not check out',
    ({ log }) => log.stats.corrupt.length,
  ),
  single('log_open', 'gauge', '1 when the log takes records', ({ log }) => Number(log.state === 'open')),
  single('log_syncs_total', 'counter', 'Syncs of the log', ({ log }) => log.stats.syncs),
  single('log_frames_total', 'counter', 'Frames appended', ({ log }) => log.stats.appendedFrames),
  single('log_appended_bytes_total', 'counter', 'Bytes appended', ({ log }) => log.stats.appendedBytes),
  single(
    'drift_unacknowledged_findings',
    'gauge',
    'Event types, fields and kinds that are new and that nobody has acknowledged',
    ({ unacknowledgedFindings }) => unacknowledgedFindings,
  ),
  perCurrent('delivered_total', 'counter', 'Events delivered', ({ status }) => status.stats.delivered),
  perCurrent('filtered_total', 'counter', 'Events filtered', ({ status }) => status.stats.filtered),
  perCurrent('dead_total', 'counter', 'Events that became dead letters', ({ status }) => status.stats.dead),
  perCurrent('requests_total', 'counter', 'Requests sent', ({ status }) => status.stats.requests),
  perCurrent('sent_bytes_total', 'counter', 'Body bytes sent', ({ status }) => status.stats.bytes),
  perCurrent('pending', 'gauge', 'Events accepted and without an outcome', ({ status }) => status.pending),
  perCurrent('batches_under_way', 'gauge', 'Batches being sent', ({ status }) => status.batchesUnderWay),
  perCurrent(
    'position',
    'gauge',
    'Everything before this offset is settled',
    ({ status }) => status.position,
  ),
  perCurrent(
    'lag_seconds',
    'gauge',
    'Age of the oldest event without an outcome',
    ({ lagMs }) => lagMs / 1000,
  ),
  {
    name: 'thalweg_current_attempts_total',
    help: 'Answers by HTTP status; 0: no answer',
    kind: 'counter',
    labels: ['current', 'status'],
    read: ({ currents }) =>
      currents.flatMap(({ name, status }) =>
        [...status.stats.answers].map(
          ([code, count]): Reading => [count, { current: name, status: String(code) }],
        ),
      ),
  },
  {
    name: 'thalweg_current_gate',
    help: '1 for the state that the gate to the destination is in',
    kind: 'gauge',
    labels: ['current', 'state'],
    read: ({ currents }) =>
      currents.flatMap(({ name, status }) =>
        GATES.map((state): Reading => [Number(status.gate === state), { current: name, state }]),
      ),
  },
  {
    name: 'thalweg_current_state',
    help: '1 for the state that the current is in',
    kind: 'gauge',
    labels: ['current', 'state'],
    read: ({ currents }) =>
      currents.flatMap((row) =>
        STATES.map((state): Reading => [Number(row.state === state), { current: row.name, state }]),
      ),
  },
]

const HISTOGRAMS: readonly HistogramRow[] = [
  {
    name: 'thalweg_current_attempt_seconds',
    help: 'Time from sending a request to its answer',
    boundsMs: LATENCY_BUCKETS_MS,
    read: ({ currents }) =>
      currents.map(({ name, status: { stats } }) => ({
        labels: { current: name },
        buckets: stats.latency,
        sumMs: stats.latencySumMs,
      })),
  },
  {
    name: 'thalweg_source_answer_seconds',
    help: 'Time from the head of a request at a door to its answer',
    boundsMs: ANSWER_MS_BOUNDS,
    read: ({ sources }) =>
      sources.map(({ name, counts }) => ({
        labels: { source: name },
        buckets: counts.answerMs,
        sumMs: counts.answerMsSum,
      })),
  },
]

export function createMetrics(parts: ApiParts, pulse: Pulse): Registry {
  const registry = new Registry()
  // The default of 10 ms wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 })
  for (const row of ROWS) addRow(registry, row, pulse)
  addDedupe(registry, parts)
  for (const row of HISTOGRAMS) addHistogram(registry, row, pulse)
  return registry
}

function addRow(registry: Registry, row: Row, pulse: Pulse): void {
  const about = { name: row.name, help: row.help, labelNames: [...(row.labels ?? [])], registers: [registry] }
  if (row.kind === 'gauge') {
    new Gauge({
      ...about,
      async collect() {
        this.reset()
        for (const [value, labels = {}] of row.read(await pulse.beat())) this.set(labels, value)
      },
    })
    return
  }
  new Counter({
    ...about,
    async collect() {
      this.reset()
      for (const [value, labels = {}] of row.read(await pulse.beat())) this.inc(labels, value)
    },
  })
}

function addDedupe(registry: Registry, { dedupe }: ApiParts): void {
  new Gauge({
    name: 'thalweg_dedupe_ids',
    help: 'Event ids remembered',
    registers: [registry],
    collect() {
      this.set(dedupe.stats().ids)
    },
  })
  new Gauge({
    name: 'thalweg_dedupe_bytes',
    help: 'Memory of the event ids',
    registers: [registry],
    collect() {
      this.set(dedupe.stats().bytes)
    },
  })
}

interface Measured {
  readonly labels: Labels
  /** Per bucket, not cumulative; one more than there are bounds. */
  readonly buckets: ArrayLike<number>
  readonly sumMs: number
}

interface HistogramRow {
  readonly name: string
  readonly help: string
  readonly boundsMs: readonly number[]
  readonly read: (beat: Beat) => readonly Measured[]
}

/** A histogram whose buckets are counted elsewhere. */
function addHistogram(registry: Registry, { name, help, boundsMs, read }: HistogramRow, pulse: Pulse): void {
  const metric = {
    name,
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: read(await pulse.beat()).flatMap((measured) => samplesOf(name, boundsMs, measured)),
    }),
  }
  // The registry asks no more of a metric than its name and `get`; the library's types know only its own
  // classes.
  registry.registerMetric(metric as unknown as Metric)
}

/** As Prometheus wants it: cumulative, in seconds. */
function samplesOf(name: string, boundsMs: readonly number[], { labels, buckets, sumMs }: Measured) {
  let count = 0
  const rows = boundsMs.map((bound, i) => {
    count += buckets[i] ?? 0
    return { metricName: `${name}_bucket`, value: count, labels: { ...labels, le: bound / 1000 } }
  })
  count += buckets[boundsMs.length] ?? 0
  return [
    ...rows,
    { metricName: `${name}_bucket`, value: count, labels: { ...labels, le: '+Inf' } },
    { metricName: `${name}_sum`, value: sumMs / 1000, labels },
    { metricName: `${name}_count`, value: count, labels },
  ]
}

function single(name: string, kind: Row['kind'], help: string, read: (beat: Beat) => number): Row {
  return { name: `thalweg_${name}`, help, kind, read: (beat) => [[read(beat)]] }
}

function perSource(
  name: string,
  help: string,
  read: (counts: Beat['sources'][number]['counts']) => number,
): Row {
  return {
    name: `thalweg_source_${name}_total`,
    help,
    kind: 'counter',
    labels: SOURCE,
    read: ({ sources }) => sources.map((row) => [read(row.counts), { source: row.name }]),
  }
}

function perCurrent(
  name: string,
  kind: Row['kind'],
  help: string,
  read: (row: Beat['currents'][number]) => number,
): Row {
  return {
    name: `thalweg_current_${name}`,
    help,
    kind,
    labels: CURRENT,
    read: ({ currents }) => currents.map((row) => [read(row), { current: row.name }]),
  }
}
