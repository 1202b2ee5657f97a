/** Decides how missing services get installed. Pure: scripts/test-all.ts looks at the machine and acts. */
import type { Service } from './services.ts'

export interface Machine {
  /** From ID and ID_LIKE of /etc/os-release; undefined for anything apt does not serve. */
  readonly distribution: 'debian' | 'ubuntu' | undefined
  readonly hasApt: boolean
  /** `sudo` means sudo that asks no password. */
  readonly privilege: 'root' | 'sudo' | 'none'
}

export type Command = readonly [program: string, ...args: string[]]

export type InstallPlan =
  | { readonly kind: 'ready' }
  | { readonly kind: 'install'; readonly packages: readonly string[]; readonly commands: readonly Command[] }
  | { readonly kind: 'ask'; readonly reason: string; readonly command: string }

/** The state of a machine and what it lacks -> nothing to do, commands to run, or one command to show. */
export function planInstall(machine: Machine, missing: readonly Service[]): InstallPlan {
  if (missing.length === 0) return { kind: 'ready' }
  const family = machine.distribution ?? 'debian'
  const packages = [...new Set(missing.flatMap((service) => service.packages[family]))]
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', ...packages]
  const byHand = `sudo apt-get update && sudo ${install.join(' ')}`

  if (!machine.distribution || !machine.hasApt) {
    const variables = missing.map((service) => service.variable).join(', ')
    return {
      kind: 'ask',
      reason: `Only Debian's and Ubuntu's packages can be installed from here. Elsewhere, install these by your system's means and name the programs in ${variables}. On Debian or Ubuntu:`,
      command: byHand,
    }
  }
  if (machine.privilege === 'none') {
    return {
      kind: 'ask',
      reason: 'Installing packages takes root, or sudo without a password. Run:',
      command: byHand,
    }
  }

  // Another apt may be at work, as on a machine that updates itself at first start: wait for its lock.
  const patient = ['-o', 'DPkg::Lock::Timeout=300', '--quiet']
  const apt = (...args: string[]): Command => {
    const command: Command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...patient, ...args]
    return machine.privilege === 'sudo' ? ['sudo', '--non-interactive', ...command] : command
  }
  return { kind: 'install', packages, commands: [apt('update'), apt(...install.slice(1))] }
}

/** Reads the distribution's family out of /etc/os-release. */
export function distributionOf(osRelease: string): Machine['distribution'] {
  const value = (key: string): string => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? ''
  const names = [value('ID'), ...value('ID_LIKE').split(' ')]
  return names.includes('ubuntu') ? 'ubuntu' : names.includes('debian') ? 'debian' : undefined
}
