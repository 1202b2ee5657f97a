/** The package as it is published, out of dist/, which `npm install` and `npm run build` make. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { npmCommand } from '../../scripts/npm.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { Example } from '../support/example.ts'
import { describeWith } from '../support/services.ts'

interface Manifest {
  readonly version: string
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly scripts?: object
}

const run = promisify(execFile)

const ROOT = resolve(import.meta.dirname, '../..')
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
const MODULES = Object.entries(MANIFEST.exports).flatMap(([path, to]) =>
  typeof to === 'string' ? [] : [`millrace${path.slice(1)}`],
)

let parent: string
let tarball: string

beforeAll(async () => {
  for (const to of Object.values(MANIFEST.exports)) {
    const file = typeof to === 'string' ? to : to.default
    expect(existsSync(join(ROOT, file)), `${file} is there; otherwise: npm run build`).toBe(true)
  }
  parent = await mkdtemp(join(tmpdir(), 'millrace-pack-'))
  await run(process.execPath, ['scripts/pack.ts', parent], { cwd: ROOT })
  tarball = join(parent, `millrace-${MANIFEST.version}.tgz`)
})

afterAll(() => rm(parent, { recursive: true, force: true }))

describe('the package that is published', () => {
  it('has every entry that it exports and its command, without the files of a clone', async () => {
    const folder = await newApp('unpacked')
    const own = join(folder, 'node_modules/millrace')
    await mkdir(own, { recursive: true })
    await run('tar', ['-xzf', tarball, '-C', own, '--strip-components=1'])
    for (const name of Object.keys(MANIFEST.dependencies)) await link(folder, name)
    await checkEntries(folder)
    const { stdout } = await run(process.execPath, ['node_modules/millrace/dist/cli/main.js', '--version'], {
      cwd: folder,
    })
    expect(stdout).toBe(`${MANIFEST.version}\n`)

    const manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')) as Manifest
    const { scripts, allowScripts, overrides, ...published } = MANIFEST as Manifest & Record<string, unknown>
    expect([scripts, allowScripts, overrides]).not.toContain(undefined)
    expect(manifest).toEqual(published)
  })

  it.skipIf(process.env['MILLRACE_LONG'] !== '1')(
    'is installed by npm, which has nothing to run and nothing to warn of (MILLRACE_LONG=1)',
    async () => {
      const folder = await newApp('installed')
      const [npm, ...install] = npmCommand('install', '--prefer-offline', '--loglevel=warn', tarball)
      const { stdout, stderr } = await run(npm, install, { cwd: folder })
      expect(stderr).toBe('')
      expect(stdout).toMatch(/^\nadded \d+ packages/)
      await checkEntries(folder)
      const [npx, ...version] = npmCommand('exec', '--offline', '--', 'millrace', '--version')
      expect((await run(npx, version, { cwd: folder })).stdout).toBe(`${MANIFEST.version}\n`)
    },
  )
})

describe('millrace init of that package', () => {
  it('depends on the tarball that it was installed from', async () => {
    const folder = await newApp('init-unpacked')
    const own = join(folder, 'node_modules/millrace')
    await mkdir(own, { recursive: true })
    await run('tar', ['-xzf', tarball, '-C', own, '--strip-components=1'])
    for (const name of Object.keys(MANIFEST.dependencies)) await link(folder, name)
    const dependencyIn = async (app: string): Promise<unknown> => {
      await run(process.execPath, [join(own, 'dist/cli/main.js'), 'init', app], { cwd: folder })
      const { dependencies } = JSON.parse(readFileSync(join(folder, app, 'package.json'), 'utf8')) as Manifest
      return dependencies['millrace']
    }
    // As npm notes it.
    const note = (resolved: string): Promise<void> =>
      writeFile(
        join(folder, 'node_modules/.package-lock.json'),
        JSON.stringify({ packages: { 'node_modules/millrace': { resolved } } }),
      )
    await note(`file:../millrace-${MANIFEST.version}.tgz`)
    expect(await dependencyIn('of-a-tarball')).toBe(`file:${tarball}`)
    await note('file:../gone.tgz')
    expect(await dependencyIn('of-one-that-is-gone')).toBe(`^${MANIFEST.version}`)
    await note('https://registry.example/millrace.tgz')
    expect(await dependencyIn('of-a-registry')).toBe(`^${MANIFEST.version}`)
    await rm(join(folder, 'node_modules/.package-lock.json'))
    expect(await dependencyIn('of-somebody-else')).toBe(`^${MANIFEST.version}`)
  })

  describe.skipIf(process.env['MILLRACE_LONG'] !== '1')('in an empty folder (MILLRACE_LONG=1)', () => {
    describeWith(['chromium'], 'from the tarball', ({ chromium }) => {
      it(
        'writes a chat that installs, passes its test, is built and answers',
        { timeout: 300_000 },
        async () => {
          const folder = join(parent, 'empty')
          await mkdir(folder)
          const npm = async (cwd: string, ...args: string[]): Promise<string> => {
            const [command, ...all] = npmCommand(...args)
            return (await run(command, all, { cwd })).stdout
          }
          const init = ['millrace', 'init', 'my-app']
          await npm(folder, 'exec', '--yes', '--prefer-offline', `--package=${tarball}`, '--', ...init)
          const app = join(folder, 'my-app')
          const manifest = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8')) as Manifest
          expect(manifest.dependencies['millrace']).toBe(`file:${tarball}`)
          await npm(app, 'install', '--prefer-offline', '--no-audit', '--no-fund')
          expect(await npm(app, 'test')).toMatch(/pass 3\n.*fail 0/s)
          await npm(app, 'run', 'typecheck')
          await npm(app, 'run', 'build')
          const main = join(app, 'node_modules/millrace/dist/cli/main.js')
          const server = await Example.start([main, 'serve', 'app.ts'], { folder: app, fromSource: false })
          const browser = await launchBrowser(chromium)
          try {
            const page = await browser.newPage()
            const complaints = complaintsOf(page)
            await page.goto(server.url)
            await page.getByLabel('Message').fill('Hello')
            await page.keyboard.press('Enter')
            await page.locator('.assistant').filter({ hasText: 'No model is set' }).waitFor()
            await page.reload()
            await page
              .locator('.assistant')
              .filter({ hasText: /Then look into app\.ts\.$/ })
              .waitFor()
            expect(await page.locator('li').count()).toBe(2)
            expect(complaints).toEqual([])
          } finally {
            await browser.close()
            await server.end()
          }
        },
      )
    })
  })
})

async function newApp(name: string): Promise<string> {
  const folder = join(parent, name)
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  return folder
}

/** Imports each in one process, which says how many names each exports. */
async function checkEntries(folder: string): Promise<void> {
  for (const name of Object.keys(MANIFEST.peerDependencies)) await link(folder, name)
  const script = `
    const counts = {}
    for (const name of ${JSON.stringify(MODULES)}) counts[name] = Object.keys(await import(name)).length
    console.log(JSON.stringify(counts))`
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: folder,
  })
  expect(stderr).toBe('')
  const counts = JSON.parse(stdout) as Record<string, number>
  expect(Object.keys(counts)).toEqual(MODULES)
  for (const [name, count] of Object.entries(counts)) expect(count, name).toBeGreaterThan(0)
}

/** What an application brings, as this repository has it. */
async function link(folder: string, name: string): Promise<void> {
  const path = join(folder, 'node_modules', name)
  await mkdir(dirname(path), { recursive: true })
  await symlink(join(ROOT, 'node_modules', name), path)
}
