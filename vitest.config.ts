import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The longest first: one that starts last would run alone at the end while the other core idles. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith('/test/fault/kill.test.ts')
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

/** Journeys that CI's twenty minutes have no room for: `npm run test:console` runs them, and walks every page. */
const LONG_JOURNEYS = [
  'access',
  'audiences',
  'currents',
  'house',
  'letters',
  'profiles',
  'runs',
  'tour',
  'warehouse',
].map((name) => `test/console/${name}.test.ts`)
const wantsAll = process.env.THALWEG_TEST_CONSOLE === 'all'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: wantsAll ? [] : LONG_JOURNEYS,
    // Costs nothing until a test asks for a server.
    globalSetup: ['test/support/servers-hook.ts'],
    // Processes, not threads: tests change environment variables and kill children.
    pool: 'forks',
    // The files of a worker share what they import: loading it for each would take a tenth of the whole. A test leaves nothing behind.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    maxWorkers: 2,
    // As main.ts has it for the processes that a hub starts.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/thalweg') },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Loopback servers of a test that failed must not keep the run open.
    teardownTimeout: 30_000,
  },
})
