/** `millrace serve`: runs an application until it is told to stop. */
import { existsSync } from 'node:fs'
import type { Logger } from '../logging/logger.ts'
import { createLogger, shareLogger } from '../logging/pino.ts'
import { openAISettings } from '../providers/openai-settings.ts'
import type { Application } from '../server/application.ts'
import type { RunningServer } from '../server/listener.ts'
import { openStore, pathOfStore } from '../streams/open-store.ts'
import type { Durability } from '../streams/store.ts'
import { CommandError, UsageError } from './command-error.ts'
import { superviseProcess } from './lifecycle.ts'
import { listen } from './listen.ts'
import { guardLoading, loadApplication } from './load-application.ts'
import { variableOf } from './option.ts'
import { PACKAGE } from './package.ts'
import type { Environment, Flags } from './read-options.ts'
import { readSettings } from './read-settings.ts'
import { type LogFormat, SERVE_DEFAULTS, STORE_OPTION, type ServeSettings } from './serve-options.ts'
import { readTls } from './tls.ts'
import { watch } from './watch.ts'

/**
 * Serves the application that a file exports, or the demo when there is no file. Resolves once it listens.
 *
 * @throws {CommandError} saying why it does not.
 */
export async function serve(file: string | undefined, flags: Flags, environment: Environment): Promise<void> {
  const settings = readSettings(flags, environment)
  if (file === undefined) {
    const idle = (['watch', 'exportName'] as const).find((name) => settings[name])
    if (idle !== undefined)
      throw new UsageError(`--${idle === 'watch' ? 'watch' : 'export'} needs the file of an application`)
  }
  if (settings.watch) return watch()
  // For an application that opens its store by `storeFromEnvironment`.
  if (settings.store !== undefined) process.env[variableOf(STORE_OPTION)] = settings.store
  const format = settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json')
  const logger = await loggerFor(settings, format)
  shareLogger(logger)
  const say = (line: string): void => (format === 'json' ? logger.info({}, line) : console.log(line))
  const release = file === undefined ? undefined : guardLoading(file)
  try {
    const tls = await readTls(settings)
    const application = await applicationFor(file, settings, logger, environment)
    const { running, isOpen } = await listen(application, { ...settings, ...(tls && { tls }) })
    const { shutdownTimeout = SERVE_DEFAULTS.shutdownTimeout } = settings
    superviseProcess({ application, logger, shutdownTimeout, say })
    release?.()
    say(`Millrace ${PACKAGE.version} is serving ${file ?? 'its demo'} on ${addressOf(running, settings)}`)
    const durability = durabilityOf(application)
    if (durability !== undefined) say(`${streamsOf(file, settings)} ${SURVIVES[durability]}.`)
    if (format === 'pretty') for (const hint of hintsFor(file, environment)) say(hint)
    if (isOpen) logger.warn({}, 'no authentication: whoever reaches this machine can use the application')
  } catch (error) {
    if (error instanceof CommandError && error.cause !== undefined)
      logger.debug({ err: error.cause }, 'not serving')
    throw error
  }
}

async function loggerFor(
  { verbosity: level = SERVE_DEFAULTS.verbosity }: ServeSettings,
  format: LogFormat,
): Promise<Logger> {
  if (format === 'json') return createLogger({ level })
  const { prettyOutput } = await import('../logging/pretty.ts')
  return createLogger({ level, output: prettyOutput(process.stdout.isTTY && process.stdout.hasColors()) })
}

async function applicationFor(
  file: string | undefined,
  { exportName = SERVE_DEFAULTS.exportName, store = SERVE_DEFAULTS.store }: ServeSettings,
  logger: Logger,
  environment: Environment,
): Promise<Application> {
  if (file !== undefined) return await loadApplication(file, exportName)
  const { createSeedApplication } = await import('../seed/application.ts')
  try {
    return createSeedApplication({ logger, environment, store: openStore(store, { logger }) })
  } catch (error) {
    throw new CommandError((error as Error).message, error)
  }
}

/** Follows what `streamsOf` says. */
const SURVIVES: Readonly<Record<Durability, string>> = {
  none: 'end with this process',
  process: 'survive the end of this process, and no loss of power',
  power: 'survive a loss of power',
  replica: 'survive the loss of a machine',
}

/** Undefined without streams, and for an application of another Millrace that does not tell. */
function durabilityOf(application: Application): Durability | undefined {
  const options = application.options as Application['options'] | undefined
  return options?.streams?.store.durability
}

function streamsOf(file: string | undefined, { store = SERVE_DEFAULTS.store }: ServeSettings): string {
  if (file !== undefined) return `The streams of ${file}`
  return `Streams are kept in ${pathOfStore(store) ?? 'memory'}, and`
}

function addressOf({ url }: RunningServer, { rootPath = '', host }: ServeSettings): string {
  const everywhere = host === '0.0.0.0' || host === '::'
  return `${url}${rootPath}${everywhere ? ', and on every address of this machine' : ''}`
}

function* hintsFor(file: string | undefined, environment: Environment): Generator<string> {
  if (file === undefined) {
    if (!openAISettings(environment))
      yield 'Scripted numbers answer; set OPENAI_API_KEY for a model that does.'
    const own = ['app.ts', 'app.js'].find((name) => existsSync(name))
    if (own !== undefined) yield `To serve the ${own} of this folder: millrace serve ${own}`
  }
  yield 'Ctrl-C stops it.'
}
