import { describe, expect, test, vi } from 'vitest'
import { PACKAGE } from '../../src/cli/package.ts'
import { folderWith, millrace } from './command-line.ts'

// Each test starts a process, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

describe('millrace', () => {
  test('prints its version', async () => {
    expect(await millrace(['--version'])).toEqual({ code: 0, stdout: `${PACKAGE.version}\n`, stderr: '' })
  })

  test('without arguments prints what there is to type', async () => {
    const { code, stdout, stderr } = await millrace([])
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: millrace [options] [command]')
    expect(stdout).toContain('serve [options] [file]')
    expect(stdout).toContain('init [options] <folder>')
    expect(stderr).toBe('')
  })

  test.each([
    [['serve', '--prot', '80'], "unknown option '--prot' (Did you mean --port?)"],
    [['srve'], "unknown command 'srve' (Did you mean serve?)"],
    [['app.ts'], "unknown command 'app.ts'; to serve it: millrace serve app.ts"],
    [['init'], "missing required argument 'folder'"],
    [['serve', 'a.ts', 'b.ts'], "too many arguments for 'serve'. Expected 1 argument but got 2: a.ts, b.ts."],
    [['serve', '--port'], "option '-p, --port <number>' argument missing"],
    [
      ['serve', '--websocket_timeout', 'x'],
      '--websocket-timeout is "x"; it takes seconds, such as 20 or 0.5',
    ],
    [['serve', '--watch'], '--watch needs the file of an application'],
    [['serve', '--export', 'app'], '--export needs the file of an application'],
  ])('%j is one line and exit code 2', async (args, line) => {
    expect(await millrace(args)).toEqual({ code: 2, stdout: '', stderr: `millrace: ${line}\n` })
  })

  test('reads variables', async () => {
    const environment = { MILLRACE_PORT: 'x' }
    const line = 'millrace: MILLRACE_PORT is "x"; it takes a whole number from 0 to 65535\n'
    expect(await millrace(['serve'], { environment })).toEqual({ code: 2, stdout: '', stderr: line })
  })
})

describe('a file that cannot be served is one line and exit code 1', () => {
  test.each<[string, Record<string, string>, string]>([
    ['that does not exist', {}, 'app.ts does not exist'],
    ['that throws', { 'app.ts': '\nthrow new Error("no\\n  database")' }, 'app.ts:2: no database'],
    [
      'that throws in a file it imports',
      { 'app.ts': 'import "./db.ts"', 'db.ts': 'const url: string = ""\nnew URL(url)\nexport {}' },
      'db.ts:2: TypeError: Invalid URL',
    ],
    [
      'with a route that is none',
      {
        'app.ts': `import { http, millrace } from 'millrace'

export default millrace({ routes: [http('/a/:', () => new Response())] })`,
      },
      'app.ts:3: TypeError: Route /a/:: ":" is not a parameter such as :name or :name{int}',
    ],
    [
      'that throws no Error',
      { 'app.ts': 'throw "no"; export {}' },
      'app.ts: "no" was thrown while it loaded',
    ],
    [
      'without a default export',
      { 'app.ts': 'export const x = 1' },
      'app.ts has no default export; write: export default millrace({ routes: [ … ] })',
    ],
    [
      'whose application has another name',
      { 'app.ts': `import { millrace } from 'millrace'\nexport const app = millrace()` },
      'app.ts has no default export; --export app serves the application that it does export',
    ],
    [
      'whose default export is something else',
      { 'app.ts': 'export default new Map()' },
      'the default export of app.ts is an instance of Map, not an application: export what millrace({ … }) returns',
    ],
    [
      'that is no TypeScript',
      { 'app.ts': 'const a: number = 1\nconst b = = 2' },
      'app.ts:2: SyntaxError: Expression expected',
    ],
    [
      'of TypeScript that Node cannot run',
      { 'app.ts': 'enum Colour { Red }\nexport default Colour' },
      'app.ts:1: TypeScript enum is not supported in strip-only mode: Node runs TypeScript by leaving its types out, so write this in another way',
    ],
    [
      'that is no JavaScript',
      { 'app.ts': 'import "./b.js"', 'b.js': 'export {}\nconst b = = 2' },
      "b.js:2: SyntaxError: Unexpected token '='",
    ],
    [
      'that names one thing twice, in a file it imports',
      { 'app.ts': 'import "./b.ts"', 'b.ts': 'export {}\nconst a: number = 1\nconst a = 2' },
      "b.ts:3: SyntaxError: Identifier 'a' has already been declared",
    ],
    [
      'that imports a package which is not installed',
      { 'app.ts': 'import "left-out"' },
      'app.ts: the package "left-out" is not installed; npm install left-out',
    ],
    [
      'that imports a file which does not exist',
      { 'app.ts': 'import "./gone.ts"' },
      'app.ts: imports gone.ts, which does not exist',
    ],
    [
      'that imports TypeScript as a compiler finds it',
      { 'app.ts': 'import "./b.js"', 'b.ts': 'export {}' },
      'app.ts: imports b.js, which does not exist: write b.ts',
    ],
    [
      'that imports a folder',
      { 'app.ts': 'import "."' },
      'app.ts: imports ., which is a folder: name a file in it',
    ],
    [
      'that imports a name which does not exist',
      { 'app.ts': '\nimport { gone } from "millrace"\ngone()' },
      "app.ts:2: SyntaxError: The requested module 'millrace' does not provide an export named 'gone'",
    ],
    [
      'that waits for what never comes',
      { 'app.ts': 'await new Promise(() => {})' },
      'app.ts did not finish loading: an await at its top level never ends',
    ],
    [
      'that fails in a callback while it loads',
      { 'app.ts': 'setTimeout(() => { throw new Error("late") })\nawait new Promise(() => {})' },
      'app.ts:1: late',
    ],
    [
      'that forgets a promise while it loads',
      { 'app.ts': 'void Promise.reject(new Error("forgotten"))\nawait new Promise(() => {})' },
      'app.ts:1: forgotten',
    ],
  ])('%s', async (_what, files, line) => {
    const folder = await folderWith(files)
    const outcome = await millrace(['serve', 'app.ts'], { folder })
    expect(outcome).toEqual({ code: 1, stdout: '', stderr: `millrace: ${line}\n` })
  })

  test('and with -v debug the stack goes to the log', async () => {
    const folder = await folderWith({ 'app.ts': 'throw new Error("no database")' })
    const { stdout, stderr } = await millrace(['serve', 'app.ts', '-v', 'debug', '--log-format', 'json'], {
      folder,
    })
    expect(stderr).toBe('millrace: app.ts:1: no database\n')
    const { err } = JSON.parse(stdout) as { err: { stack: string } }
    expect(err.stack).toMatch(/^Error: no database\n +at .*app\.ts:1:7/)
  })

  test('a folder', async () => {
    const folder = await folderWith({})
    const line = 'millrace: . is a folder: name the file that exports the application\n'
    expect(await millrace(['serve', '.'], { folder })).toEqual({ code: 1, stdout: '', stderr: line })
  })
})
