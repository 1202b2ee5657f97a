/** Which model service a server talks to: what the environment says, checked before anything is sent. */

/** The model that is asked when `OPENAI_MODEL` names none. */
export const DEFAULT_MODEL = 'gpt-5.5'

/** Sent as the key to a service of its own address that was given none: the SDK insists on one. */
const NO_KEY = 'no-key'

/** Where requests go and by which key. */
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
 * White space around a value is dropped, and an empty value is none.
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
  // What a header cannot hold makes fetch throw an error that quotes the header.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new InvalidSettingError(
      `${name} holds a character that no key has, such as a space or a line break`,
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
      `${name} must not hold a user name or password; a key goes in OPENAI_API_KEY`,
    )
  }
  if (url.search !== '' || url.hash !== '') {
    throw new InvalidSettingError(`${name} must end with its path, such as /v1, without a query or fragment`)
  }
}
