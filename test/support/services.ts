/**
 * Tests that talk to a program outside npm say so with `describeWith`. Where the program is missing they are
 * skipped, with the reason in their name and in the run's last lines; with MILLRACE_REQUIRE_SERVICES=1, as
 * `npm run test:all` sets it, they fail instead.
 */
import process from 'node:process'
import { describe, expect, test } from 'vitest'
import { service } from '../../scripts/services.ts'
import type { Service, ServiceName } from '../../scripts/services.ts'

declare module 'vitest' {
  interface TaskMeta {
    skipReason?: string
  }
}

/** What becomes of tests that need these services: they run, with each program's path, or they do not. */
export type Readiness<Name extends ServiceName> =
  | { readonly kind: 'run'; readonly paths: Readonly<Record<Name, string>> }
  | { readonly kind: 'skip' | 'fail'; readonly reason: string }

export function readiness<Name extends ServiceName>(
  needed: readonly (Service & { readonly name: Name })[],
  required: boolean,
): Readiness<Name> {
  const found = needed.map((one) => [one.name, one.find()] as const)
  const missing = needed.filter((one) => found.some(([name, path]) => name === one.name && !path))
  if (missing.length === 0) return { kind: 'run', paths: Object.fromEntries(found) as Record<Name, string> }
  const titles = missing.map((one) => one.title).join(' and ')
  const verb = missing.length > 1 ? 'are' : 'is'
  const reason = `${titles} ${verb} not installed (npm run test:all installs what it can)`
  return { kind: required ? 'fail' : 'skip', reason }
}

/**
 * `describe` for tests that need services. `body` gets the path of each program; where it only registers
 * skipped tests, the paths are empty strings, so nothing may be started outside hooks and tests.
 */
export function describeWith<const Name extends ServiceName>(
  names: readonly Name[],
  title: string,
  body: (paths: Readonly<Record<Name, string>>) => void,
): void {
  const needed = names.map((name) => ({ ...service(name), name }))
  const state = readiness(needed, process.env.MILLRACE_REQUIRE_SERVICES === '1')
  switch (state.kind) {
    case 'run':
      describe(title, () => {
        body(state.paths)
      })
      break
    case 'skip': {
      const nowhere = Object.fromEntries(names.map((name) => [name, ''])) as Record<Name, string>
      const options = { skip: true, meta: { skipReason: state.reason } }
      describe(`${title} [${state.reason}]`, options, () => {
        body(nowhere)
      })
      break
    }
    case 'fail':
      describe(title, () => {
        test('has the services it needs', () => {
          expect.fail(`${state.reason}, and MILLRACE_REQUIRE_SERVICES=1 forbids skipping.`)
        })
      })
      break
  }
}
