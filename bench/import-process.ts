/** A hub that imports, in a process of its own, for the benchmark: the folder and the data folder are its arguments. Prints one line of JSON a second, and one at the end. */

import { readSettings } from '../src/core/settings.ts'
import { hubLogger, startHub } from '../src/hub.ts'

const [folder = '', dataDir = ''] = process.argv.slice(2)
const REPORT_MS = 1_000
/** The end is to be seen when it is there. */
const LOOK_MS = 20

const hub = await startHub(
  { settings: readSettings({}, { dataDir, port: 0, logLevel: 'error' }), logger: hubLogger('error') },
  async () => ({
    handle: (_request, response) => response.writeHead(404).end(),
    close: async () => undefined,
  }),
)
const before = process.cpuUsage()
const mainBefore = process.threadCpuUsage()
const startedAt = performance.now()
let reportAt = startedAt
await hub.imports.request('bench', { location: { kind: 'folder', path: folder } })
for (;;) {
  const { state, totals, run } = await hub.imports.get('bench')
  const now = performance.now()
  if (state === 'running' && now < reportAt) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    continue
  }
  reportAt = now + REPORT_MS
  const cpu = process.cpuUsage(before)
  const main = process.threadCpuUsage(mainBefore)
  const line = {
    state,
    run,
    ms: now - startedAt,
    read: totals.read,
    duplicates: totals.duplicates,
    quarantined: totals.quarantined,
    cpuMicros: cpu.user + cpu.system,
    mainMicros: main.user + main.system,
    rssBytes: process.memoryUsage.rss(),
    rssBytesMax: process.resourceUsage().maxRSS * 1024,
    head: hub.log.head,
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
  if (state !== 'running') break
}
await hub.close()
