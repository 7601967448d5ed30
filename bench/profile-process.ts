/** A hub with a door for streams, as a process of its own; tells its address, and once asked how far its profiles are. */

import { readFileSync } from 'node:fs'
import { openAccess } from '../src/access/access.ts'
import { createApi } from '../src/api/api.ts'
import { readSettings } from '../src/core/settings.ts'
import { startHub } from '../src/hub.ts'
import { apiPartsOf } from '../src/hub-api.ts'
import type { ProfileAddress, ProfilePlan, ProfileStats } from './profiles.ts'

const plan = JSON.parse(process.argv[2] ?? '{}') as ProfilePlan

const token = Promise.withResolvers<string>()
const hub = await startHub(
  {
    settings: readSettings({}, { dataDir: plan.dataDir, port: 0, logLevel: 'warn', ...plan.settings }),
  },
  async (started) => {
    const { store, clock, logger, settings } = started
    const opened = await openAccess({
      store,
      clock,
      logger,
      dataDir: settings.dataDir,
      limits: settings,
      demo: false,
    })
    const mounted = await createApi({ version: '0.0.0-bench', ...apiPartsOf(started), access: opened.access })
    token.resolve(opened.firstToken ?? '')
    return {
      handle: mounted.handle,
      close: async () => {
        opened.access.stop()
        await mounted.close()
      },
    }
  },
)
if (hub.sources.find('lytics') === undefined)
  await hub.sources.create({
    name: 'lytics',
    kind: 'lytics',
    settings: { account: '1', bulkBytesMax: 10_000_000_000 },
    token: plan.token,
  })

process.on('message', (message) => {
  if (message === 'stats') void stats().then((answer) => process.send?.(answer))
  if (message === 'people') void hub.profiles.desk.counts().then(({ profiles }) => process.send?.(profiles))
  if (message === 'close') void hub.close().then(() => process.disconnect())
})
// Whoever measures may be stopped in the middle.
process.once('disconnect', () => process.exit())
process.send?.({ url: hub.url, apiToken: await token.promise } satisfies ProfileAddress)

async function stats(): Promise<ProfileStats> {
  const { user, system } = process.cpuUsage()
  const { position, counts } = hub.profiles.status()
  const pid = await hub.profiles.client.pid()
  return {
    head: hub.log.head,
    position: position ?? 0,
    applied: counts.applied ?? 0,
    cpuMicros: user + system,
    rssBytes: process.memoryUsage.rss(),
    ...(pid === undefined ? { childCpuMicros: 0, childRssBytes: 0 } : childOf(pid)),
  }
}

/** Clock ticks of Linux are hundredths of a second. */
function childOf(pid: number): { childCpuMicros: number; childRssBytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const rssKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return { childCpuMicros: (Number(fields[11]) + Number(fields[12])) * 10_000, childRssBytes: rssKb * 1024 }
}
