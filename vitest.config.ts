import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Tests import the package by its own name, straight from its sources: no build comes before them. */
const conditions = ['millrace:source', 'module', 'node', 'development|production']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    server: { deps: { inline: ['assistant-stream'] } },
    reporters: ['default', './test/support/skip-reporter.ts'],
    // No measure of speed: what takes so long on a shared machine has stopped.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Nor is this one: what is polled for comes soon, unless the machine is busy with something else.
    expect: { poll: { timeout: 30_000, interval: 20 } },
    // Hundreds of processes are started from the sources: each would compile them anew.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/millrace') },
    // Most of them wait for something: with one worker on two cores, a core would stand idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          setupFiles: './test/support/property-seed.ts',
          exclude: ['test/{integration,browser,interop,chaos,power,simulation,durable-streams}/**'],
        },
      },
      {
        // A suite of others, most of which waits.
        extends: true,
        test: {
          name: 'conformance',
          include: ['test/durable-streams/**/*.test.ts'],
          // Those that run at the same time wait for streams to expire. They live for 2 s and are asked after
          // 1.5: on a busy machine that may take another try.
          maxConcurrency: 30,
          retry: 2,
        },
      },
      {
        // Whole systems: processes, browsers, other languages.
        extends: true,
        test: {
          name: 'system',
          include: ['test/{integration,browser,interop,chaos,power,simulation}/**/*.test.ts'],
        },
      },
    ],
  },
})
