import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { PACKAGE } from '../../../src/cli/package.ts'
import { folderWith, installMillrace, millrace, serve, start } from '../command-line.ts'

// Each test starts processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const TSC = resolve('node_modules/typescript/bin/tsc')

/** An application that `millrace init` wrote, as it is after `npm install`. */
async function newApp(): Promise<string> {
  const parent = await folderWith({})
  expect(await millrace(['init', 'my-app'], { folder: parent })).toMatchObject({ code: 0, stderr: '' })
  const folder = join(parent, 'my-app')
  await installMillrace(folder)
  return folder
}

describe('millrace init', () => {
  test('writes an application and says what to do with it', async () => {
    const parent = await folderWith({})
    const { code, stdout } = await millrace(['init', 'new/my-app'], { folder: parent })
    expect(code).toBe(0)
    expect(stdout).toContain('cd new/my-app')
    expect(stdout).toContain('npm install')

    const folder = join(parent, 'new/my-app')
    const expected = [
      '.gitignore',
      'README.md',
      'app.ts',
      'chat-consumer.ts',
      'package.json',
      'pages.ts',
      'public',
      'test',
      'tsconfig.json',
    ]
    expect((await readdir(folder)).toSorted()).toEqual(expected)
    for (const file of globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )) {
      expect(readFileSync(join(file.parentPath, file.name), 'utf8')).not.toMatch(/\{\{|\.template/)
    }
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as object
    expect(manifest).toMatchObject({
      name: 'my-app',
      type: 'module',
      scripts: { start: 'millrace serve app.ts', test: 'node --test' },
      dependencies: { millrace: `^${PACKAGE.version}` },
      devDependencies: {
        typescript: expect.stringMatching(/^\^\d/) as string,
        '@types/node': expect.stringMatching(/^\^\d/) as string,
      },
    })
    const page = await readFile(join(folder, 'public/index.html'), 'utf8')
    expect(page).toContain('<title>my-app</title>')
    expect(page).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=/)
  })

  test('writes an application whose tests pass and whose types hold', async () => {
    const folder = await newApp()
    const tests = await start([process.execPath, '--test', '--test-reporter=tap'], { folder }).ended
    expect(tests.stdout).toContain('# fail 0')
    expect(tests.stdout).toMatch(/# pass [1-9]/)
    expect(tests.code).toBe(0)
    // Millrace's own sources, which stand in for its built types, are written for this stricter setting.
    const fromSource = ['--customConditions', 'millrace:source', '--exactOptionalPropertyTypes']
    const types = await start([process.execPath, TSC, '--noEmit', ...fromSource], { folder }).ended
    expect(types).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('writes an application that is served, page and socket', async () => {
    const folder = await newApp()
    const { url } = await serve(['app.ts'], { folder })

    const page = await fetch(url)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    const files = [...(await page.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(
      (match) => match[1] ?? '',
    )
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
