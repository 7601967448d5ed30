/**
 * `npm run bench [name ...]`: measures, prints a table per benchmark, writes bench/results/<name>.json. Never part of the tests: a number from
 * a busy machine proves nothing. Compare ratios and CPU per event, within one run.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'

const ROUNDS = 3

/** Name → what it measures and how. Each loads its own alone: a larger heap would make pauses of the load generator longer, which are measured as the hub's. */
const BENCHMARKS: Readonly<
  Record<
    string,
    {
      readonly about: string
      readonly run: () => Promise<readonly object[]>
      /** Takes too long to be part of a bench without names. */
      readonly onlyByName?: true
    }
  >
> = {
  pipeline: {
    about:
      'HTTP in, synced log, HTTP out: throughput and CPU per event; 100 events of 0.9 KB per request, 16 connections',
    run: async () => (await import('./pipeline.ts')).pipeline(ROUNDS),
  },
  'fan-out': {
    about: 'the same at 60,000 events per second with more destinations',
    run: async () => (await import('./pipeline.ts')).fanOut(ROUNDS),
  },
  latency: {
    about: 'acknowledgement at half of the top rate; accepted to delivered at light load',
    run: async () => (await import('./latency.ts')).latency(),
  },
  import: {
    about: 'a folder of Avro files into the synced log, as far as it goes',
    run: async () => (await import('./import.ts')).importFiles(ROUNDS),
  },
  single: {
    about: 'requests of one event, 64 connections',
    run: async () => (await import('./single.ts')).single(),
  },
  idle: {
    about: 'CPU of ten running currents without traffic',
    run: async () => (await import('./idle.ts')).idle(),
  },
  warehouse: {
    about:
      'loading the embedded warehouse, alone and beside ingest at 30,000 events per second; then a count by type',
    run: async () => (await import('./warehouse.ts')).warehouse(),
  },
  cohorts: {
    about:
      'a result of ten million people compared with a roster; a million into the Braze double, then 1 % churn',
    run: async () => (await import('./cohorts.ts')).cohorts(),
  },
  profiles: {
    about: 'a CSV file through the bulk door into resolved profiles (THALWEG_BENCH_PROFILES rows), twice',
    run: async () => (await import('./profiles.ts')).profiles(),
  },
  'profiles-large': {
    about:
      'the same with five million rows, embedded, once; then what the lists of the console wait for at the API',
    run: async () => (await import('./profiles.ts')).profilesLarge(),
    onlyByName: true,
  },
  audiences: {
    about: 'people judged by all audiences at once, evaluation only, one core',
    run: async () => (await import('./audiences.ts')).audiences(),
  },
  console: {
    about:
      'the API behind the lists with 500 currents, 1,000,000 dead letters, 10,000 runs; the first page in Chromium',
    run: async () => (await import('./console.ts')).consoleLists(),
  },
  replicated: {
    about: 'the log on NATS JetStream, one server and three, beside the embedded one; CPU of hub and servers',
    run: async () => (await import('./replicated.ts')).replicated(ROUNDS),
  },
  nodes: {
    about:
      'three nodes beside one on NATS JetStream and PostgreSQL: throughput, CPU per event by part, and at loads that grow tenfold',
    run: async () => (await import('./nodes.ts')).nodes(),
  },
  start: {
    about: 'from process start to ready with a long log',
    run: async () => (await import('./start.ts')).start(),
  },
  soak: {
    about: 'memory of the hub over an hour of steady load (THALWEG_BENCH_SOAK_MINUTES)',
    run: async () => (await import('./soak.ts')).soak(),
    onlyByName: true,
  },
  queries: {
    about: 'rows of an integer and 100 characters out of each query engine',
    run: async () => (await import('./queries.ts')).queries(),
  },
  tables: {
    about: 'rows into PostgreSQL, ClickHouse and Parquet files, batches of 5,000',
    run: async () => (await import('./tables.ts')).tables(),
  },
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => BENCHMARKS[name] === undefined)
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. Known: ${Object.keys(BENCHMARKS).join(', ')}`)
  process.exit(2)
}
const folder = new URL('./results/', import.meta.url)
await mkdir(folder, { recursive: true })
for (const [name, { about, run, onlyByName }] of Object.entries(BENCHMARKS)) {
  if (wanted.length > 0 ? !wanted.includes(name) : onlyByName) continue
  console.log(`\n${name}: ${about}`)
  const rows = await run()
  console.table(rows.map(rounded))
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
  await writeFile(
    new URL(`${name}.json`, folder),
    `${JSON.stringify({ name, about, machine, rows: rows.map(rounded) }, null, 2)}\n`,
  )
}

function rounded(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === 'number' ? Number(value.toPrecision(4)) : value,
    ]),
  )
}
