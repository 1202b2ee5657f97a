/** The demo: what `millrace serve` serves without an application. It is the tutorial's whole system. */
import type { ChannelLayer } from '../channels/layer.ts'
import { memoryChannels } from '../channels/memory/layer.ts'
import type { Scope } from '../consumers/scope.ts'
import { type Streaming, streaming } from '../endpoints/streaming.ts'
import type { Logger } from '../logging/logger.ts'
import { loadOpenAI } from '../providers/openai/openai.ts'
import { type OpenAIEnvironment, openAISettings } from '../providers/openai/settings.ts'
import { demoNumbers } from '../providers/scripted.ts'
import { http, websocket } from '../routing/route.ts'
import type { WriteLimits } from '../endpoints/http/writes/allowances.ts'
import { durableStreams, httpStreams, streamSocket } from '../routing/stream-routes.ts'
import { Application } from '../server/application.ts'
import { memory } from '../streams/memory/store.ts'
import type { StreamStore } from '../streams/store.ts'
import type { DemoChat } from './load-demo-chat.ts'
import { type ModelOptions, modelAnswer, wantsBackground } from './model-answer.ts'
import { pages } from './pages.ts'
import { demoConsumer } from './demo-consumer.ts'
import { demoRuns } from './demo-runs.ts'

export interface DemoOptions {
  readonly logger: Logger
  /** Where `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_MODEL` and `OPENAI_BACKGROUND` are looked up. */
  readonly environment: OpenAIEnvironment
  /** Keeps the runs of the page; the application closes it. Default: the memory of this process. */
  readonly store?: StreamStore
  /** Default: one inside this process. The tutorial needs no more. */
  readonly channels?: ChannelLayer
  /** Whether the Durable Streams protocol is served, at `/v1/stream`. Default: false. */
  readonly durableStreams?: boolean
  /** Whether clients of other machines may write to the streams, without authentication. Default: false. */
  readonly allowAnonymous?: boolean
  /** How much those clients may write. */
  readonly writeLimits?: Partial<WriteLimits>
  /** Seconds that a long poll waits. */
  readonly longPollTimeout?: number
  /** How long to wait for the model service. */
  readonly patience?: Patience
  /** Makes the chat at `/api/chat`. Default: none is served. */
  readonly chat?: DemoChat | undefined
}

/** Each in seconds, with the meaning and the default of the provider's options and of the limits of runs. */
export interface Patience extends Pick<ModelOptions, 'startTimeout' | 'stallTimeout'> {
  readonly silence?: number
  readonly thinking?: number
}

/**
 * The page at `/` with its durable runs below `/millrace`, the tutorial's own consumer at `/ws/openai/`, and a chat for
 * `useChat` at `/api/chat`. With a key or an address of a compatible service in the environment, prompts go to its
 * Responses API; otherwise the numbers answer, and in the chat a script.
 *
 * @throws {InvalidSettingError} if a setting cannot work.
 */
export function createDemoApplication({
  logger,
  environment,
  store = memory(),
  channels = memoryChannels(),
  durableStreams: isDurable = false,
  allowAnonymous = false,
  writeLimits: writes = {},
  longPollTimeout,
  patience: { startTimeout, stallTimeout, ...limits } = {},
  chat,
}: DemoOptions): Application {
  const service = openAISettings(environment)
  const settings = service && { ...service, startTimeout, stallTimeout }
  const background = wantsBackground(environment)
  if (settings) {
    loadOpenAI().catch((error: unknown) => logger.error({ err: error }, 'prompts cannot be answered'))
  }
  const runs = demoRuns(settings && { ...settings, background })
  const served = chat?.(settings)
  const streams = streaming({ store, logger, runs, limits, ...(served && { chats: served.chats }) })
  const answer = settings && ((prompt: string) => modelAnswer(settings, prompt))
  const polls = longPollTimeout === undefined ? {} : { longPollTimeout }
  const endpoint = {
    ...streams.services,
    ...polls,
    logger,
    start: streams.start,
  }
  return new Application({
    routes: [
      websocket(
        '/ws/openai/',
        demoConsumer(answer, demoNumbers, (scope) => admit(streams, scope)),
      ),
      streamSocket('/millrace/socket', endpoint),
      httpStreams('/millrace/streams', endpoint),
      ...(isDurable
        ? [
            durableStreams('/v1/stream', {
              ...streams.services,
              ...polls,
              allowAnonymous,
              limits: writes,
              logger,
            }),
          ]
        : []),
      ...(served ? served.mount(streams) : []),
      http('/*path', pages()),
    ],
    channels,
    streams,
    logger,
  })
}

/** Counts an answer on the tutorial's own socket. It is not a run, but costs as much. */
function admit({ gate, runs }: Streaming, scope: Scope<unknown>): () => void {
  gate.count({ scope })
  const leave = gate.enter({ scope })
  try {
    const free = runs.reserve()
    return () => {
      free()
      leave()
    }
  } catch (error) {
    leave()
    throw error
  }
}
