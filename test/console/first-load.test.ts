import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { buildConsole } from '../../scripts/build-console.ts'

const BUILT = join(import.meta.dirname, '../../dist/console')
/** Of what index.html names, gzipped: before any page's own part. */
const FIRST_LOAD_BYTES_MAX = 300_000

test('the first load is under 300 kB, gzipped', () => {
  buildConsole({ ifStale: true })
  const index = readFileSync(join(BUILT, 'index.html'), 'utf8')
  const named = readdirSync(join(BUILT, 'assets')).filter(
    (name) => index.includes(name) && !name.endsWith('.svg'),
  )
  expect(named.length).toBeGreaterThanOrEqual(2)
  const bytes = named.reduce(
    (sum, name) => sum + gzipSync(readFileSync(join(BUILT, 'assets', name))).length,
    0,
  )
  console.log(`first load: ${bytes} bytes`)
  expect(bytes).toBeLessThan(FIRST_LOAD_BYTES_MAX)
})
