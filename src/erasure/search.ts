/** The last step's look: every byte of every file below a folder, for the identifiers as words. */

import { open, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Traces } from '../core/traces.ts'

export interface SearchResult {
  readonly files: number
  readonly bytes: number
  /** Names below the folder of the files that hold one. */
  readonly remaining: readonly string[]
}

const CHUNK_BYTES = 512 * 1024
/** Longer than any spelling of an identifier with what stands around it, so that none is cut by the end of a chunk. */
const OVERLAP_BYTES = 16 * 1024

/** Files that come or go meanwhile are somebody's work under way; they are passed over. */
export async function searchFolders(
  folders: readonly string[],
  traces: Traces,
  signal: AbortSignal,
): Promise<SearchResult> {
  const remaining: string[] = []
  let files = 0
  let bytes = 0
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const found = await searchFile(path, traces, signal)
      if (found === undefined) continue
      files++
      bytes += found.bytes
      if (found.holds || traces.mentions(Buffer.from(entry.name).toString('latin1')))
        remaining.push(relative(folder, path))
    }
  }
  return { files, bytes, remaining: remaining.map((name) => traces.masked(name)).sort() }
}

async function searchFile(
  path: string,
  traces: Traces,
  signal: AbortSignal,
): Promise<{ bytes: number; holds: boolean } | undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const chunk = Buffer.allocUnsafe(OVERLAP_BYTES + CHUNK_BYTES)
    let kept = 0
    let bytes = 0
    for (;;) {
      signal.throwIfAborted()
      const { bytesRead } = await file.read(chunk, kept, CHUNK_BYTES, bytes)
      if (bytesRead === 0) return { bytes, holds: false }
      bytes += bytesRead
      const filled = kept + bytesRead
      if (traces.mentions(chunk.toString('latin1', 0, filled))) return { bytes, holds: true }
      kept = Math.min(OVERLAP_BYTES, filled)
      chunk.copyWithin(0, filled - kept, filled)
    }
  } finally {
    await file.close()
  }
}
