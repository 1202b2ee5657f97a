/**
 * Finds packages of native code that npm left out. npm checks an optional package against the Node that npm
 * itself runs on, and skips it without a word when that is too old (Debian 12 has Node 18). The tools run on
 * the Node that this project pins, and fail without their native half.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { npmCommand } from './npm.ts'

export interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly version?: string
        readonly optional?: boolean
        readonly os?: readonly string[]
        readonly cpu?: readonly string[]
        readonly libc?: readonly string[]
      }
    >
  >
}

export interface Platform {
  readonly os: string
  readonly cpu: string
  readonly libc: 'gnu' | 'musl' | undefined
}

/** The optional packages made for this platform that are not there, as 'name@version'. */
export function missingNatives(lock: Lock, platform: Platform, has: (path: string) => boolean): string[] {
  return Object.entries(lock.packages).flatMap(([path, { version, optional, os, cpu, libc }]) => {
    const fits = optional && os?.includes(platform.os) && cpu?.includes(platform.cpu)
    if (!fits || !fitsLibc(path, libc, platform.libc) || has(path)) return []
    return [`${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`]
  })
}

/** npm 9 drops `libc` from the lock file; then the name of the package says it. */
function fitsLibc(path: string, libc: readonly string[] | undefined, own: Platform['libc']): boolean {
  if (!own) return true
  if (libc) return libc.includes(own === 'gnu' ? 'glibc' : 'musl')
  return !{ gnu: /musl/, musl: /-gnu/ }[own].test(path)
}

/** Installs what is missing, if anything; whether everything is there now. */
export function installMissingNatives(): boolean {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock
  const missing = (): string[] => missingNatives(lock, thisPlatform(), existsSync)
  const wanted = missing()
  if (wanted.length === 0) return true
  console.log(`Fetching what npm leaves out on an older Node: ${wanted.join(' ')}`)
  // Asked for by name they are no longer optional, so their `engines` only warn.
  const [program, ...args] = npmCommand('install', '--no-save', '--ignore-scripts', ...wanted)
  spawnSync(program, args, { stdio: 'inherit' })
  return missing().length === 0
}

function thisPlatform(): Platform {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  const libc = header.glibcVersionRuntime ? 'gnu' : 'musl'
  return { os: process.platform, cpu: process.arch, libc: process.platform === 'linux' ? libc : undefined }
}
