/** The model service that the environment or the options name, checked before any request. */

/** The model when `OPENAI_MODEL` is not set. */
export const DEFAULT_MODEL = 'gpt-5.5'

/** The key for a service that needs none, because the SDK requires one. */
const NO_KEY = 'no-key'

/** The address and the key for requests. */
export interface OpenAIService {
  readonly apiKey: string
  /** Absent for OpenAI's own service. */
  readonly baseURL?: string
}

export interface OpenAISettings extends OpenAIService {
  readonly model: string
}

export type OpenAIEnvironment = Readonly<Record<string, string | undefined>>

/** A setting that cannot work. One line, which names the setting and does not quote its value. */
export class InvalidSettingError extends Error {
  override readonly name = 'InvalidSettingError'
}

/**
 * The model service of the environment, or `undefined` when it names none:
 *
 * - `OPENAI_API_KEY`: the key; alone it means OpenAI's own service.
 * - `OPENAI_BASE_URL`: a compatible service, such as `http://127.0.0.1:11434/v1` for Ollama; it is
 *   enough without a key.
 * - `OPENAI_MODEL`: the model; `gpt-5.5` by default. Alone it switches nothing on.
 *
 * White space around a value is ignored, and an empty value counts as not set.
 *
 * @throws {InvalidSettingError} for an address or a key that cannot be used.
 */
export function openAISettings(environment: OpenAIEnvironment = process.env): OpenAISettings | undefined {
  const service = openAIService({}, environment)
  return service && { ...service, model: value(environment.OPENAI_MODEL) ?? DEFAULT_MODEL }
}

/**
 * The service that options name, where they are silent the environment, or `undefined`.
 *
 * @throws {InvalidSettingError} for an address or a key that cannot be used.
 */
export function openAIService(
  options: { readonly apiKey?: string | undefined; readonly baseURL?: string | undefined },
  environment: OpenAIEnvironment = process.env,
): OpenAIService | undefined {
  const [keyName, key] =
    options.apiKey === undefined ? ['OPENAI_API_KEY', environment.OPENAI_API_KEY] : ['apiKey', options.apiKey]
  const [urlName, url] =
    options.baseURL === undefined
      ? ['OPENAI_BASE_URL', environment.OPENAI_BASE_URL]
      : ['baseURL', options.baseURL]
  const apiKey = value(key)
  const baseURL = value(url)
  if (apiKey !== undefined) checkKey(keyName, apiKey)
  if (baseURL !== undefined) {
    checkBaseURL(urlName, baseURL)
    return { apiKey: apiKey ?? NO_KEY, baseURL }
  }
  return apiKey === undefined ? undefined : { apiKey }
}

function value(text: string | undefined): string | undefined {
  return text?.trim() || undefined
}

function checkKey(name: string, key: string): void {
  // For a value that a header cannot hold, fetch throws an error that quotes it.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new InvalidSettingError(
      `${name} contains a character that no key has, such as a space or a line break`,
    )
  }
}

function checkBaseURL(name: string, text: string): void {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InvalidSettingError(
      `${name} must be an http or https address, such as https://api.openai.com/v1`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidSettingError(
      `${name} must not contain a user name or password; put a key in OPENAI_API_KEY`,
    )
  }
  if (url.search !== '' || url.hash !== '') {
    throw new InvalidSettingError(`${name} must end with its path, such as /v1, without a query or fragment`)
  }
}
