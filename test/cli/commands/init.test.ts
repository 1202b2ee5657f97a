import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { TEMPLATES, type Template } from '../../../src/cli/commands/init.ts'
import { NodeChat, transportOf } from '../../endpoints/chat/chat-server.ts'
import { folderWith, installMillrace, millrace, serve, start } from '../command-line.ts'

// Each test starts processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const TSC = resolve('node_modules/typescript/bin/tsc')

/** An application that `millrace init` wrote, as it is after `npm install`. */
async function newApp(template: Template): Promise<string> {
  const parent = await folderWith({})
  const outcome = await millrace(['init', 'my-app', '--template', template], { folder: parent })
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  const folder = join(parent, 'my-app')
  await installMillrace(folder)
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
    const place = join(folder, 'node_modules', name)
    await mkdir(dirname(place), { recursive: true })
    if (!existsSync(place)) await symlink(resolve('node_modules', name), place)
  }
  return folder
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const ALL = Object.keys(TEMPLATES) as Template[]

describe('millrace init', () => {
  test('writes a chat and says what to do with it', async () => {
    const parent = await folderWith({})
    const { code, stdout } = await millrace(['init', 'new/my-app'], { folder: parent })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Wrote my-app: a chat with a model/)
    expect(stdout).toContain('cd new/my-app')
    expect(stdout).toContain('npm install')

    const folder = join(parent, 'new/my-app')
    expect((await readdir(folder)).toSorted()).toEqual([
      '.gitignore',
      'README.md',
      'app.test.ts',
      'app.ts',
      'index.html',
      'no-eval.ts',
      'package.json',
      'page-files.ts',
      'page.css',
      'page.tsx',
      'script.ts',
      'tsconfig.json',
      'vite.config.ts',
    ])
  })

  test.each(ALL)('fills in every name and version: %s', async (template) => {
    const folder = await newApp(template)
    for (const name of await readdir(folder, { recursive: true })) {
      const path = join(folder, name)
      if (name.includes('node_modules') || (await stat(path)).isDirectory()) continue
      expect(`${name}: ${readFileSync(path, 'utf8')}`).not.toMatch(/\{\{(?!\s)|\.template/)
    }
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
    expect(manifest).toMatchObject({
      name: 'my-app',
      type: 'module',
      scripts: { start: 'millrace serve app.ts', test: 'node --test', dev: expect.any(String) as string },
    })
    // This is a clone, so what runs here is what the application depends on.
    const { millrace: own, ...others } = { ...manifest.dependencies, ...manifest.devDependencies }
    expect(own).toBe(`file:${resolve('.')}`)
    for (const [name, version] of Object.entries(others)) expect(version, name).toMatch(/^\^\d+\.\d+\.\d+$/)
  })

  test.each(ALL)('writes an application whose tests pass and whose types hold: %s', async (template) => {
    const folder = await newApp(template)
    const tests = await start([process.execPath, '--test', '--test-reporter=tap'], { folder }).ended
    expect(tests.stdout).toContain('# fail 0')
    expect(tests.stdout).toMatch(/# pass [1-9]/)
    expect(tests.code).toBe(0)
    // Millrace's own sources, which stand in for its built types, are written for this stricter setting.
    const fromSource = ['--customConditions', 'millrace:source', '--exactOptionalPropertyTypes']
    const types = await start([process.execPath, TSC, '--noEmit', ...fromSource], { folder }).ended
    expect(types).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('writes a chat that is built, and served with its page', async () => {
    const folder = await newApp('chat')
    const vite = resolve('node_modules/vite/bin/vite.js')
    const built = await start([process.execPath, vite, 'build', '--logLevel', 'warn'], { folder }).ended
    expect(built).toMatchObject({ code: 0, stderr: '' })
    const { url } = await serve(['app.ts'], { folder })

    const page = await fetch(url)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    const html = await page.text()
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=/)
    const files = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1] ?? '')
    expect(files).toHaveLength(2)
    for (const file of files) {
      const response = await fetch(url + file)
      expect([file, response.status]).toEqual([file, 200])
      expect(response.headers.get('cache-control')).toContain('immutable')
    }
    for (const secret of ['/app.ts', '/..%2fapp.ts', '/%2e%2e/app.ts', '/assets'])
      expect([secret, (await fetch(url + secret)).status]).toEqual([secret, 404])

    const chat = new NodeChat('c1', transportOf('DefaultChatTransport', `${url}/api/chat`))
    await chat.sendMessage({ text: 'Hello' })
    expect(chat.text).toMatch(/^No model is set yet/)
  })

  test('writes a room that is served, page and socket', async () => {
    const folder = await newApp('room')
    const { url } = await serve(['app.ts'], { folder })

    const page = await fetch(url)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    const html = await page.text()
    expect(html).toContain('<title>my-app</title>')
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=/)
    const files = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1] ?? '')
    expect(files).toEqual(['/style.css', '/chat.js'])
    for (const file of files) expect((await fetch(url + file)).status).toBe(200)

    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/chat/lobby/`, { origin: url })
    onTestFinished(() => socket.terminate())
    const [welcome] = (await once(socket, 'message')) as [Buffer]
    const { name, ...rest } = JSON.parse(welcome.toString()) as { name: string }
    expect(rest).toEqual({ type: 'welcome', room: 'lobby' })
    socket.send(JSON.stringify({ type: 'say', text: 'hello' }))
    const [said] = (await once(socket, 'message')) as [Buffer]
    expect(JSON.parse(said.toString())).toEqual({ type: 'said', name, text: 'hello' })
  })

  test("writes the tutorial's stream, page and socket", async () => {
    const folder = await newApp('tutorial')
    const { url } = await serve(['app.ts'], { folder })
    expect(await (await fetch(url)).text()).toContain('id="openaiOutput"')
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/openai/`, { origin: url })
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    socket.send('{"message":"start"}')
    const [first] = (await once(socket, 'message')) as [Buffer]
    expect(JSON.parse(first.toString())).toEqual({ message: 'Number 0' })
  })

  test('knows its templates', async () => {
    const parent = await folderWith({})
    const { code, stderr } = await millrace(['init', 'mine', '--template', 'romm'], { folder: parent })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^millrace: .*romm.*chat, room, tutorial/)
    expect(existsSync(join(parent, 'mine'))).toBe(false)
  })

  test('takes an empty folder, and one with a repository in it', async () => {
    const parent = await folderWith({})
    await mkdir(join(parent, 'mine/.git'), { recursive: true })
    const { code, stdout } = await millrace(['init', '.'], { folder: join(parent, 'mine') })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Wrote mine: /)
    expect(stdout).not.toContain('  cd ')
    expect(existsSync(join(parent, 'mine/app.ts'))).toBe(true)
  })

  test('leaves a folder alone that holds something', async () => {
    const parent = await folderWith({})
    await mkdir(join(parent, 'mine'))
    await writeFile(join(parent, 'mine/app.ts'), 'precious')
    const outcome = await millrace(['init', 'mine'], { folder: parent })
    expect(outcome).toEqual({
      code: 1,
      stdout: '',
      stderr: 'millrace: mine is not empty (it holds app.ts): choose a new folder\n',
    })
    expect(await readdir(join(parent, 'mine'))).toEqual(['app.ts'])
    expect(await readFile(join(parent, 'mine/app.ts'), 'utf8')).toBe('precious')
  })

  test('says that a name is empty', async () => {
    const { code, stderr } = await millrace(['init', ''], { folder: await folderWith({}) })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'millrace: the name of the folder is empty; a dot means this folder\n',
    })
  })

  test('does not write over a file, or through a link to a folder that holds something', async () => {
    const parent = await folderWith({ mine: 'a file' })
    await mkdir(join(parent, 'full/inner'), { recursive: true })
    await symlink('full', join(parent, 'link'))
    expect((await millrace(['init', 'mine'], { folder: parent })).stderr).toBe('millrace: mine is a file\n')
    expect((await millrace(['init', 'link'], { folder: parent })).stderr).toMatch(
      /^millrace: link is not empty .*\n$/,
    )
  })

  test.each([
    ['My App', '"My App" is no name for a package: '],
    ['.hidden', '".hidden" is no name for a package: '],
    ['millrace', '"millrace" is taken: give the folder another name'],
    ['node_modules/node_modules', '"node_modules" is taken: give the folder another name'],
  ])('refuses the name %s', async (name, line) => {
    const parent = await folderWith({})
    const { code, stdout, stderr } = await millrace(['init', name], { folder: parent })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.startsWith(`millrace: ${line}`)).toBe(true)
    expect(stderr.trimEnd()).not.toContain('\n')
  })
})
