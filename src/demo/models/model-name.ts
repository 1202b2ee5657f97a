/** Names of models, as gateways spell them: `anthropic/claude-haiku-5-5`. */
import { nearest } from '../../protocol/nearest.ts'

/** Where a provider's models come from. */
export interface KnownProvider {
  /** Its npm package. */
  readonly package: string
  /** The export of the package that makes models. */
  readonly factory: string
  /** The variable of its key, as the package itself reads it. */
  readonly key?: string
  /** A service that speaks OpenAI's Chat Completions, and needs an address in place of a package of its own. */
  readonly baseURL?: { readonly variable: string; readonly usual?: string }
}

export const PROVIDERS: Readonly<Record<string, KnownProvider>> = {
  anthropic: own('anthropic', 'ANTHROPIC_API_KEY'),
  cerebras: own('cerebras', 'CEREBRAS_API_KEY'),
  cohere: own('cohere', 'COHERE_API_KEY'),
  deepseek: own('deepseek', 'DEEPSEEK_API_KEY'),
  fireworks: own('fireworks', 'FIREWORKS_API_KEY'),
  gateway: { package: 'ai', factory: 'gateway', key: 'AI_GATEWAY_API_KEY' },
  google: own('google', 'GOOGLE_GENERATIVE_AI_API_KEY'),
  groq: own('groq', 'GROQ_API_KEY'),
  mistral: own('mistral', 'MISTRAL_API_KEY'),
  ollama: compatible({ variable: 'OLLAMA_BASE_URL', usual: 'http://127.0.0.1:11434/v1' }),
  'openai-compatible': compatible({ variable: 'OPENAI_BASE_URL' }),
  openrouter: { package: '@openrouter/ai-sdk-provider', factory: 'openrouter', key: 'OPENROUTER_API_KEY' },
  perplexity: own('perplexity', 'PERPLEXITY_API_KEY'),
  togetherai: own('togetherai', 'TOGETHER_API_KEY'),
  xai: own('xai', 'XAI_API_KEY'),
}

function own(name: string, key: string): KnownProvider {
  return { package: `@ai-sdk/${name}`, factory: name, key }
}

function compatible(baseURL: NonNullable<KnownProvider['baseURL']>): KnownProvider {
  return { package: '@ai-sdk/openai-compatible', factory: 'createOpenAICompatible', baseURL }
}

/** The provider whose models need no package beside `openai`. */
export const OPENAI = 'openai'

export interface ModelName {
  readonly provider: string
  /** What the provider calls the model; may contain slashes and colons. */
  readonly model: string
}

/**
 * Reads `provider/model`. `provider:model`, as registries of the AI SDK spell it, is the same.
 *
 * @throws {RangeError} that goes on from "<name> is <text>; ", if it has no provider, or an unknown one.
 */
export function readModelName(text: string): ModelName {
  const [, provider = '', model = ''] = /^([^/:]*)[/:](.*)$/.exec(text.trim()) ?? []
  const names = [OPENAI, ...Object.keys(PROVIDERS)].sort()
  if (names.includes(provider) && model !== '') return { provider, model }
  const meant = model === '' ? undefined : nearest(provider, names)
  throw new RangeError(
    meant === undefined
      ? `it takes provider/model, such as anthropic/claude-haiku-5-5; providers are ${names.join(', ')}`
      : `did you mean ${meant}/${model}?`,
  )
}
