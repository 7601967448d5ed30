import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Costs nothing until a test asks for a server.
    globalSetup: ['test/support/servers-hook.ts'],
    // Processes, not threads: tests change environment variables and kill children.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Loopback servers of a test that failed must not keep the run open.
    teardownTimeout: 30_000,
  },
})
