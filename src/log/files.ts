/** The few file operations that several parts of the log share. */

import { open as openCallback } from 'node:fs'
import { open, unlink } from 'node:fs/promises'

/** A bare file descriptor: the appender works with callbacks, which cost it less than file handles do. */
export function openRaw(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    openCallback(path, flags, (error, fd) => (error === null ? resolve(fd) : reject(error)))
  })
}

/** Makes renames and new names in `directory` last through a crash. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
