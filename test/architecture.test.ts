import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { circlesIn } from './support/circles.ts'
import { breaches, loadedWith, packageOf } from './support/layers.ts'
import { parseSource, readSource } from './support/source-file.ts'

interface PackageJson {
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as PackageJson

const files = globSync(['src/**/*.ts', 'src/**/*.tsx', 'web/src/**/*.ts', 'web/src/**/*.tsx'])
  .map((path) => readSource(path.replaceAll('\\', '/')))
  .filter((file) => !file.path.endsWith('.d.ts'))

describe('the repository', () => {
  it('imports across layers in the drawn direction only', () => {
    expect(files.flatMap((file) => breaches(file))).toEqual([])
  })

  it('imports nothing in a circle, not even types', () => {
    expect(circlesIn(files)).toEqual([])
  })

  it('imports, in what is published, only packages that come with it', () => {
    const absent = files
      .filter((file) => file.path.startsWith('src/'))
      .flatMap(({ path, imports }) => imports.map((one) => ({ path, ...one })))
      .filter(({ specifier }) => !/^(\.|node:)/.test(specifier))
      .filter(({ specifier }) => !(packageOf(specifier) in { ...dependencies, ...peerDependencies }))
      .map(({ path, line, specifier }) => `${path}:${line} imports '${specifier}', no (peer) dependency`)
    expect(absent).toEqual([])
  })

  it.each(['src/index.ts', 'src/testing/index.ts', 'src/conformance/index.ts', 'src/cli/main.ts'])(
    'loads no optional package with %s',
    (entry) => {
      const loads = loadedWith(entry, readSource).flatMap((file) =>
        file.imports
          .filter(({ kind, specifier }) => kind === 'eager' && packageOf(specifier) in peerDependencies)
          .map(({ specifier, line }) => `${file.path}:${line} loads '${specifier}'`),
      )
      expect(loads).toEqual([])
    },
  )

  it('has no file much longer than 300 lines', () => {
    const long = files.filter((file) => file.lines > 330).map((file) => `${file.path}: ${file.lines} lines`)
    expect(long).toEqual([])
  })

  it('says `any` in no type, so that none reaches a public one', () => {
    expect(files.flatMap((file) => file.anys.map((line) => `${file.path}:${line}`))).toEqual([])
  })

  it('has no file that is named after nothing', () => {
    const vague = /^(utils?|helpers?|common|misc|shared)\.tsx?$/
    expect(files.map((file) => file.path).filter((path) => vague.test(basename(path)))).toEqual([])
  })
})

describe('the rules', () => {
  const verdict = (path: string, code: string): string[] => breaches(parseSource(path, code))

  it.each([
    ['src/server/gateway.ts', `import { WebSocketServer } from 'ws'`],
    ['src/server/gateway.ts', `import type { ChannelLayer } from '../channels/layer.ts'`],
    ['src/channels/memory/layer.ts', `import { Queue } from './memory-queue.ts'`],
    ['src/millrace.ts', `import { memoryChannels } from './channels/memory.ts'`],
    ['src/cli/commands/serve.ts', `const app = await import(process.argv[2])`],
    ['src/protocol/offset.ts', `/** import { offset } from 'millrace' */ const text = "import 'ws'"`],
    ['src/providers/openai/answer.ts', `import type { OpenAI } from 'openai'`],
    ['web/src/page.tsx', `import { useState } from 'react'`],
  ])('let %s say %s', (path, code) => {
    expect(verdict(path, code)).toEqual([])
  })

  it.each([
    ['src/protocol/offset.ts', `import { x } from '../streams/store.ts'`, 'protocol imports no other folder'],
    ['src/protocol/offset.ts', `import { Buffer } from 'node:buffer'`, 'no node:'],
    ['src/protocol/offset.ts', `import { z } from 'zod'`, 'zod has no place'],
    ['src/streams/memory/store.ts', `import '../../server/gateway.ts'`, 'not server'],
    ['src/streams/memory/store.ts', `export * from '../../channels/layer.ts'`, 'not channels'],
    ['src/consumers/consumer.ts', `import type { Route } from '../routing/route.ts'`, 'not routing'],
    ['src/consumers/consumer.ts', `let x: import('../cli/main.ts').Main`, 'not cli'],
    ['src/consumers/consumer.ts', `await import('../channels/memory.ts')`, 'imports interfaces'],
    [
      'src/server/gateway.ts',
      `import { redisChannels } from '../channels/redis/layer.ts'`,
      'imports interfaces',
    ],
    ['src/server/gateway.ts', `import { sqlite } from '../streams/sqlite-store.ts'`, 'imports interfaces'],
    ['src/server/gateway.ts', `import pino from 'pino'`, 'src/logging/pino.ts alone'],
    ['src/server/gateway.ts', `import { communicator } from '../testing/communicator.ts'`, 'not testing'],
    ['src/server/gateway.ts', `import { millrace } from 'millrace'`, 'by relative path'],
    ['src/server/gateway.ts', `import { createServer } from 'http'`, `'node:http'`],
    ['src/server/gateway.ts', `import '../../test/support/layers.ts'`, 'outside src/'],
    ['src/server/gateway.ts', `import OpenAI from 'openai'`, 'src/providers/openai/openai.ts alone'],
    [
      'src/providers/openai/answer.ts',
      `const { OpenAI } = await import('openai')`,
      'src/providers/openai/openai.ts alone',
    ],
    ['src/client/remote-reader.ts', `import { setTimeout } from 'node:timers/promises'`, 'no node:'],
    ['src/react/use-stream.ts', `import { run } from '../runs/run.ts'`, 'not runs'],
    ['src/helpers/anything.ts', `import './x.ts'`, 'no known layer'],
    ['web/src/page.tsx', `import { millrace } from '../../src/index.ts'`, 'not application'],
  ])('stop %s from saying %s', (path, code, why) => {
    expect(verdict(path, code)).toEqual([expect.stringContaining(why)])
    expect(verdict(path, code)[0]).toMatch(new RegExp(`^${path}:1 imports '`))
  })

  it('tell what is loaded from what may be loaded', () => {
    const codes: Record<string, string> = {
      'src/index.ts': `import './a.ts'; import type { B } from './b.ts'`,
      'src/a.ts': `export * from './c.ts'; const load = () => import('./d.ts')`,
      'src/c.ts': `import './index.ts'; import 'openai'`,
    }
    const loaded = loadedWith('src/index.ts', (path) => parseSource(path, codes[path] ?? ''))
    expect(loaded.map((file) => file.path)).toEqual(['src/index.ts', 'src/a.ts', 'src/c.ts'])
  })

  it('find circles of values and of types', () => {
    const sources = [
      parseSource('src/a.ts', `import './b.ts'`),
      parseSource('src/b.ts', `import { c } from './deep/c.ts'; import './d.ts'`),
      parseSource('src/deep/c.ts', `import type { A } from '../a.ts'`),
      parseSource('src/d.ts', `export {}`),
      parseSource('src/e.ts', `import type { E } from './e.ts'; import './a.ts'`),
    ]
    expect(circlesIn(sources)).toEqual([['src/a.ts', 'src/b.ts', 'src/deep/c.ts'], ['src/e.ts']])
    expect(circlesIn(sources.slice(1, 4))).toEqual([])
  })

  it('find `any` in types, and not in words', () => {
    const code = `// any\nconst any = 'any'\nexport function f(x: Promise<any>): void {}`
    expect(parseSource('src/x.ts', code).anys).toEqual([3])
  })
})
