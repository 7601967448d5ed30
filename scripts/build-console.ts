/**
 * `npm run build:console`: makes the console's files, in dist/console. With --if-stale (at install and before a start) only when its
 * sources or the lock file have changed since; without Vite (an install for production only) it leaves what is there.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const ROOT = dirname(import.meta.dirname)
const SOURCES = join(ROOT, 'src/console')
const VITE = join(ROOT, 'node_modules/vite/bin/vite.js')
/** Of what the files were made. */
const STAMP = join(ROOT, 'dist/console/.made-of')

/** True when the files are there and new enough. Throws when the build fails. */
export function buildConsole(options: { ifStale: boolean }): void {
  const wanted = fingerprint()
  if (options.ifStale && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return
  if (!existsSync(VITE)) {
    console.warn('The console is not built: Vite is not installed (npm ci installs it)')
    return
  }
  const built = spawnSync(
    process.execPath,
    [
      VITE,
      'build',
      '--config',
      join(SOURCES, 'vite.config.ts'),
      '--configLoader',
      'native',
      '--logLevel',
      'warn',
    ],
    // Whatever mode we are in ourselves: React has other code for development.
    { cwd: ROOT, stdio: 'inherit', env: { ...process.env, NODE_ENV: 'production' } },
  )
  if (built.status !== 0) throw new Error('The console could not be built; what Vite said stands above')
  writeFileSync(STAMP, wanted)
}

function fingerprint(): string {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')))
  for (const name of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).sort()) {
    if (/\.(tsx?|css|html|svg)$/.test(name)) hash.update(name).update(readFileSync(join(SOURCES, name)))
  }
  return hash.digest('hex')
}

if (import.meta.main) buildConsole({ ifStale: process.argv.includes('--if-stale') })
