// After npm install: makes node_modules/.bin/thalweg, so that `npx thalweg` works in a checkout as well (npm links the commands of
// dependencies, not those of the package itself). Runs on whatever Node.js npm runs on, may run any number of times, and never fails
// the install: the command can always be started as bin/thalweg.

import { chmodSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const command = join(root, 'bin', 'thalweg')
const folder = join(root, 'node_modules', '.bin')
const link = join(folder, 'thalweg')
const TARGET = '../../bin/thalweg'

try {
  chmodSync(command, 0o755)
  mkdirSync(folder, { recursive: true })
  if (process.platform === 'win32') writeFileSync(`${link}.cmd`, `@node "%~dp0\\..\\..\\bin\\thalweg" %*\r\n`)
  else if (!isLinked()) {
    rmSync(link, { force: true })
    symlinkSync(TARGET, link)
  }
} catch (error) {
  console.warn(`The command thalweg could not be linked (${String(error)}); start it as ${command}`)
}

function isLinked() {
  try {
    return lstatSync(link).isSymbolicLink() && readlinkSync(link) === TARGET
  } catch {
    return false // not there yet
  }
}
