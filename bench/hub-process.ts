/** The hub under test, as a process of its own, so that its CPU time and memory are its own. Talks to rig.ts over the IPC channel. */

import { readSettings } from '../src/core/settings.ts'
import { CurrentDefinition } from '../src/currents/current.ts'
import { startHub } from '../src/hub.ts'
import type { HubPlan, HubStats, WarehouseStats } from './rig.ts'

const plan = JSON.parse(process.argv[2] ?? '{}') as HubPlan

const hub = await startHub(
  { settings: readSettings({}, { dataDir: plan.dataDir, port: 0, logLevel: 'warn', ...plan.settings }) },
  async () => ({
    handle: (_request, response) => {
      response.writeHead(404).end()
    },
    close: async () => undefined,
  }),
)
if (hub.sources.find('bench') === undefined) {
  await hub.sources.create({ name: 'bench', kind: 'braze-currents', settings: {}, token: plan.token })
}
for (const current of plan.currents) {
  const { credentials, ...destination } = current.destination
  const authorization =
    credentials === null
      ? null
      : await hub.authorizations.create({
          label: current.name,
          description: '',
          provider: destination.kind,
          credentials,
        })
  const draft = await hub.delivery.create(
    CurrentDefinition.parse({
      ...current,
      contactEmail: 'bench@example.com',
      sources: ['bench'],
      destination: { ...destination, authorization: authorization?.id ?? null },
    }),
  )
  await hub.delivery.launch(draft.number, 'now')
}

process.on('message', (message) => {
  if (message === 'stats') void stats().then((answer) => process.send?.(answer))
  if (message === 'warehouse') void warehouse().then((answer) => process.send?.(answer))
  if (message === 'recycle') void recycle().then((answer) => process.send?.(answer))
  if (message === 'close') void hub.close().then(() => process.disconnect())
})
// Whoever measures may be stopped in the middle.
process.once('disconnect', () => process.exit())
process.send?.({ url: hub.url })

/** Frees what was delivered, so that what follows is written to segments used before: the state of every hub that has reached its retention. */
async function recycle(): Promise<{ segments: number }> {
  const { segments } = await hub.log.retain({
    ageMsMax: Number.MAX_SAFE_INTEGER,
    bytesMax: 1,
    despiteReaders: true,
    nowMs: Date.now(),
  })
  return { segments }
}

async function stats(): Promise<HubStats> {
  const statuses = await Promise.all(
    (await hub.currents.list()).map((current) => hub.delivery.status(current.number)),
  )
  const usage = process.cpuUsage()
  return {
    cpuMicros: usage.user + usage.system,
    rssBytes: process.memoryUsage.rss(),
    heapBytes: process.memoryUsage().heapUsed,
    head: hub.log.head,
    delivered: statuses.map((status) => status.stats.delivered),
    pending: statuses.map((status) => status.pending),
  }
}

/** The rows that a query sees now, of the one table that there may be. */
async function warehouse(): Promise<WarehouseStats> {
  const sql = 'select count(*) from events'
  const { pages } = await hub.warehouse.engine.query({ sql, timeoutMs: 60_000 }, new AbortController().signal)
  let rows = 0
  for await (const page of pages) rows = Number(page[0]?.[0])
  return { rows, pid: (await hub.warehouse.host.pid()) ?? 0 }
}
