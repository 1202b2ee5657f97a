/**
 * What the signatures of the public entries name can be imported from a public entry, or is inferred where it is
 * used. The declarations are made anew: those in dist/ may be old.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

/** One top-level declaration of a file. */
interface Declaration {
  readonly text: string
  /** Words that may name types of the same file, or imported ones. */
  readonly words: ReadonlySet<string>
}

interface Module {
  readonly declarations: ReadonlyMap<string, Declaration>
  /** Local name -> where it comes from. */
  readonly imports: ReadonlyMap<string, { readonly from: string; readonly name: string }>
  readonly exports: ReadonlyMap<string, { readonly from: string; readonly name: string }>
}

let folder: string
const modules = new Map<string, Module>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-types-'))
  const options = ['--emitDeclarationOnly', '--declaration', '--declarationMap', 'false', '--noEmit', 'false']
  await new Promise((done) => {
    execFile(
      'tsc',
      ['-p', 'tsconfig.build.json', ...options, '--incremental', 'false', '--outDir', folder],
      done,
    )
  })
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

it('every type that a public signature names is public', () => {
  const entries = entryFiles().map((path) => join(folder, path))
  const known = new Set<string>()
  const waiting: [path: string, name: string][] = []
  for (const entry of entries) {
    for (const [, { from, name }] of moduleAt(entry).exports) {
      const found = origin(from, name)
      known.add(found.join('#'))
      waiting.push(found)
    }
  }
  expect(known.size).toBeGreaterThan(100)
  const hidden = new Set<string>()
  const spared = new Set<string>()
  for (const [path, name] of waiting) {
    const { declarations, imports } = moduleAt(path)
    const declaration = declarations.get(name)
    if (!declaration) throw new Error(`${name} is not declared in ${path}`)
    for (const word of declaration.words) {
      const imported = imports.get(word)
      if (!imported && !declarations.has(word)) continue
      const found = imported ? origin(imported.from, imported.name) : ([path, word] as const)
      if (known.has(found.join('#')) || found[0] === '') continue
      if (found[1] in INTERNAL || INFERRED.has(found[1])) {
        spared.add(found[1])
        continue
      }
      hidden.add(`${name} (${relative(folder, path)}) names ${found[1]} (${relative(folder, found[0])})`)
    }
  }
  expect([...hidden].sort()).toEqual([])
  expect([...Object.keys(INTERNAL), ...INFERRED].filter((name) => !spared.has(name))).toEqual([])
})

/** Types of options and of members: an application writes their values, and reads them, without their names. */
const INFERRED: ReadonlySet<string> = new Set([
  'AcceptOptions',
  'AppRuns',
  'ApplicationOptions',
  'Authorization',
  'BackgroundTask',
  'ChangeableLimits',
  'ChannelConsumerClass',
  'ClientAddress',
  'ConnectionOptions',
  'Delivery',
  'DurableStreamsOptions',
  'ErrorBody',
  'ErrorCode',
  'HttpStreamsOptions',
  'HttpTarget',
  'Params',
  'ParamsOf',
  'PathRoute',
  'RunDefinitions',
  'RunErrorCode',
  'NewAttempt',
  'RunLimits',
  'RunList',
  'RunListOptions',
  'RunOptions',
  'RunsOptions',
  'ScriptedOptions',
  'SocketAccess',
  'StartCommand',
  'StartGate',
  'StartLimits',
  'StreamAttempt',
  'StreamServices',
  'StreamSocketOptions',
  'WebSocketOptions',
  'WorkOptions',
])

/** Names that nobody outside needs, each with its reason. */
const INTERNAL: Readonly<Record<string, string>> = {
  ConsumerConnection: 'opaque: what a consumer is given to hand to its base class',
  AnyConsumerClass: 'every ConsumerClass is one',
  HttpDispatcher: 'a member of Application for the server',
  RequestScope: 'a member of Application for the server',
  ConsumerSession: 'a member of Application for the server',
  Transport: 'a member of Application for the server',
  AuthenticateResult: 'what Authenticate returns, and nobody takes',
  Pattern: 'a member of routes for the search',
  RunsOf: 'computes ClientRuns',
  ClientRunOf: 'computes ClientRuns',
  NEEDS: 'marks a route for the compiler',
  Missing: 'computes what a route lacks, for the message of the compiler',
  Unwritten: 'computes Wire',
  WireList: 'computes Wire',
  WireObject: 'computes Wire',
  RemoteReader: 'the constructor of RemoteStream is not for others: connect() makes them',
}

function entryFiles(): string[] {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, string | { readonly types: string }>
  }
  return Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [] : [target.types.replace('./dist/', '')],
  )
}

/** Follows re-exports and imports to where a name is declared; an empty path for another package's. */
function origin(path: string, name: string): [path: string, name: string] {
  if (path === '') return ['', name]
  const { declarations, imports, exports } = moduleAt(path)
  if (declarations.has(name)) return [path, name]
  const next = exports.get(name) ?? imports.get(name)
  if (!next) throw new Error(`${path} does not know ${name}`)
  return origin(next.from, next.name)
}

function moduleAt(path: string): Module {
  let known = modules.get(path)
  if (!known) modules.set(path, (known = parse(path, readFileSync(path, 'utf8'))))
  return known
}

function parse(path: string, source: string): Module {
  // What a comment or a text says names nothing; private members neither.
  const text = source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  const imports = new Map<string, { from: string; name: string }>()
  const exports = new Map<string, { from: string; name: string }>()
  const target = (specifier: string): string =>
    specifier.startsWith('.') ? resolve(dirname(path), specifier.replace(/\.[jt]s$/, '.d.ts')) : ''
  for (const [, kind, names = '', specifier = ''] of text.matchAll(
    /^(import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from\s+['"](.*?)['"]/gm,
  )) {
    for (const part of names.split(',')) {
      const [name = '', alias = name] = part
        .trim()
        .replace(/^type /, '')
        .split(' as ')
      if (name) (kind === 'import' ? imports : exports).set(alias, { from: target(specifier), name })
    }
  }
  for (const [, name = '', specifier = ''] of text.matchAll(/^import (?:type )?(\w+) from ['"](.*?)['"]/gm)) {
    imports.set(name, { from: target(specifier), name: 'default' })
  }
  const declarations = new Map<string, Declaration>()
  const bodies = text.split(/^(?=(?:export |declare |interface |type |class |function |const ))/m)
  for (const body of bodies) {
    const name =
      /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const|let|enum) (\w+)/.exec(
        body,
      )?.[1]
    if (name === undefined) continue
    const named = (declarations.get(name)?.text ?? '') + body
    declarations.set(name, { text: named, words: wordsOf(named, name) })
    if (body.startsWith('export ')) exports.set(name, { from: path, name })
  }
  return { declarations, imports, exports }
}

/**
 * Words that may name types. A member of a type (`EndFrame['status']`) and the type of a value are shown as
 * what they are; names of properties and of parameters are small.
 */
function wordsOf(text: string, own: string): ReadonlySet<string> {
  const plain = text
    .replaceAll(/\b\w+(?=\['\w+'\])/g, '')
    .replaceAll(/\btypeof \w+/g, '')
    .replaceAll(/'[^'\n]*'|"[^"\n]*"/g, '')
    .replaceAll(/^\s*private .*$/gm, '')
  const words = new Set(plain.match(/\b[A-Z]\w*\b/g) ?? [])
  words.delete(own)
  return words
}
