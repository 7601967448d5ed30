/** What the kernel has counted of processes. */

import { readdirSync, readFileSync } from 'node:fs'

/** Of the kernel's clock that counts CPU time. */
const TICK_MICROS = 10_000

/** CPU time in microseconds of processes so far, and of their children that have ended; 0 for those that are gone. */
export function cpuMicrosOf(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) for (const field of [11, 12, 13, 14]) ticks += Number(statOf(pid)[field] ?? 0)
  return ticks * TICK_MICROS
}

export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => Number(statOf(pid)[1]) === parent)
}

/** Fields of the kernel's account of a process from its state on; none for one that has ended. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Behind the name, which may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
