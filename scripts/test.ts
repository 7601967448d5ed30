/** `npm test`: everything that CI runs. Installs the test servers if they are missing, checks, tests; the last line is the plain total. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildConsole } from './build-console.ts'
import { check } from './check.ts'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numFailedTestSuites: number
}

const installed = spawnSync('sh', ['scripts/install-test-servers.sh'], { stdio: 'inherit' }).status === 0
const clean = check()
// Once, before several tests find it stale at the same time.
buildConsole({ ifStale: true })
const folder = mkdtempSync(join(tmpdir(), 'thalweg-test-'))
const file = join(folder, 'report.json')
const run = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
)
const report = readReport()
rmSync(folder, { recursive: true, force: true })

// A suite that could not start has no failed tests in it, but it has failed.
const broken = run.status === 0 ? 0 : Math.max(report.numFailedTestSuites, 1)
const failed = Math.max(report.numFailedTests, broken) + (clean ? 0 : 1) + (installed ? 0 : 1)
process.exitCode = failed === 0 ? 0 : 1
console.log(`${report.numPassedTests} passed, ${failed} failed`)

function readReport(): Report {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report
  } catch (error) {
    console.error(`The test runner left no report: ${String(error)}`)
    return { numPassedTests: 0, numFailedTests: 1, numFailedTestSuites: 1 }
  }
}
