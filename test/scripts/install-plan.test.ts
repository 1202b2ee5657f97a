import { describe, expect, it } from 'vitest'
import { distributionOf, planInstall } from '../../scripts/install-plan.ts'
import type { Machine } from '../../scripts/install-plan.ts'
import { service, services } from '../../scripts/services.ts'

const debianRoot: Machine = { distribution: 'debian', hasApt: true, privilege: 'root' }

describe('planInstall', () => {
  it('does nothing when nothing is missing, on any machine', () => {
    const elsewhere: Machine = { distribution: undefined, hasApt: false, privilege: 'none' }
    expect(planInstall(debianRoot, [])).toEqual({ kind: 'ready' })
    expect(planInstall(elsewhere, [])).toEqual({ kind: 'ready' })
  })

  it('installs, as root on Debian, exactly what is missing, after one update', () => {
    const plan = planInstall(debianRoot, [service('redis')])
    expect(plan).toMatchObject({ kind: 'install', packages: ['redis-server'] })
    const commands = plan.kind === 'install' ? plan.commands.map((command) => command.join(' ')) : []
    expect(commands).toEqual([
      'env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 --quiet update',
      'env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 --quiet install --yes --no-install-recommends redis-server',
    ])
  })

  it('brings fonts with Chromium, which draws boxes without them', () => {
    expect(planInstall(debianRoot, [service('chromium')])).toMatchObject({
      packages: ['chromium', 'fonts-dejavu-core', 'fonts-noto-color-emoji'],
    })
  })

  it('goes through sudo where that asks no password', () => {
    const plan = planInstall({ ...debianRoot, privilege: 'sudo' }, services)
    const commands = plan.kind === 'install' ? plan.commands : []
    expect(commands).toHaveLength(2)
    for (const command of commands) expect(command.slice(0, 3)).toEqual(['sudo', '--non-interactive', 'env'])
  })

  it("uses Ubuntu's names on Ubuntu", () => {
    const plan = planInstall({ ...debianRoot, distribution: 'ubuntu' }, [service('chromium')])
    expect(plan).toMatchObject({ packages: expect.arrayContaining(['chromium-browser']) as string[] })
  })

  it('asks for one command where it may not install', () => {
    expect(planInstall({ ...debianRoot, privilege: 'none' }, [service('redis')])).toEqual({
      kind: 'ask',
      reason: expect.stringContaining('root') as string,
      command: 'sudo apt-get update && sudo apt-get install --yes --no-install-recommends redis-server',
    })
  })

  it.each([
    ['another system', { distribution: undefined, hasApt: false, privilege: 'root' }],
    ['a Debian without apt', { distribution: 'debian', hasApt: false, privilege: 'root' }],
  ] satisfies [string, Machine][])('names the variables that stand in for packages on %s', (_, machine) => {
    expect(planInstall(machine, [service('redis'), service('channels')])).toMatchObject({
      kind: 'ask',
      reason: expect.stringContaining('MILLRACE_REDIS_SERVER, MILLRACE_PYTHON') as string,
      command: expect.stringContaining('redis-server python3-django') as string,
    })
  })
})

describe('distributionOf', () => {
  it.each([
    ['ID=debian\nVERSION_ID="12"\n', 'debian'],
    ['NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', 'ubuntu'],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', 'ubuntu'],
    ['ID=raspbian\nID_LIKE=debian\n', 'debian'],
    ['ID=fedora\nVARIANT_ID=debian\n', undefined],
    ['', undefined],
  ])('reads %j as %s', (osRelease, family) => {
    expect(distributionOf(osRelease)).toBe(family)
  })
})
