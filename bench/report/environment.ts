/** Where a run took place: what has to be known to compare its figures with others. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg, totalmem, type, release } from 'node:os'
import { pinning } from '../harness/program.ts'

export interface Environment {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Processes that wanted to run in the minute before: above a half, the machine was not quiet. */
  readonly busy: number
  /** Whether the server had a core of its own. */
  readonly pinned: boolean
  /** By name: Millrace's own and its peers'. */
  readonly versions: Readonly<Record<string, string>>
}

const PACKAGES = ['ws', 'socket.io', 'hono', '@hono/node-server', 'redis']

/** @param services versions of programs that were found to take part: Redis, channels_redis. */
export function environment(services: Readonly<Record<string, string>>): Environment {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release().split('.').slice(0, 2).join('.')}`,
    node: process.versions.node,
    busy: loadavg()[0] ?? 0,
    pinned: pinning,
    versions: {
      millrace: versionIn(new URL('../../package.json', import.meta.url)),
      ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
      ...services,
    },
  }
}

/** Of an installed package, whether or not it exports its package.json. */
function versionOf(name: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? []
  for (const path of paths) {
    try {
      return versionIn(`${path}/${name}/package.json`)
    } catch {
      // Not in this folder.
    }
  }
  return 'unknown'
}

function versionIn(file: string | URL): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
