/** `npm run check`: format, lint, types, the import law. Prints what is wrong, and where. Exit code 1 when anything is. */

import { spawnSync } from 'node:child_process'
import { findImportBreaches } from './import-law.ts'

export function check(): boolean {
  const formatted = run('format and lint', 'biome', [
    'ci',
    '--error-on-warnings',
    ...(process.stdout.isTTY ? [] : ['--colors=off']),
    '.',
  ])
  const typed = run('types', 'tsc', ['--noEmit', '-p', '.'])
  const consoleTyped = run('types of the console', 'tsc', ['--noEmit', '-p', 'src/console'])
  const breaches = findImportBreaches('src')
  for (const breach of breaches) console.error(`import law: ${breach}`)
  console.log(`import law: ${breaches.length === 0 ? 'holds' : `${breaches.length} breaches`}`)
  return formatted && typed && consoleTyped && breaches.length === 0
}

function run(what: string, command: string, args: readonly string[]): boolean {
  const { status } = spawnSync(`node_modules/.bin/${command}`, args, { stdio: 'inherit' })
  console.log(`${what}: ${status === 0 ? 'clean' : 'not clean'}`)
  return status === 0
}

if (import.meta.main) process.exitCode = check() ? 0 : 1
