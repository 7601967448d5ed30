/** The few file operations that several parts of the log share. */

import { open as openCallback } from 'node:fs'
import { unlink } from 'node:fs/promises'

/** A bare file descriptor: the appender works with callbacks, which cost it less than file handles do. */
export function openRaw(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    openCallback(path, flags, (error, fd) => (error === null ? resolve(fd) : reject(error)))
  })
}

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
