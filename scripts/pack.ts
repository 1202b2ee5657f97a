/**
 * `node scripts/pack.ts <folder>`: packs what is published into a folder and checks what is inside. Its manifest has no
 * scripts, for they are those of a clone: npm warns everybody who installs a tarball that has a `prepare`, though it does
 * not run it.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { npmCommand } from './npm.ts'

interface Packed {
  readonly files: readonly { readonly path: string }[]
}

interface Manifest {
  [key: string]: unknown
  readonly files: readonly string[]
}

/** What only a clone needs of its manifest. */
const ofAClone = ['scripts', 'allowScripts', 'overrides']

/** Checks the templates where they are. */
const ofTheRepository = join('templates', 'tsconfig.json')

const published = /^((dist|templates)\/.+|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/
const mustHave = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'dist/index.js',
  'dist/cli/main.js',
  'dist/web/index.html',
  'templates/chat/app.ts',
  'templates/room/app.ts',
  'templates/tutorial/app.ts',
]

const [destination] = process.argv.slice(2)
if (!destination) throw new Error('Name the folder that the package is written to.')

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
for (const key of ofAClone) delete manifest[key]
const staged = mkdtempSync(join(tmpdir(), 'millrace-pack-'))
let packed: Packed | undefined
try {
  const filter = (path: string): boolean => path !== ofTheRepository
  for (const path of manifest.files) cpSync(path, join(staged, path), { recursive: true, filter })
  writeFileSync(join(staged, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const [npm, ...args] = npmCommand('pack', '--json', '--pack-destination', resolve(destination))
  ;[packed] = JSON.parse(execFileSync(npm, args, { cwd: staged, encoding: 'utf8' })) as Packed[]
} finally {
  rmSync(staged, { recursive: true, force: true })
}
const paths = (packed?.files ?? []).map((file) => file.path)

const complaints = [
  ...paths
    .filter((path) => path.endsWith('.map'))
    .map((path) => `${path} maps to sources that are not published`),
  ...paths.filter((path) => !published.test(path)).map((path) => `${path} has no place in the package`),
  ...mustHave.filter((path) => !paths.includes(path)).map((path) => `${path} is missing from the package`),
]
for (const complaint of complaints) console.error(complaint)
if (complaints.length > 0) process.exitCode = 1
