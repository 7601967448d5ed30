/**
 * `npm run bench [name ...]`: measures, prints a table per benchmark, writes bench/results/<name>.json. Never part of the tests: a number from
 * a busy machine proves nothing. Compare ratios and CPU per event, within one run.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { audiences } from './audiences.ts'
import { cohorts } from './cohorts.ts'
import { consoleLists } from './console.ts'
import { idle } from './idle.ts'
import { importFiles } from './import.ts'
import { latency } from './latency.ts'
import { nodes } from './nodes.ts'
import { fanOut, pipeline } from './pipeline.ts'
import { profiles, profilesLarge } from './profiles.ts'
import { queries } from './queries.ts'
import { replicated } from './replicated.ts'
import { single } from './single.ts'
import { soak } from './soak.ts'
import { start } from './start.ts'
import { tables } from './tables.ts'
import { warehouse } from './warehouse.ts'

const ROUNDS = 3

/** Name → what it measures and how. */
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
    run: () => pipeline(ROUNDS),
  },
  'fan-out': {
    about: 'the same at 60,000 events per second with more destinations',
    run: () => fanOut(ROUNDS),
  },
  latency: {
    about: 'acknowledgement at half of the top rate; accepted to delivered at light load',
    run: latency,
  },
  import: {
    about: 'a folder of Avro files into the synced log, as far as it goes',
    run: () => importFiles(ROUNDS),
  },
  single: { about: 'requests of one event, 64 connections', run: single },
  idle: { about: 'CPU of ten running currents without traffic', run: idle },
  warehouse: {
    about:
      'loading the embedded warehouse, alone and beside ingest at 30,000 events per second; then a count by type',
    run: warehouse,
  },
  cohorts: {
    about:
      'a result of ten million people compared with a roster; a million into the Braze double, then 1 % churn',
    run: cohorts,
  },
  profiles: {
    about: 'a CSV file through the bulk door into resolved profiles (THALWEG_BENCH_PROFILES rows), twice',
    run: profiles,
  },
  'profiles-large': {
    about: 'the same with five million rows, embedded',
    run: profilesLarge,
    onlyByName: true,
  },
  audiences: {
    about: 'people judged by all audiences at once, evaluation only, one core',
    run: audiences,
  },
  console: {
    about:
      'the API behind the lists with 500 currents, 1,000,000 dead letters, 10,000 runs; the first page in Chromium',
    run: consoleLists,
  },
  replicated: {
    about: 'the log on NATS JetStream, one server and three, beside the embedded one; CPU of hub and servers',
    run: () => replicated(ROUNDS),
  },
  nodes: {
    about:
      'three nodes beside one on NATS JetStream and PostgreSQL: throughput, CPU per event by part, and at loads that grow tenfold',
    run: nodes,
  },
  start: { about: 'from process start to ready with a long log', run: start },
  soak: {
    about: 'memory of the hub over an hour of steady load (THALWEG_BENCH_SOAK_MINUTES)',
    run: soak,
    onlyByName: true,
  },
  queries: {
    about: 'rows of an integer and 100 characters out of each query engine',
    run: queries,
  },
  tables: { about: 'rows into PostgreSQL, ClickHouse and Parquet files, batches of 5,000', run: tables },
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
