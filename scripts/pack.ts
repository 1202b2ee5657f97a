/** `node scripts/pack.ts <folder>`: packs what would be published into a folder and checks what is inside. */
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { npmCommand } from './npm.ts'

interface Packed {
  readonly files: readonly { readonly path: string }[]
}

const published = /^((dist|templates)\/.+|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/
const mustHave = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'dist/index.js',
  'dist/cli/main.js',
  'dist/web/index.html',
  'templates/app/app.ts',
]

const [destination] = process.argv.slice(2)
if (!destination) throw new Error('Name the folder that the package is written to.')

// Scripts are left out: `prepare` would build a second time what the check has just built.
const [npm, ...args] = npmCommand('pack', '--ignore-scripts', '--json', '--pack-destination', destination)
const [packed] = JSON.parse(execFileSync(npm, args, { encoding: 'utf8' })) as Packed[]
const paths = (packed?.files ?? []).map((file) => file.path)

const complaints = [
  ...paths.filter((path) => !published.test(path)).map((path) => `${path} has no place in the package`),
  ...mustHave.filter((path) => !paths.includes(path)).map((path) => `${path} is missing from the package`),
]
for (const complaint of complaints) console.error(complaint)
if (complaints.length > 0) process.exitCode = 1
