/** Every TypeScript sample of the documentation compiles against the package, and every link of it leads somewhere. */
import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const PAGES = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'])

interface Sample {
  /** Its path among the samples: a folder of its own, for one that has a name may be imported. */
  readonly path: string
  readonly text: string
}

/**
 * The samples of a page. One whose first line is `// app.ts` has that name, and those after it on the page import
 * it as `./app.ts`.
 */
function samplesOf(page: string): Sample[] {
  const text = readFileSync(page, 'utf8')
  let app: string | undefined
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].flatMap((match, index) => {
    const sample = match[1] ?? ''
    const folder = `${page.replaceAll('/', '-')}-${index + 1}`
    if (sample.startsWith('// app.ts\n')) {
      app = folder
      return [{ path: `${folder}/app.ts`, text: sample }]
    }
    const imported = app && { path: `${folder}/app.ts`, text: `export type * from '../${app}/app.ts'\n` }
    return [{ path: `${folder}/sample.ts`, text: sample }, ...(imported ? [imported] : [])]
  })
}

/** The package's public entries, as a program that depends on it would find them. */
function publicEntries(): Record<string, string[]> {
  const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    name: string
    exports: Record<string, string | { 'millrace:source': string }>
  }
  return Object.fromEntries(
    Object.entries(exports).flatMap(([path, target]) =>
      typeof target === 'string' ? [] : [[join(name, path), [resolve(target['millrace:source'])]]],
    ),
  )
}

test('the samples compile', async () => {
  const samples = PAGES.flatMap(samplesOf)
  expect(samples.length).toBeGreaterThan(5)
  const folder = await mkdtemp(join(tmpdir(), 'millrace-samples-'))
  try {
    await symlink(resolve('node_modules'), join(folder, 'node_modules'))
    for (const { path, text } of samples) {
      await mkdir(join(folder, 'samples', dirname(path)), { recursive: true })
      await writeFile(join(folder, 'samples', path), text)
    }
    const config = {
      extends: resolve('tsconfig.base.json'),
      compilerOptions: {
        noEmit: true,
        noUnusedLocals: false,
        jsx: 'react-jsx',
        lib: ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'],
        paths: publicEntries(),
      },
      include: ['samples'],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    // Everything the compiler has to say stands in its output; the exit code adds nothing.
    const complaints = await new Promise<string>((done) => {
      execFile('tsc', ['-p', folder], (_error, stdout) => done(stdout))
    })
    expect(complaints).toBe('')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)

test.each(['app.ts', 'page.ts'])('the first page shows %s of the minimal example as it is', (file) => {
  expect(readFileSync('README.md', 'utf8')).toContain(readFileSync(`examples/minimal/${file}`, 'utf8'))
})

test.each(PAGES)('the links of %s lead somewhere', (page) => {
  const text = readFileSync(page, 'utf8').replaceAll(/^```.*?^```$/gms, '')
  const targets = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '')
  const local = targets.filter((target) => !/^[a-z]+:/.test(target))
  expect(local.filter((target) => !existsSync(join(dirname(page), target)))).toEqual([])
})
