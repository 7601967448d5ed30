/** Puts a backup into an empty data folder, while no hub runs on it. The next start goes on from there. */

import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ThalwegError } from '../core/errors.ts'
import { syncDirectory } from '../files/durable.ts'
import { Copying } from './copying.ts'
import { bytesOf, type Manifest, readManifest } from './manifest.ts'

export interface Restored {
  readonly manifest: Manifest
  readonly files: number
  readonly bytes: number
}

/**
 * Copies and checks every file. Throws BACKUP_BROKEN when the folder holds no backup or a file is not what was written, and RESTORE_TARGET
 * when there is something in the data folder already.
 */
export async function restore(folder: string, dataDir: string): Promise<Restored> {
  const manifest = await readManifest(folder)
  await refuseUnlessEmpty(dataDir)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const copying = new Copying()
  const folders = new Set<string>([dataDir])
  let count = 0
  try {
    for (const { files } of manifest.parts) {
      for (const { path, bytes, crc32 } of files) {
        const to = within(dataDir, path)
        await mkdir(dirname(to), { recursive: true, mode: 0o700 })
        folders.add(dirname(to))
        const sum = await copying.ask<'copy'>({ do: 'copy', from: within(folder, path), to })
        if (sum.bytes !== bytes || sum.crc32 !== crc32)
          throw new ThalwegError('BACKUP_BROKEN', `${path} is not what the backup wrote: take another one`)
        count++
      }
    }
    for (const one of folders) await syncDirectory(one)
  } finally {
    await copying.close()
  }
  return { manifest, files: count, bytes: bytesOf(manifest) }
}

async function refuseUnlessEmpty(dataDir: string): Promise<void> {
  if (existsSync(dataDir) && (await readdir(dataDir)).length > 0)
    throw new ThalwegError(
      'RESTORE_TARGET',
      `${dataDir} is not empty: name a new folder with --data, or move what is there away`,
    )
}

/** A manifest that was tampered with must not write elsewhere. */
function within(folder: string, path: string): string {
  const whole = resolve(folder, path)
  if (!whole.startsWith(`${resolve(folder)}/`))
    throw new ThalwegError('BACKUP_BROKEN', `The backup names a file outside of itself: ${path}`)
  return whole
}
