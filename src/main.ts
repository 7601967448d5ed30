/** The program `thalweg`: the command line over the programs of this process, loaded only by the commands that run them. */

import { enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'
import './module-paths.ts'

// What is read of our TypeScript is kept beside the packages, where only who installed it can write: the next start takes half as long, and
// so does that of the processes that we start.
const cache = join(import.meta.dirname, '../node_modules/.cache/thalweg')
enableCompileCache(cache)
process.env.NODE_COMPILE_CACHE ??= cache
const { runCli } = await import('./cli/cli.ts')

process.exitCode = await runCli(process.argv.slice(2), async () => {
  const programs = await import('./programs.ts')
  // Now, and not at the end: a hub may be killed.
  flushCompileCache()
  return programs
})
