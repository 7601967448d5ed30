/**
 * A hub that brings query results into a cohort, in a process of its own, for the benchmark: its plan is its argument. Runs
 * the queries one after another as one mirror activation, each when a line comes in, and prints a line of JSON after each.
 */

import { createInterface } from 'node:readline'
import { ActivationDefinition } from '../src/audiences/activation.ts'
import { FINISHED, type RunReport, type RunState } from '../src/audiences/run.ts'
import { readSettings } from '../src/core/settings.ts'
import { hubLogger, startHub } from '../src/hub.ts'

export interface CohortPlan {
  readonly dataDir: string
  readonly queries: readonly string[]
  readonly settings: Readonly<Record<string, unknown>>
  readonly credentials: Readonly<Record<string, unknown>>
}

export interface CohortLine {
  readonly state: RunState
  readonly report: RunReport
  readonly ms: number
  /** Of the hub's process during the run. */
  readonly cpuMicros: number
  readonly rssBytesMax: number
}

/** Often enough beside seconds, and seldom enough to cost nothing beside them. */
const LOOK_MS = 100

const plan = JSON.parse(process.argv[2] ?? '{}') as CohortPlan
const hub = await startHub(
  { settings: readSettings({}, { dataDir: plan.dataDir, port: 0 }), logger: hubLogger('warn') },
  async () => ({
    handle: (_request, response) => response.writeHead(404).end(),
    close: async () => undefined,
  }),
)
const { id } = await hub.authorizations.create({
  label: 'bench',
  description: '',
  provider: 'braze-cohort',
  credentials: plan.credentials,
})
const definition = ActivationDefinition.parse({
  name: 'bench',
  contactEmail: 'bench@example.com',
  query: { sql: plan.queries[0] },
  operation: 'mirror',
  destination: { kind: 'braze-cohort', settings: plan.settings, authorization: id },
})
await hub.audiences.create(definition)
const words = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
for (const [i, sql] of plan.queries.entries()) {
  if ((await words.next()).done === true) break
  if (i > 0) await hub.audiences.revise('bench', { ...definition, query: { engine: 'warehouse', sql } }, '')
  process.stdout.write(`${JSON.stringify(await ran())}\n`)
}
await hub.close()

async function ran(): Promise<CohortLine> {
  const before = process.cpuUsage()
  const startedAt = performance.now()
  const { run } = await hub.audiences.startRun('bench', { trigger: 'manual', by: 'bench', dry: false })
  for (;;) {
    const { state, report } = await hub.audiences.run('bench', run)
    if (FINISHED.has(state) || state === 'held') {
      const ms = performance.now() - startedAt
      const { user, system } = process.cpuUsage(before)
      const rssBytesMax = process.resourceUsage().maxRSS * 1024
      return { state, report, ms, cpuMicros: user + system, rssBytesMax }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
