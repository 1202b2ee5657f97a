/** Loads the model that a name asks for. Its provider's package comes from the user's project, and only then. */
import type { LanguageModel } from 'ai'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InvalidSettingError, openAIService } from '../../providers/openai/settings.ts'
import type { OpenAIEnvironment } from '../../providers/openai/settings.ts'
import { type ModelOptions, wantsBackground } from '../model-answer.ts'
import type * as AiSdkModel from './ai-sdk-model.ts'
import type { DemoModel } from './demo-model.ts'
import { type KnownProvider, type ModelName, OPENAI, PROVIDERS, readModelName } from './model-name.ts'
import { openAIModel } from './openai-model.ts'

export interface LoadOptions extends Pick<ModelOptions, 'startTimeout' | 'stallTimeout'> {
  readonly environment: OpenAIEnvironment
  /** The folder from which packages are looked up. */
  readonly folder: string
}

/**
 * @param name `provider/model`.
 * @throws {InvalidSettingError} in one line, for a missing key, address or package.
 * @throws {RangeError} for no name, or one with an unknown provider.
 */
export async function loadModel(name: string, options: LoadOptions): Promise<DemoModel> {
  const asked = readModelName(name)
  if (asked.provider === OPENAI) return openAINamed(asked, options)
  const provider = PROVIDERS[asked.provider] as KnownProvider
  const { key } = provider
  if (key !== undefined && !options.environment[key]?.trim())
    throw new InvalidSettingError(`${name} needs a key in ${key}, which is not set`)
  const baseURL = addressFor(name, provider, options.environment)
  const { aiSdkModel, gateway } = await withAiSdk(provider)
  const factory =
    provider.package === 'ai' ? gateway : await exportOf(options.folder, provider.package, provider.factory)
  const model = modelOf(factory, asked, baseURL, options.environment)
  if (!model)
    throw new InvalidSettingError(
      `${provider.package} has no ${provider.factory}: is it of an older version?`,
    )
  return aiSdkModel(`${asked.provider}/${asked.model}`, model)
}

function openAINamed(
  { model }: ModelName,
  { environment, startTimeout, stallTimeout }: LoadOptions,
): DemoModel {
  const service = openAIService({}, environment)
  if (!service)
    throw new InvalidSettingError(`${OPENAI}/${model} needs a key in OPENAI_API_KEY, which is not set`)
  return openAIModel({
    ...service,
    model,
    startTimeout,
    stallTimeout,
    background: wantsBackground(environment),
  })
}

function addressFor(
  name: string,
  { baseURL }: KnownProvider,
  environment: OpenAIEnvironment,
): string | undefined {
  if (!baseURL) return undefined
  const { variable, usual } = baseURL
  const address = environment[variable]?.trim() || usual
  if (address === undefined)
    throw new InvalidSettingError(`${name} needs the address of its service in ${variable}, which is not set`)
  if (!/^https?:$/.test(URL.parse(address)?.protocol ?? ''))
    throw new InvalidSettingError(
      `${variable} must be an http or https address, such as ${usual ?? 'http://127.0.0.1:8080/v1'}`,
    )
  return address
}

/** @throws {InvalidSettingError} without the package `ai`, which is a peer of this one. */
async function withAiSdk({ package: own }: KnownProvider): Promise<typeof AiSdkModel> {
  try {
    return await import('./ai-sdk-model.ts')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const packages = own === 'ai' ? own : `ai ${own}`
    throw new InvalidSettingError(`The package ai is not installed: npm install ${packages}`, {
      cause: error,
    })
  }
}

/** @throws {InvalidSettingError} if the project of the folder does not have the package, or not whole. */
async function exportOf(folder: string, name: string, factory: string): Promise<unknown> {
  let path: string
  try {
    path = createRequire(join(folder, 'package.json')).resolve(name)
  } catch (error) {
    throw new InvalidSettingError(`The package ${name} is not installed: npm install ${name}`, {
      cause: error,
    })
  }
  try {
    return ((await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>)[factory]
  } catch (error) {
    throw new InvalidSettingError(`The package ${name} cannot be loaded: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

interface Factory {
  (settings: object): Factory
  languageModel?(model: string): LanguageModel
}

function modelOf(
  factory: unknown,
  { provider, model }: ModelName,
  baseURL: string | undefined,
  { OPENAI_API_KEY: apiKey }: OpenAIEnvironment,
): LanguageModel | undefined {
  if (typeof factory !== 'function') return undefined
  const known = factory as Factory
  // The key goes to the service that the same variables name, and to no other.
  const settings = { name: provider, baseURL, ...(provider === 'openai-compatible' && apiKey && { apiKey }) }
  return (baseURL === undefined ? known : known(settings)).languageModel?.(model)
}
