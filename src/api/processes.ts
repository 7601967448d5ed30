/** The processes of this node, and the memory that each takes. */

import { readFile } from 'node:fs/promises'
import type { ApiParts } from './parts.ts'

export interface Process {
  readonly name: 'hub' | 'profiles' | 'warehouse'
  readonly pid: number
  /** null: this system does not say. */
  readonly residentBytes: number | null
}

export async function processesOf({ profiles, warehouse }: ApiParts): Promise<Process[]> {
  const others = [
    ['profiles', await profiles.client.pid()],
    ['warehouse', await warehouse.host.pid()],
  ] as const
  const hub: Process = { name: 'hub', pid: process.pid, residentBytes: process.memoryUsage.rss() }
  const running = others.flatMap(([name, pid]) => (pid === undefined ? [] : [{ name, pid }]))
  const measured = await Promise.all(
    running.map(async (one) => ({ ...one, residentBytes: await residentBytes(one.pid) })),
  )
  return [hub, ...measured]
}

/** As Linux tells it of any process. */
async function residentBytes(pid: number): Promise<number | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
    return kib === undefined ? null : Number(kib) * 1024
  } catch {
    return null
  }
}
