/** Millrace's own package, which the commands run from: in src/ and in dist/ alike. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface PackageJson {
  readonly version: string
  readonly devDependencies: Readonly<Record<string, string>>
}

export const PACKAGE_FOLDER: string = fileURLToPath(new URL('../../', import.meta.url))

export const PACKAGE: PackageJson = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as PackageJson
