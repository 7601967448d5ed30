/** Where the snapshots of the rows of sources lie: a file of SQLite for each, under the source's number. */

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const NAME = /^(\d+)\.db(-wal|-shm)?$/

export function snapshotPath(folder: string, source: number): string {
  return join(folder, `${source}.db`)
}

export async function forgetRows(path: string): Promise<void> {
  for (const end of ['', '-wal', '-shm']) await rm(`${path}${end}`, { force: true })
}

/** Removes those of sources that are gone. */
export async function forgetRowsExcept(folder: string, sources: ReadonlySet<number>): Promise<void> {
  for (const name of await namesIn(folder)) {
    const [, number] = NAME.exec(name) ?? []
    if (number !== undefined && !sources.has(Number(number))) await rm(join(folder, name), { force: true })
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
