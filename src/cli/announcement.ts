/** What is told of a server that has come up. */
import { existsSync } from 'node:fs'
import { openAISettings } from '../providers/openai/settings.ts'
import type { Application } from '../server/application.ts'
import { pathOfStore } from '../streams/open-store.ts'
import type { Durability } from '../streams/stream.ts'
import type { Listening } from './listen.ts'
import type { Output } from './output.ts'
import { PACKAGE } from './package.ts'
import { isVariableRead } from '../protocol/read-variables.ts'
import type { Environment, Flags } from './options/read-options.ts'
import { flagOf, variableOf } from './options/option.ts'
import { LAYER_OPTION, STORE_OPTION } from './options/stores.ts'
import { SERVE_DEFAULTS, type ServeSettings } from './options/serve.ts'

/** What the server itself knows; JSON, because a worker tells it to another process. */
export interface Announcement {
  readonly url: string
  readonly port: number
  /** Undefined without streams. */
  readonly durability?: Durability
  /** Whether whoever reaches this machine can use the application. */
  readonly isOpen: boolean
  /** Whether its channel layer ends with its process. */
  readonly isLocal: boolean
  /** Whether it is the demo with its chat. */
  readonly hasChat: boolean
  /** Whether the application opens its store, and its channel layer, where the command line says. */
  readonly follows: { readonly store: boolean; readonly channelLayer: boolean }
}

/** What was asked for, and where it is to be told. */
export interface ServeContext extends Output {
  readonly file: string | undefined
  readonly settings: ServeSettings
  readonly flags: Flags
  readonly environment: Environment
}

export function announcementOf(application: Application, { running, isOpen }: Listening): Announcement {
  const durability = durabilityOf(application)
  return {
    url: running.url,
    port: running.port,
    ...(durability !== undefined && { durability }),
    isOpen,
    isLocal: isLayerLocal(application),
    hasChat: servesDemoChat(application),
    follows: {
      store: isVariableRead(variableOf(STORE_OPTION)),
      channelLayer: isVariableRead(variableOf(LAYER_OPTION)),
    },
  }
}

export function announce(
  { url, durability, isOpen, isLocal, hasChat, follows }: Announcement,
  context: ServeContext,
): void {
  const { file, settings, flags, format, logger, say } = context
  const { workers } = settings
  const processes =
    workers === undefined ? '' : ` with ${workers === 1 ? 'one worker' : `${workers} workers`}`
  const what = `is serving ${file ?? 'its demo'}${processes}`
  say(`Millrace ${PACKAGE.version} ${what} on ${addressOf(url, settings)}`)
  if (file === undefined && hasChat) say(`Its chat is on ${url}${settings.rootPath ?? ''}/chat`)
  if (durability !== undefined) say(`${streamsOf(file, settings)} ${SURVIVES[durability]}.`)
  if (format === 'pretty') for (const hint of hintsFor(context)) say(hint)
  if (isOpen) logger.warn({}, 'no authentication: whoever reaches this machine can use the application')
  if (file !== undefined) {
    if (flags[flagOf(STORE_OPTION)] !== undefined && !follows.store)
      logger.warn(
        {},
        `--store changes nothing: ${file} opens a store of its own; storeFromEnvironment() follows it`,
      )
    if (flags[flagOf(LAYER_OPTION)] !== undefined && !follows.channelLayer)
      logger.warn(
        {},
        `--channel-layer changes nothing: ${file} does not say channels: layerFromEnvironment()`,
      )
  }
  // The demo has no groups.
  if (isLocal && file !== undefined && workers !== undefined && workers > 1) logger.warn({}, LOCAL_LAYER)
}

const LOCAL_LAYER =
  'the channel layer is inside each worker: groups, channels and sign-outs do not reach the others; ' +
  'channels: layerFromEnvironment() in the application and --channel-layer redis://… share one'

/** Follows what `streamsOf` says. */
const SURVIVES: Readonly<Record<Durability, string>> = {
  none: 'end with this process',
  // What a crash of Redis costs, only Redis knows; its store says so once it has asked.
  process: 'outlive this process',
  power: 'survive a loss of power',
}

/** Undefined without streams, and for an application of another Millrace that does not tell. */
export function durabilityOf(application: Application): Durability | undefined {
  const options = application.options as Application['options'] | undefined
  return options?.streams?.store.durability
}

export function isLayerLocal(application: Application): boolean {
  const channels = application.channels as Application['channels'] | undefined
  return channels?.isLocal === true
}

function streamsOf(file: string | undefined, { store = SERVE_DEFAULTS.store }: ServeSettings): string {
  if (file !== undefined) return `The streams of ${file}`
  return `Streams are kept in ${placeOf(store)}, and`
}

/** For people and logs: without who, or a password. */
function placeOf(store: string): string {
  const url = /^rediss?:/i.test(store) ? URL.parse(store) : null
  return url ? `Redis at ${url.host}${url.pathname}` : (pathOfStore(store) ?? 'memory')
}

/** Whether the demo serves its chat, for which a package has to be installed. */
function servesDemoChat(application: Application): boolean {
  const { routes = [] } = (application.options as Application['options'] | undefined) ?? {}
  return routes.some((route) => route.kind === 'http' && route.pattern.source === '/api/chat')
}

function addressOf(url: string, { rootPath = '', host }: ServeSettings): string {
  const everywhere = host === '0.0.0.0' || host === '::'
  const path = rootPath === '' ? '' : `${rootPath}/`
  return `${url}${path}${everywhere ? ', and on every address of this machine' : ''}`
}

function* hintsFor({ file, settings: { model }, environment }: ServeContext): Generator<string> {
  if (file === undefined) {
    if (model !== undefined) yield `${model} answers.`
    else if (!openAISettings(environment))
      yield 'Scripted numbers answer; set OPENAI_API_KEY for a model that does, or --model anthropic/claude-haiku-5-5.'
    const own = ['app.ts', 'app.js'].find((name) => existsSync(name))
    if (own !== undefined) yield `To serve the ${own} of this folder: millrace serve ${own}`
  }
  yield 'Ctrl-C stops it.'
}
