/**
 * `npm run test:all`: installs what the tests need and the machine lacks, then runs the whole check with no
 * test skipped for want of a service. The last line counts the tests.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import { check } from './check.ts'
import { distributionOf, planInstall } from './install-plan.ts'
import type { Machine } from './install-plan.ts'
import { services } from './services.ts'
import type { Service } from './services.ts'
import { countLine } from './test-report.ts'

process.chdir(resolve(import.meta.dirname, '..'))
process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  if (!provideServices()) return false
  const { passed, tests } = await check({ MILLRACE_REQUIRE_SERVICES: '1' })
  console.log(passed ? 'All checks passed.' : 'Some checks failed.')
  console.log(tests ? countLine(tests) : '0 passed, 0 failed')
  return passed
}

/** Installs missing services where it can, and says what it does; otherwise says what to run. */
function provideServices(): boolean {
  const missing = missingServices()
  const plan = planInstall(thisMachine(), missing)
  if (plan.kind === 'ready') return true

  console.log(`The tests need ${listed(missing)}, which this machine does not have.`)
  if (plan.kind === 'ask') {
    console.log(`${plan.reason}\n\n    ${plan.command}\n`)
    return false
  }
  console.log(`Installing with apt: ${plan.packages.join(' ')}`)
  for (const command of plan.commands) {
    console.log(`$ ${command.join(' ')}`)
    const [program, ...args] = command
    // A list of packages that is partly out of date still installs: the recheck below has the last word.
    spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  }
  const stillMissing = missingServices()
  if (stillMissing.length === 0) return true
  console.log(`apt did not bring ${listed(stillMissing)}. Its messages above say why.`)
  return false
}

function missingServices(): Service[] {
  return services.filter((service) => service.find() === undefined)
}

function listed(some: readonly Service[]): string {
  return new Intl.ListFormat('en').format(some.map((service) => service.title))
}

function thisMachine(): Machine {
  const osRelease = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  const isRoot = process.getuid?.() === 0
  const hasSudo = !isRoot && succeeds('sudo', '--non-interactive', 'true')
  return {
    distribution: distributionOf(osRelease),
    hasApt: succeeds('apt-get', '--version'),
    privilege: isRoot ? 'root' : hasSudo ? 'sudo' : 'none',
  }
}

function succeeds(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}
