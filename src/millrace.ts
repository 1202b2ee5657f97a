import type { ChannelLayer } from './channels/layer.ts'
import { type OptionNames, checkOptions } from './protocol/known-options.ts'
import { memoryChannels } from './channels/memory/layer.ts'
import { STREAMING_OPTIONS, Streaming, type StreamingOptions } from './endpoints/streaming.ts'
import type { Logger } from './logging/logger.ts'
import { type KeptParts, keptParts } from './kept-parts.ts'
import { defaultLogger } from './logging/pino.ts'
import { mounted } from './routing/mounted.ts'
import type { Route } from './routing/route.ts'
import { type ServedChat, chatsServed } from './routing/served-chat.ts'
import type { AppRuns } from './runs/app-runs.ts'
import type { RunDefinitions } from './runs/definition.ts'
import { Application } from './server/application.ts'
import { APPLICATION_OPTIONS, type ApplicationOptions } from './server/application-options.ts'

/** `ApplicationOptions`, with what this preset chooses left open, and those of `streaming`. */
export interface MillraceOptions<Runs extends RunDefinitions = RunDefinitions>
  extends
    Omit<ApplicationOptions, 'channels' | 'logger' | 'routes'>,
    Omit<StreamingOptions, 'store' | 'runs' | 'logger'> {
  /** Where streams and runs are kept: `sqlite('./data.db')`, `memory()`, or `redis(url)` of `millrace/redis`. */
  readonly store?: StreamingOptions['store']
  /** The runs that clients and programs start, by name: `{ answer: run({ … }) }`. Needs a `store`. */
  readonly runs?: Runs
  /**
   * Where clients reach streams and runs: the stream socket at `{path}/socket`, plain HTTP at `{path}/streams`.
   * It comes before all of `routes`, and has the application's `authenticate` and `origins`. Default `/millrace`;
   * `false` serves it nowhere. For other places or guards see `streaming`.
   */
  readonly path?: string | false
  /** What is served where; `chat(path, …)` of `millrace/ai-sdk` needs a `store`, or `streams` with its chats. */
  readonly routes?: readonly (Route | ServedChat)[]
  /**
   * Tells this application from others of its process on the same store. A module that is evaluated again, as
   * frameworks do after an edit, makes the same application: by this name and the address of its store. One with a
   * `memory()` store is the same by its name alone.
   */
  readonly name?: string
  /** The channel layer; one inside this process by default. */
  readonly channels?: ApplicationOptions['channels']
  /** A pino logger or any object of its shape; JSON lines on standard output by default. */
  readonly logger?: Logger
}

/** An application that knows the types of its runs: `connect<typeof app>('/')` has them in the browser. */
export interface App<Runs extends RunDefinitions = RunDefinitions> extends Application {
  /** For the compiler alone: no application has this property. Mapped, as that of `AppRuns` is. */
  readonly '~runs'?: { readonly [Kind in keyof Runs]: Runs[Kind] }
  /**
   * Starts, stops and finds runs: `app.runs.start({ kind: 'answer', input: { prompt } })`, typed by the application's
   * own.
   *
   * @throws {Error} for an application without streams.
   */
  readonly runs: AppRuns<Runs>
}

const OPTIONS: OptionNames<MillraceOptions> = {
  ...STREAMING_OPTIONS,
  ...APPLICATION_OPTIONS,
  name: true,
  path: true,
}

/**
 * Makes an application: `export default millrace({ store: sqlite('./data.db'), runs: { answer } })`.
 * Nothing listens until `millrace serve` or `listen()` does.
 *
 * @throws {TypeError} for an option that does not exist, options that exclude each other, and a malformed path.
 */
export function millrace<const Runs extends RunDefinitions = Record<never, never>>(
  options: MillraceOptions<Runs> = {},
): App<Runs> {
  checkOptions('millrace()', options, OPTIONS)
  const { logger = defaultLogger(), routes = [], path, name: _name, ...rest } = options
  const parts = partsOf(options, logger)
  const own = parts?.streams
  const streams = own ?? options.streams
  const channels = parts?.channels ?? channelsOf(options, logger)
  const served = routes.flatMap((route) => (route.kind === 'chat' ? mountedChat(route, streams) : [route]))
  const app = new Application({
    ...rest,
    routes: own ? [...mounted(path, own), ...served] : served,
    ...(streams && { streams }),
    channels,
    logger,
  })
  // These are its runs; the compiler alone knows more of them.
  return app as App<Runs>
}

/** @throws {TypeError} for an application without a store. */
function mountedChat({ mount }: ServedChat, streams: Streaming | undefined): readonly Route[] {
  if (streams) return mount(streams)
  throw new TypeError("chat(…) needs a store: add store: sqlite('./data.db')")
}

function channelsOf({ channels }: MillraceOptions, logger: Logger): ChannelLayer {
  return channels ?? memoryChannels({ logger })
}

/**
 * Without a store these would do nothing, and `mayStart` keeps people out.
 *
 * @throws {TypeError} naming the first.
 */
function refuseStreamOptions(options: MillraceOptions): void {
  const { store: _store, logger: _logger, ...ofStreams } = STREAMING_OPTIONS
  for (const name of Object.keys({ ...ofStreams, path: true }) as (keyof MillraceOptions)[]) {
    if (options[name] === undefined) continue
    throw new TypeError(
      options.streams && name !== 'path'
        ? `millrace({ streams, ${name} }): streams have their own; write streaming({ store, ${name} })`
        : `millrace({ ${name} }) needs a store: add store: sqlite('./data.db')`,
    )
  }
}

/** What the application itself makes of `store`, or made when it was evaluated before; undefined without one. */
function partsOf(whole: MillraceOptions, logger: Logger): KeptParts | undefined {
  const { store, runs, streams, path: _path, routes = [], name, ...options } = whole
  if (!store) {
    refuseStreamOptions(whole)
    return undefined
  }
  if (streams)
    throw new TypeError(
      'millrace({ store, streams }): give one of them, as streams have a store of their own',
    )
  const chats = chatsServed(
    options.chats,
    routes.filter((route) => route.kind === 'chat'),
  )
  const ofStreams = { ...options, store, logger, ...(runs && { runs }), ...(chats && { chats }) }
  return keptParts(
    { name, store },
    () => ({ streams: new Streaming(ofStreams), channels: channelsOf(whole, logger) }),
    (kept) => {
      const differences = kept.streams.redefine(ofStreams)
      if (!reachSame(kept.channels, channelsOf(whole, logger))) differences.push('channels')
      if (differences.length > 0)
        logger.warn({}, `options were changed that need a restart: ${differences.join(', ')}`)
    },
  )
}

/** A layer that says no address is like any other that says none. */
function reachSame(one: ChannelLayer, other: ChannelLayer): boolean {
  return one.address === other.address && one.expiry === other.expiry && one.groupExpiry === other.groupExpiry
}
