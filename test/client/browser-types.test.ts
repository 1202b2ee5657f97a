/**
 * The types of an application, in the program of a page: Vite's React template as it comes, with the declarations
 * that the package is published with. They are made anew: those in dist/ may be old.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

/** What `npm create vite` writes into tsconfig.app.json for React with TypeScript. */
const TEMPLATE = {
  target: 'es2023',
  lib: ['ES2023', 'DOM'],
  module: 'esnext',
  types: ['vite/client'],
  skipLibCheck: true,
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  moduleDetection: 'force',
  noEmit: true,
  jsx: 'react-jsx',
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  noFallthroughCasesInSwitch: true,
}

const SERVER = `import { millrace, run, sqlite } from 'millrace'
import { z } from 'zod'

const answer = run({
  input: z.object({ prompt: z.string().min(1), since: z.coerce.date<string>().optional() }),
  async *run({ prompt }) {
    yield prompt
  },
})
const app = millrace({ store: sqlite('./data.db'), runs: { answer } })
export default app
export type App = typeof app
`

const PAGE = `import type { App } from '../server/app.ts'
import { connect } from 'millrace/client'
import { useStream } from 'millrace/react'
import { useState } from 'react'

const { answer } = connect<App>('/').runs

export default function Page() {
  const [prompt, setPrompt] = useState('')
  const { text, records, start } = useStream(answer, null)
  const first: string | undefined = records[0]
  return (
    <form action={() => void start({ prompt })}>
      <input value={prompt} onChange={(event) => setPrompt(event.target.value)} />
      <output title={first}>{text}</output>
    </form>
  )
}
`

const CHAT_PAGE = `import { MillraceChatTransport } from 'millrace/ai-sdk/client'

export const transport = new MillraceChatTransport()
export const ids: readonly string[] = transport.client.chats().snapshot().chats.map(({ id }) => id)
`

/** Each is one mistake in a page, and what the compiler says of it. */
const MISTAKES = [
  ['answer.start({ prompt: 7 })', /'number' is not assignable to type 'string'/],
  ["answer.start({ prompt: 'x', since: new Date() })", /'Date' is not assignable to type 'string/],
  ['answer.start()', /Expected 1-2 arguments/],
  ["connect<App>('/').runs.anwser", /Did you mean 'answer'/],
  ["answer.start({ prompt: 'x' }).then((reply) => reply.take()[0]?.delta)", /'delta' does not exist/],
  ['useStream(answer, null).start({})', /'prompt' is missing/],
  ['useStream(answer, null).records[0]?.delta', /'delta' does not exist/],
] as const

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-page-'))
  const modules = join(folder, 'node_modules')
  const millrace = join(modules, 'millrace')
  for (const path of [millrace, join(folder, 'src'), join(folder, 'server')])
    await mkdir(path, { recursive: true })
  for (const name of await readdir('node_modules'))
    if (!name.startsWith('.')) await symlink(resolve('node_modules', name), join(modules, name))
  await copyFile('package.json', join(millrace, 'package.json'))
  const declarations = ['--emitDeclarationOnly', '--incremental', 'false', '--outDir', join(millrace, 'dist')]
  expect(await tsc(['-p', 'tsconfig.build.json', ...declarations])).toBe('')
  await writeFile(join(folder, 'server/app.ts'), SERVER)
  await writeFile(join(folder, 'src/page.tsx'), PAGE)
  await writeFile(join(folder, 'src/chat-page.ts'), CHAT_PAGE)
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

it.each([{ types: ['vite/client'] }, { types: [] }])(
  'a page knows the types of its server, and none of Node: %j',
  async ({ types }) => {
    const said = await compile({ types, listFiles: true })
    expect(said).not.toContain('error TS')
    expect(said).toContain('/millrace/dist/index.d.ts')
    expect(said).not.toMatch(/\/@types\/node\/|\/undici-types\//)
  },
)

it('mistakes of a page do not compile', async () => {
  const uses = MISTAKES.map(([use]) => `void ${use}\n`).join('')
  await writeFile(
    join(folder, 'src/mistakes.ts'),
    PAGE.slice(0, PAGE.indexOf('export')).replace(/.*'react'\n/, '') + uses,
  )
  const said = await compile({})
  await rm(join(folder, 'src/mistakes.ts'))
  const errors = said.split('\n').filter((line) => line.includes('error TS'))
  expect(errors).toHaveLength(MISTAKES.length)
  for (const [, error] of MISTAKES) expect(said).toMatch(error)
})

it('the page of the minimal example compiles in the same way', async () => {
  await copyFile('examples/minimal/app.ts', join(folder, 'src/app.ts'))
  await copyFile('examples/minimal/page.ts', join(folder, 'src/minimal.ts'))
  expect(await compile({})).toBe('')
})

/** What the compiler says of the page. */
async function compile(options: object): Promise<string> {
  const config = { compilerOptions: { ...TEMPLATE, ...options }, include: ['src'] }
  await writeFile(join(folder, 'tsconfig.app.json'), JSON.stringify(config))
  return await tsc(['-p', join(folder, 'tsconfig.app.json')])
}

/** The exit code adds nothing to the output. */
function tsc(args: readonly string[]): Promise<string> {
  return new Promise((done) => {
    execFile('tsc', args, { maxBuffer: 2 ** 26 }, (_error, stdout) => done(stdout))
  })
}
