/** What makes a new name in a folder last. */

import { open } from 'node:fs/promises'

/** Makes renames and new names in `directory` last through a crash. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
