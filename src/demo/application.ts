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
import { type ModelOptions, wantsBackground } from './model-answer.ts'
import type { DemoModel } from './models/demo-model.ts'
import { modelRoute } from './models/model-route.ts'
import { openAIModel } from './models/openai-model.ts'
import { pages } from './pages.ts'
import { demoConsumer } from './demo-consumer.ts'
import { demoRuns } from './demo-runs.ts'

export interface DemoOptions {
  readonly logger: Logger
  /** Where `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_MODEL` and `OPENAI_BACKGROUND` are looked up. */
  readonly environment: OpenAIEnvironment
  /** Answers in place of the service that the environment names. */
  readonly model?: DemoModel | undefined
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
 * The page at `/` with its durable runs below `/millrace`, the tutorial's own consumer at `/ws/openai/`, and the page
 * `/chat` with its chats at `/api/chat`, which any `useChat` can use, too. `/api/model` says what answers. With a key or an
 * address of a compatible service in the environment, prompts go to its
 * Responses API; otherwise the numbers answer, and in the chat a script.
 *
 * @throws {InvalidSettingError} if a setting cannot work.
 */
export function createDemoApplication({
  logger,
  environment,
  model: given,
  store = memory(),
  channels = memoryChannels(),
  durableStreams: isDurable = false,
  allowAnonymous = false,
  writeLimits: writes = {},
  longPollTimeout,
  patience: { startTimeout, stallTimeout, ...limits } = {},
  chat,
}: DemoOptions): Application {
  const model = given ?? modelOf(environment, { startTimeout, stallTimeout })
  if (model && !given)
    loadOpenAI().catch((error: unknown) => logger.error({ err: error }, 'prompts cannot be answered'))
  const runs = demoRuns(model)
  const served = chat?.(model)
  const streams: Streaming = streaming({
    store,
    logger,
    runs,
    limits,
    // Whoever wants to be another guest is one, so guests count as what they come from, too.
    mayStart: ({ owner, scope }) => {
      if (owner !== undefined) streams.gate.count({ scope })
      return true
    },
    ...(served && { chats: served.chats }),
  })
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
        demoConsumer(model?.answer, demoNumbers, (scope) => admit(streams, scope)),
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
      modelRoute(model),
      http('/*path', pages({ hasChat: served !== undefined })),
    ],
    channels,
    streams,
    logger,
  })
}

/** The service that the environment names, if it names one. */
function modelOf(
  environment: OpenAIEnvironment,
  timeouts: Pick<ModelOptions, 'startTimeout' | 'stallTimeout'>,
): DemoModel | undefined {
  const background = wantsBackground(environment)
  const service = openAISettings(environment)
  return service && openAIModel({ ...service, ...timeouts, background })
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
