/** Millrace's own package, which the commands run from: in src/ and in dist/ alike. */
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

interface PackageJson {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** Ends in a slash. */
export const PACKAGE_FOLDER: string = fileURLToPath(new URL('../../', import.meta.url))

export const PACKAGE: PackageJson = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as PackageJson

/** The version of a package that this one is built with, or undefined if it is built without. */
export function versionOf(name: string): string | undefined {
  return PACKAGE.dependencies[name] ?? PACKAGE.devDependencies[name]
}

/**
 * What a new application writes in its package.json to depend on this package as it is here: `^1.2.3`, or `file:` with the
 * path of the clone or of the tarball that the running one comes from, which the registry may not have.
 */
export async function dependencyOnPackage(): Promise<string> {
  const folder = resolve(PACKAGE_FOLDER)
  const modules = dirname(folder)
  if (basename(modules) !== 'node_modules') return `file:${slashes(folder)}`
  const tarball = await tarballIn(modules)
  return tarball === undefined ? `^${PACKAGE.version}` : `file:${slashes(tarball)}`
}

/** The tarball that npm installed this package from. npm notes it beside what it installed, relative to the project. */
async function tarballIn(modules: string): Promise<string | undefined> {
  try {
    const lock = JSON.parse(await readFile(resolve(modules, '.package-lock.json'), 'utf8')) as {
      readonly packages?: Readonly<Record<string, { readonly resolved?: string }>>
    }
    const { resolved = '' } = lock.packages?.['node_modules/millrace'] ?? {}
    if (!resolved.startsWith('file:')) return undefined
    const path = resolve(dirname(modules), decodeURI(resolved.slice('file:'.length)))
    return existsSync(path) ? path : undefined
  } catch {
    // Another package manager installed it.
    return undefined
  }
}

function slashes(path: string): string {
  return path.replaceAll('\\', '/')
}
