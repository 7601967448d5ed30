/** Where a hub that is a process of its own listens. */

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ENDPOINTS_FILE } from '../../src/cli/client.ts'

/** undefined until it is ready. */
export function hubUrlIn(dataDir: string): string | undefined {
  const file = join(dataDir, ENDPOINTS_FILE)
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  return text.endsWith('\n') ? (JSON.parse(text) as { hub: string }).hub : undefined
}

/** Before a hub is started again on a folder whose last one was killed. */
export function forgetHubUrl(dataDir: string): void {
  rmSync(join(dataDir, ENDPOINTS_FILE), { force: true })
}
