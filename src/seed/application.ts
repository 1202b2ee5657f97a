/** What `millrace serve` serves when it is given no application: the seed's whole system. */
import { memoryChannels } from '../channels/memory.ts'
import type { Logger } from '../logging/logger.ts'
import { answerOutcome, answerText } from '../providers/answer.ts'
import { loadOpenAI, openai } from '../providers/openai.ts'
import { type Environment, type OpenAISettings, openAISettings } from '../providers/openai-settings.ts'
import type { Provider } from '../providers/provider.ts'
import { http, websocket } from '../routing/route.ts'
import { Application } from '../server/application.ts'
import { pages } from './pages.ts'
import { type Answer, type Piece, seedConsumer } from './seed-consumer.ts'

export interface SeedOptions {
  readonly logger: Logger
  /** Where `OPENAI_API_KEY`, `OPENAI_BASE_URL` and `OPENAI_MODEL` are looked up. */
  readonly environment: Environment
}

/**
 * The page at `/` and the consumer at `/ws/openai/`. With a key or an address of a compatible
 * service in the environment, prompts go to its Responses API; otherwise the numbers answer.
 *
 * @throws {InvalidSetting} for a setting that cannot work.
 */
export function createSeedApplication({ logger, environment }: SeedOptions): Application {
  const settings = openAISettings(environment)
  if (settings) {
    loadOpenAI().catch((error: unknown) => logger.error({ err: error }, 'prompts cannot be answered'))
  }
  return new Application({
    routes: [
      websocket('/ws/openai/', seedConsumer(settings && answerWith(settings))),
      http('/*path', pages()),
    ],
    channels: memoryChannels(),
    logger,
  })
}

/** Text of the model's answer to each prompt. */
function answerWith(settings: OpenAISettings): Answer {
  return (prompt): Provider<Piece> =>
    async function* (context) {
      for await (const event of openai({ ...settings, input: prompt })(context)) {
        const delta = answerText(event)
        if (delta !== undefined) yield { delta }
        const outcome = answerOutcome(event)
        // What there is of the answer stands; the reader should know why there is no more.
        if (outcome?.status === 'incomplete') yield { delta: `\n\n[${outcome.sentence}]` }
      }
    }
}
