/** A full disk: the doors answer 503, nothing acknowledged is lost, and the hub goes on by itself when there is room again. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { event, httpSink, SOURCE, startStack, TOKEN } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const DISK_MB = 24
const BALLAST_MB = 10
const REQUESTS_MAX = 2_000

const disk = smallDisk()

test.skipIf(disk === undefined)(
  'a full disk refuses with 503 and loses nothing that was acknowledged',
  async () => {
    const dataDir = await disk?.()
    if (dataDir === undefined) throw new Error('the disk went away')
    const ballast = join(dataDir, 'ballast')
    writeFileSync(ballast, Buffer.alloc(BALLAST_MB * 1_048_576))
    const stack = await startStack({ dataDir: join(dataDir, 'data') })
    const { sandbox } = stack
    const current = await stack.launch('sink', httpSink(sandbox))

    const acknowledged: string[] = []
    const statuses = new Set<number>()
    for (let i = 0; i < REQUESTS_MAX && !statuses.has(503); i++) {
      const answer = await send(stack.hub.url, `full-${i}`)
      statuses.add(answer.status)
      if (answer.status === 200) acknowledged.push(...answer.ids)
      else expect(answer).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^\d+$/) })
    }
    expect([...statuses].sort()).toEqual([200, 503])

    rmSync(ballast)
    const after = await eventually('the door takes events again', async () => {
      const answer = await send(stack.hub.url, 'after')
      return answer.status === 200 ? answer : undefined
    })
    acknowledged.push(...after.ids)
    await stack.settled()
    expect(sandbox.http.arrivals.missing(acknowledged)).toEqual([])
    expect(await stack.hub.delivery.checkBooks(current.number)).toMatchObject({
      accepted: acknowledged.length,
      delivered: acknowledged.length,
      dead: 0,
      pending: 0,
      balanced: true,
    })
  },
)

async function send(url: string, prefix: string) {
  const ids = Array.from({ length: 50 }, (_, i) => `${prefix}-${i}`)
  const properties = { padding: 'x'.repeat(1_000) }
  const answer = await fetch(`${url}/currents/${SOURCE}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ events: ids.map((id) => event(id, { properties })) }),
  })
  await answer.arrayBuffer()
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), ids }
}

/** A file system of its own, small enough to fill; undefined where this machine lets nobody mount one. */
function smallDisk(): (() => Promise<string>) | undefined {
  if (process.getuid?.() !== 0) return undefined
  return async () => {
    const folder = join(await tempFolder(), 'disk')
    mkdirSync(folder)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder])
    if (mounted.status !== 0) throw new Error(`cannot mount a small disk: ${String(mounted.stderr)}`)
    onTestFinished(() => {
      spawnSync('umount', ['-l', folder])
    })
    return folder
  }
}
