/** The layers of src/ and web/, and who may import whom; ARCHITECTURE.md draws them. */
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import type { Import, SourceFile } from './source-file.ts'

const ground = ['protocol', 'logging', 'time']
const sources = [...ground, 'streams', 'channels', 'providers']
const generations = [...sources, 'runs', 'delivery']
const edges = [...generations, 'conversation', 'chats', 'consumers', 'endpoints']
const serving = [...edges, 'routing', 'server']

/**
 * Folder of src/ -> the other folders it may import. 'application' stands for the files that lie in src/
 * itself (index.ts, millrace.ts), 'web' for the pages in web/src.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  logging: [],
  time: [],
  redis: ground,
  streams: [...ground, 'redis'],
  channels: [...ground, 'redis'],
  providers: ground,
  runs: sources,
  delivery: sources,
  conversation: ['protocol'],
  chats: [...generations, 'conversation'],
  consumers: [...generations, 'conversation', 'chats'],
  adapters: [...ground, 'streams', 'runs'],
  // The stream socket is a consumer.
  endpoints: [...generations, 'conversation', 'chats', 'consumers'],
  routing: edges,
  server: [...edges, 'routing'],
  application: serving,
  demo: [...serving, 'application'],
  cli: [...serving, 'application', 'demo', 'client'],
  testing: serving,
  conformance: [...serving, 'testing'],
  client: ['protocol', 'conversation'],
  react: ['protocol', 'conversation', 'client'],
  web: ['protocol', 'conversation', 'client', 'react'],
}

/** These run in browsers, or are imported by what does. */
const withoutNode = ['protocol', 'conversation', 'client', 'react', 'web']

/**
 * Where each third-party package is imported, one place a role: a folder, or a single file, whose neighbours
 * may name the package's types. A package that is not here has no role yet: say where it belongs first.
 */
const places: Readonly<Record<string, readonly string[]>> = {
  '@ai-sdk/react': ['src/react/chat/'],
  '@hono/node-server': ['src/server/', 'src/demo/'],
  '@msgpack/msgpack': ['src/channels/redis/codec/msgpack-format.ts'],
  '@standard-schema/spec': ['src/consumers/', 'src/endpoints/chat/', 'src/runs/', 'src/demo/'],
  // The client and the conversation name its types alone.
  ai: [
    'src/endpoints/chat/',
    'src/providers/ai-sdk/',
    'src/demo/',
    'src/client/chat/chat-transport.ts',
    'src/react/chat/',
    'web/src/chat/',
    'src/conversation/message-chunks.ts',
  ],
  commander: ['src/cli/'],
  cookie: ['src/server/request/request-scope.ts'],
  hono: ['src/server/', 'src/routing/', 'src/demo/'],
  marked: ['web/src/chat/markdown/'],
  openai: ['src/providers/openai/openai.ts'],
  pino: ['src/logging/pino.ts'],
  'pino-pretty': ['src/logging/pretty.ts'],
  redis: ['src/redis/'],
  react: ['src/react/', 'web/src/'],
  'react-dom': ['web/src/'],
  'sugar-high': ['web/src/chat/markdown/'],
  ws: ['src/server/'],
}

/** Where implementations of the interfaces in streams/ and channels/ may be chosen. */
const wiring = [
  'src/index.ts',
  'src/redis.ts',
  'src/store.ts',
  'src/channels.ts',
  'src/millrace.ts',
  'src/cli/',
  'src/demo/application.ts',
  'src/testing/websocket-communicator.ts',
]
const implementation = /^src\/(streams|channels)\/(memory|sqlite|redis)\b/

/** What is loaded with an entry, the entry included; `read` gives the file at a path. */
export function loadedWith(entry: string, read: (path: string) => SourceFile): SourceFile[] {
  const loaded = new Map<string, SourceFile>()
  const visit = (path: string): void => {
    if (loaded.has(path)) return
    const file = read(path)
    loaded.set(path, file)
    for (const { specifier, kind } of file.imports) {
      if (kind === 'eager' && specifier.startsWith('.')) visit(posix.join(posix.dirname(path), specifier))
    }
  }
  visit(entry)
  return [...loaded.values()]
}

/** A sentence for every import of the file that crosses a layer the wrong way: which, where, and why. */
export function breaches(file: SourceFile): string[] {
  return file.imports.flatMap((one) => {
    const why = objection(file.path, one)
    return why ? [`${file.path}:${one.line} imports '${one.specifier}': ${why}`] : []
  })
}

function objection(path: string, { specifier, kind }: Import): string | undefined {
  const layer = layerOf(path)
  if (!layer || !mayImport[layer])
    return `${path} is in no known layer; add its folder to test/support/layers.ts`
  if (specifier.startsWith('.')) return relativeObjection(path, layer, specifier)
  if (specifier.startsWith('node:')) {
    return withoutNode.includes(layer) ? `${layer} runs in browsers, where there is no node:` : undefined
  }
  return packageObjection(path, specifier, kind)
}

function relativeObjection(path: string, layer: string, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(path), specifier)
  const targetLayer = layerOf(target)
  if (!targetLayer) return `${target} is outside src/ and web/src/`
  const allowed = mayImport[layer] ?? []
  if (targetLayer !== layer && !allowed.includes(targetLayer)) {
    return allowed.length > 0
      ? `${layer} may import ${allowed.join(', ')}, not ${targetLayer}`
      : `${layer} imports no other folder`
  }
  const isWiring = wiring.some((place) => path.startsWith(place))
  if (implementation.test(target) && targetLayer !== layer && !isWiring) {
    return `${layer} imports interfaces; implementations are chosen in ${wiring.join(', ')}`
  }
  return undefined
}

function packageObjection(path: string, specifier: string, kind: Import['kind']): string | undefined {
  const name = packageOf(specifier)
  if (name === 'millrace') return 'inside src/ the package is imported by relative path'
  if (builtinModules.includes(name)) return `Node's own modules are imported as 'node:${name}'`
  const allowed = places[name]
  if (!allowed) return `${name} has no place in the table of test/support/layers.ts`
  const reach = kind === 'type' ? allowed.map(folderOf) : allowed
  if (!reach.some((place) => path.startsWith(place)))
    return `${name} is imported in ${allowed.join(', ')} alone`
  return undefined
}

/** 'src/providers/openai/openai.ts' -> 'src/providers/openai/'; a folder stays itself. */
function folderOf(place: string): string {
  return place.slice(0, place.lastIndexOf('/') + 1)
}

/** 'openai/core/streaming' -> 'openai'. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

function layerOf(path: string): string | undefined {
  if (path.startsWith('web/src/')) return 'web'
  const [root, folder, ...rest] = path.split('/')
  if (root !== 'src' || !folder) return undefined
  return rest.length > 0 ? folder : 'application'
}
