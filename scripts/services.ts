/**
 * The programs outside npm that some tests talk to: where each is found and which Debian packages bring it.
 * Tests (test/support/services.ts) and the installer (scripts/test-all.ts) read this one list.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'

export type ServiceName = 'redis' | 'chromium' | 'channels' | 'strace' | 'nginx' | 'caddy'

export interface Service {
  readonly name: ServiceName
  /** As a person would call it, in 'Redis is not installed'. */
  readonly title: string
  /** The packages that bring it, on Debian and on Ubuntu. */
  readonly packages: { readonly debian: readonly string[]; readonly ubuntu: readonly string[] }
  /** The environment variable that names the program instead. */
  readonly variable: string
  /** The program's path, or undefined when it is not installed. Takes well under a second. */
  find(): string | undefined
}

/** Debian's own Python: the one its python3-* packages install for, which another on PATH may hide. */
const debianPython = '/usr/bin/python3'
const peerModules = ['django', 'channels', 'channels_redis', 'daphne']
const peerPackages = ['python3-django', 'python3-django-channels', 'python3-channels-redis', 'daphne']

// Chromium draws no emoji, and without a text font nothing but boxes.
const fonts = ['fonts-dejavu-core', 'fonts-noto-color-emoji']

export const services: readonly Service[] = [
  {
    name: 'redis',
    title: 'redis-server',
    packages: { debian: ['redis-server'], ubuntu: ['redis-server'] },
    variable: 'MILLRACE_REDIS_SERVER',
    find: () => named('MILLRACE_REDIS_SERVER', ['redis-server', 'valkey-server']),
  },
  {
    name: 'chromium',
    title: 'Chromium',
    packages: { debian: ['chromium', ...fonts], ubuntu: ['chromium-browser', ...fonts] },
    variable: 'MILLRACE_CHROMIUM',
    find: () =>
      named('MILLRACE_CHROMIUM', ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']),
  },
  {
    name: 'channels',
    title: 'Django Channels with channels_redis and Daphne',
    packages: { debian: peerPackages, ubuntu: peerPackages },
    variable: 'MILLRACE_PYTHON',
    find() {
      const python = process.env.MILLRACE_PYTHON || debianPython
      return isExecutable(python) && hasModules(python, peerModules) ? python : undefined
    },
  },
  {
    name: 'strace',
    title: 'strace',
    packages: { debian: ['strace'], ubuntu: ['strace'] },
    variable: 'MILLRACE_STRACE',
    find: () => named('MILLRACE_STRACE', ['strace']),
  },
  {
    name: 'nginx',
    title: 'nginx',
    packages: { debian: ['nginx-light'], ubuntu: ['nginx-light'] },
    variable: 'MILLRACE_NGINX',
    find: () => named('MILLRACE_NGINX', ['nginx']),
  },
  {
    name: 'caddy',
    title: 'Caddy',
    packages: { debian: ['caddy'], ubuntu: ['caddy'] },
    variable: 'MILLRACE_CADDY',
    find: () => named('MILLRACE_CADDY', ['caddy']),
  },
]

export function service(name: ServiceName): Service {
  const found = services.find((one) => one.name === name)
  if (!found) throw new Error(`No service is called '${name}'.`)
  return found
}

function named(variable: string, programs: readonly string[]): string | undefined {
  const chosen = process.env[variable]
  if (chosen) return isExecutable(chosen) ? chosen : undefined
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/snap/bin']
  return programs
    .flatMap((program) => folders.map((folder) => join(folder, program)))
    .find((path) => isExecutable(path))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Asks whether Python would find the modules, without running them: importing Django takes a second. */
function hasModules(python: string, modules: readonly string[]): boolean {
  const question =
    'import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))'
  const answer = spawnSync(python, ['-c', question, ...modules], { stdio: 'ignore', timeout: 10_000 })
  return answer.status === 0
}
